package broadcast

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/onairgo/onair/event"
)

// DefaultConnection is the name of the connection that [New] is given.
const DefaultConnection = "default"

// Broadcaster sends events over one or several connections. Make one with
// [New] at the start of the program; it is safe for concurrent use.
type Broadcaster struct {
	drivers    map[string]Driver
	names      []string // of drivers, as given
	middleware []Middleware
	nameFor    func(context.Context) (string, error)
	resolve    func(context.Context, string) (Driver, error)
	observers  []func(context.Context, Observation)
	namespace  string
	logger     *slog.Logger
	resolved   sync.Map // connection name to resolvedDriver

	mu       sync.Mutex
	closed   bool
	inFlight int
	idle     chan struct{} // closed when closed and nothing is in flight
}

// Option configures a [Broadcaster].
type Option func(*Broadcaster)

// WithConnection adds a driver under a name that events can choose
// (event.Router) and callers too ([Via]). The same name twice panics in [New].
func WithConnection(name string, d Driver) Option {
	return func(b *Broadcaster) { b.add(name, d) }
}

// WithConnectionName chooses the connection of a dispatch that names none, for
// instance the tenant's. It is asked at dispatch; the empty name is
// [DefaultConnection], and an error refuses the dispatch.
func WithConnectionName(name func(ctx context.Context) (string, error)) Option {
	return func(b *Broadcaster) { b.nameFor = name }
}

// WithResolver finds the driver of a connection that was not added with
// [WithConnection]. It is asked at dispatch and again at delivery, which may be
// in another process, so a name must lead to its driver at any time. Keep the
// drivers you make: it is called often and concurrently. A nil driver without
// an error is [ErrUnknownConnection].
func WithResolver(resolve func(ctx context.Context, name string) (Driver, error)) Option {
	return func(b *Broadcaster) { b.resolve = resolve }
}

// WithMiddleware puts middleware around the driver of every connection; the
// first is the outermost.
func WithMiddleware(middleware ...Middleware) Option {
	return func(b *Broadcaster) { b.middleware = append(b.middleware, middleware...) }
}

// WithObserver adds a function that is told of every call of a driver after it
// returned: the place for metrics. It runs in the dispatching goroutine and
// should be quick; a panic in it is logged. For spans around a call use
// [WithMiddleware].
func WithObserver(observe func(ctx context.Context, o Observation)) Option {
	return func(b *Broadcaster) { b.observers = append(b.observers, observe) }
}

// WithNamespace sets what stands before the type name of an event whose
// BroadcastAs is empty. The default is event.DefaultNamespace, which is Echo's
// too; the empty string leaves the bare type name, for pages that set Echo's
// namespace to false.
func WithNamespace(namespace string) Option {
	return func(b *Broadcaster) { b.namespace = namespace }
}

// WithLogger sets the logger; nil is slog.Default. A delivery is logged at
// level debug and a failed one at level error, with event, channels,
// connection and duration, never with the payload. An event that has nobody to
// go to is logged at level debug too, with the reason.
func WithLogger(l *slog.Logger) Option {
	return func(b *Broadcaster) { b.logger = l }
}

// New returns a Broadcaster whose default connection is the driver. It panics
// when a driver is nil or a nil pointer, or a connection's name stands twice or
// is empty, as these are mistakes in the program's wiring.
func New(d Driver, options ...Option) *Broadcaster {
	b := &Broadcaster{
		drivers:   make(map[string]Driver),
		namespace: event.DefaultNamespace,
		idle:      make(chan struct{}),
	}
	b.add(DefaultConnection, d)
	for _, o := range options {
		o(b)
	}
	if b.logger == nil {
		b.logger = slog.Default()
	}
	for name, d := range b.drivers {
		b.drivers[name] = Chain(d, b.middleware...)
	}
	return b
}

