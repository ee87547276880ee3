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

// DefaultConnection is the name of the connection whose driver is passed to
// [New].
const DefaultConnection = "default"

// Broadcaster sends events over one or more connections. Create one with [New]
// when the program starts. It is safe for concurrent use.
type Broadcaster struct {
	drivers    map[string]Driver
	names      []string // keys of drivers, in the order given
	middleware []Middleware
	nameFor    func(context.Context) (string, error)
	resolve    func(context.Context, string) (Driver, error)
	observers  []func(context.Context, Observation)
	namespace  string
	logger     *slog.Logger
	resolved   sync.Map // from connection name to resolvedDriver

	mu       sync.Mutex
	closed   bool
	inFlight int
	idle     chan struct{} // closed when closed and nothing is in flight
}

// Option configures a [Broadcaster].
type Option func(*Broadcaster)

// WithConnection adds a connection: a driver under a name that events
// ([event.Router]) and callers ([Via]) can select. [New] panics if two
// connections have the same name.
func WithConnection(name string, d Driver) Option {
	return func(b *Broadcaster) { b.add(name, d) }
}

// WithConnectionName selects the connection when neither the event nor the
// caller names one, by the context's tenant for example. The function is called
// at dispatch. An empty name means [DefaultConnection]; an error refuses the
// dispatch.
func WithConnectionName(name func(ctx context.Context) (string, error)) Option {
	return func(b *Broadcaster) { b.nameFor = name }
}

// WithResolver finds the driver for a connection that was not added with
// [WithConnection]. The function is called at dispatch and again at delivery,
// which may be in another process, so the same name must lead to the same
// driver at any time. It is called often and concurrently, so it should keep
// the drivers that it makes. A nil driver without an error means
// [ErrUnknownConnection].
func WithResolver(resolve func(ctx context.Context, name string) (Driver, error)) Option {
	return func(b *Broadcaster) { b.resolve = resolve }
}

// WithMiddleware wraps the driver of every connection in the middleware. The
// first one is the outermost.
func WithMiddleware(middleware ...Middleware) Option {
	return func(b *Broadcaster) { b.middleware = append(b.middleware, middleware...) }
}

// WithObserver adds a function that is called after every call of a driver, for
// metrics for example. It runs in the goroutine that made the call and should
// return quickly. A panic in it is logged. To trace calls with spans, use
// [WithMiddleware].
func WithObserver(observe func(ctx context.Context, o Observation)) Option {
	return func(b *Broadcaster) { b.observers = append(b.observers, observe) }
}

// WithNamespace sets the namespace that precedes the type name of an event
// whose BroadcastAs returns the empty string. The default is
// [event.DefaultNamespace], which is also Echo's. An empty namespace leaves the
// bare type name, for pages that set Echo's namespace to false.
func WithNamespace(namespace string) Option {
	return func(b *Broadcaster) { b.namespace = namespace }
}

// WithLogger sets the logger; nil means slog.Default. Deliveries are logged at
// level debug and failed deliveries at level error, with event, channels,
// connection and duration but never the payload. An event that has nothing to
// send is logged at level debug with the reason.
func WithLogger(l *slog.Logger) Option {
	return func(b *Broadcaster) { b.logger = l }
}

// New returns a Broadcaster whose default connection uses the driver d. It
// panics if a driver is nil or a nil pointer, if the name of a connection is
// empty or used twice, or if middleware returns nil, because these are mistakes
// in how the program is set up.
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

// Connections returns the names of the connections that [New] was given, the
// default one first. Those that a resolver finds are not included.
func (b *Broadcaster) Connections() []string { return slices.Clone(b.names) }

// Driver returns the driver of the named connection, wrapped in all middleware.
// An empty name means the connection that a dispatch with this context would
// use. The error for an unknown name wraps [ErrUnknownConnection].
func (b *Broadcaster) Driver(ctx context.Context, name string) (Driver, error) {
	_, d, _, err := b.find(ctx, name)
	return d, err
}

// find returns the connection that a name stands for, its driver and the
// driver's limits. A panic in the application's code becomes an error.
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
	return nil, fmt.Errorf("%w %q; known connections: %s", ErrUnknownConnection, name, strings.Join(b.names, ", "))
}

// resolvedDriver is what the resolver last returned for a name, without and
// with the middleware around it.
type resolvedDriver struct{ bare, wrapped Driver }

// wrap wraps a resolved driver in the middleware and keeps the result, because
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

// enter registers a call. It returns false after Shutdown.
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

// Shutdown makes further calls of Dispatch, Prepare and Deliver fail with
// [ErrClosed] and waits for those in progress. If the context is done first, it
// returns an error that wraps the context's cause. It may be called more than
// once, also concurrently. It does not shut down the drivers, which belong to
// whoever created them.
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