func (b *Broadcaster) add(name string, d Driver) {
	switch _, taken := b.drivers[name]; {
	case isNil(d):
		panic(fmt.Sprintf("broadcast: the driver of connection %q is nil", name))
	case name == "":
		panic("broadcast: a connection needs a name")
	case taken:
		panic(fmt.Sprintf("broadcast: connection %q is given twice", name))
	}
	b.drivers[name] = d
	b.names = append(b.names, name)
}

func isNil(d Driver) bool {
	if d == nil {
		return true
	}
	v := reflect.ValueOf(d)
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}

// Connections returns the names of the connections that were given to [New],
// the default one first.
func (b *Broadcaster) Connections() []string { return slices.Clone(b.names) }

// Driver returns the driver of a connection with all middleware around it. The
// empty name is the connection that a dispatch with this context would take.
// The error of an unknown name is [ErrUnknownConnection].
func (b *Broadcaster) Driver(ctx context.Context, name string) (Driver, error) {
	_, d, _, err := b.find(ctx, name)
	return d, err
}

// find returns the connection that a name stands for, its driver and that
// one's limits. A panic of the application's code in it is an error.
func (b *Broadcaster) find(ctx context.Context, name string) (connection string, d Driver, limits Limits, err error) {
	err = b.contain(ctx, "resolver panicked", func() error {
		var err error
		if connection, err = b.connectionName(ctx, name); err != nil {
			return err
		}
		if d, err = b.driver(ctx, connection); err != nil {
			return err
		}
		limits = LimitsOf(d)
		return nil
	})
	return connection, d, limits, err
}

func (b *Broadcaster) connectionName(ctx context.Context, name string) (string, error) {
	if name != "" {
		return name, nil
	}
	if b.nameFor != nil {
		name, err := b.nameFor(ctx)
		if err != nil {
			return "", fmt.Errorf("broadcast: connection of this context: %w", err)
		}
		if name != "" {
			return name, nil
		}
	}
	return DefaultConnection, nil
}

func (b *Broadcaster) driver(ctx context.Context, name string) (Driver, error) {
	if d, ok := b.drivers[name]; ok {
		return d, nil
	}
	if b.resolve != nil {
		d, err := b.resolve(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("broadcast: connection %q: %w", name, err)
		}
		if !isNil(d) {
			return b.wrap(name, d), nil
		}
	}
	return nil, fmt.Errorf("%w %q; there are: %s", ErrUnknownConnection, name, strings.Join(b.names, ", "))
}

// resolvedDriver is what a resolver returned last for a name, and the same with
// the middleware around it.
type resolvedDriver struct{ bare, wrapped Driver }

// wrap puts the middleware around a resolved driver and keeps the result, as
// middleware may have state.
func (b *Broadcaster) wrap(name string, d Driver) Driver {
	if len(b.middleware) == 0 {
		return d
	}
	if !reflect.ValueOf(d).Comparable() {
		return Chain(d, b.middleware...)
	}
	known, ok := b.resolved.Load(name)
	if !ok || known.(resolvedDriver).bare != d {
		known = resolvedDriver{bare: d, wrapped: Chain(d, b.middleware...)}
		b.resolved.Store(name, known)
	}
	return known.(resolvedDriver).wrapped
}

// enter counts a call in, and reports false after Shutdown.
func (b *Broadcaster) enter() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.inFlight++
	return true
}

func (b *Broadcaster) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.inFlight--
	if b.closed && b.inFlight == 0 {
		close(b.idle)
	}
}

// Shutdown refuses new dispatches with [ErrClosed] and waits for those that
// are under way until the context is done, whose error it then returns. It may
// be called several times, also at the same time. It does not shut the drivers
// down: they belong to whoever made them.
func (b *Broadcaster) Shutdown(ctx context.Context) error {
	b.mu.Lock()
	if !b.closed {
		b.closed = true
		if b.inFlight == 0 {
			close(b.idle)
		}
	}
	b.mu.Unlock()
	select {
	case <-b.idle:
		return nil
	default:
	}
	select {
	case <-b.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("broadcast: shutdown: %w", context.Cause(ctx))
	}
}
