package broadcast_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
)

func TestNewRefusesWrongWiring(t *testing.T) {
	t.Parallel()
	var (
		noScript *script
		noFunc   broadcast.DriverFunc
	)
	for text, build := range map[string]func(){
		`broadcast: the driver of connection "default" is nil`: func() { broadcast.New(nil) },
		`broadcast: the driver of connection "a" is nil`:       func() { broadcast.New(limited{}, broadcast.WithConnection("a", noScript)) },
		`broadcast: the driver of connection "b" is nil`:       func() { broadcast.New(limited{}, broadcast.WithConnection("b", noFunc)) },
		`broadcast: a connection needs a name`:                 func() { broadcast.New(limited{}, broadcast.WithConnection("", limited{})) },
		`broadcast: connection "default" is given twice`:       func() { broadcast.New(limited{}, broadcast.WithConnection("default", limited{})) },
		`broadcast: connection "c" is given twice`: func() {
			broadcast.New(limited{}, broadcast.WithConnection("c", limited{}), broadcast.WithConnection("c", limited{}))
		},
		`broadcast: middleware 1 of 1 returned no driver`: func() {
			broadcast.New(limited{}, broadcast.WithMiddleware(func(broadcast.Driver) broadcast.Driver { return nil }))
		},
	} {
		require.PanicsWithValue(t, text, build)
	}
}

func TestConnections(t *testing.T) {
	t.Parallel()
	b := broadcast.New(limited{}, broadcast.WithConnection("z", limited{}), broadcast.WithConnection("a", limited{}), quiet)
	names := b.Connections()
	require.Equal(t, []string{"default", "z", "a"}, names)
	names[0] = "changed"
	require.Equal(t, "default", b.Connections()[0])
}

type tenantKey struct{}

func tenant(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, tenantKey{}, name)
}

func tenantOf(ctx context.Context) (string, error) {
	name, _ := ctx.Value(tenantKey{}).(string)
	if name == "banned" {
		return "", errors.New("tenant is banned")
	}
	return name, nil
}

func TestTenants(t *testing.T) {
	t.Parallel()
	shared, acme, audit := broadcasttest.NewRecorder(t), broadcasttest.NewRecorder(t), broadcasttest.NewRecorder(t)
	resolve := func(_ context.Context, name string) (broadcast.Driver, error) {
		switch name {
		case "acme":
			return acme, nil
		case "broken":
			return nil, errDown
		case "typed nil":
			return (*script)(nil), nil
		}
		return nil, nil
	}
	b := broadcast.New(shared, broadcast.WithConnection("audit", audit), broadcast.WithConnectionName(tenantOf), broadcast.WithResolver(resolve), quiet)

	require.NoError(t, b.Dispatch(t.Context(), paid{ID: 1}))
	require.NoError(t, b.Dispatch(tenant(t.Context(), "acme"), paid{ID: 2}))
	require.NoError(t, b.Dispatch(tenant(t.Context(), "acme"), paid{ID: 3}, broadcast.Via("audit", "")))
	require.Equal(t, []paid{{1}}, broadcasttest.Payloads[paid](shared, "order.paid"))
	require.Equal(t, []paid{{2}, {3}}, broadcasttest.Payloads[paid](acme, "order.paid"))
	require.Equal(t, []paid{{3}}, broadcasttest.Payloads[paid](audit, "order.paid"))

	require.ErrorContains(t, b.Dispatch(tenant(t.Context(), "banned"), paid{}), "broadcast: connection of this context: tenant is banned")
	require.ErrorIs(t, b.Dispatch(tenant(t.Context(), "broken"), paid{}), errDown)
	require.ErrorIs(t, b.Dispatch(tenant(t.Context(), "gone"), paid{}), broadcast.ErrUnknownConnection)
	require.ErrorIs(t, b.Dispatch(tenant(t.Context(), "typed nil"), paid{}), broadcast.ErrUnknownConnection)

	// The name that Prepare found is stored, so that delivery needs no tenant.
	deliveries, err := b.Prepare(tenant(t.Context(), "acme"), paid{ID: 4})
	require.NoError(t, err)
	require.Equal(t, "acme", deliveries[0].Connection)
	require.NoError(t, b.Deliver(t.Context(), deliveries...))
	require.Equal(t, paid{4}, broadcasttest.Payloads[paid](acme, "order.paid")[2])

	deliveries[0].Connection = "" // as nobody stores it
	err = b.Deliver(tenant(t.Context(), "banned"), deliveries...)
	require.ErrorContains(t, err, "tenant is banned")
	require.Len(t, broadcast.Undelivered(err), 1)

	d, err := b.Driver(tenant(t.Context(), "acme"), "")
	require.NoError(t, err)
	require.Same(t, acme, d)
	d, err = b.Driver(t.Context(), "audit")
	require.NoError(t, err)
	require.NoError(t, d.Broadcast(t.Context(), nil))
	_, err = b.Driver(t.Context(), "gone")
	require.ErrorIs(t, err, broadcast.ErrUnknownConnection)
	_, err = b.Driver(tenant(t.Context(), "banned"), "")
	require.Error(t, err)
}

func TestResolverThatPanicsAtDelivery(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, quiet, broadcast.WithResolver(func(context.Context, string) (broadcast.Driver, error) { panic("no database") }))
	deliveries, err := b.Prepare(t.Context(), paid{ID: 7})
	require.NoError(t, err)
	lost := deliveries[0]
	lost.Connection = "acme"
	err = b.Deliver(t.Context(), lost, deliveries[0])
	require.ErrorIs(t, err, broadcast.ErrPanic)
	require.Len(t, broadcast.Undelivered(err), 1)
	rec.AssertCount("order.paid", 1)
}

func TestResolverThatPanicsAtDispatch(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	logged := newLog()
	b := broadcast.New(rec, logged.option(), broadcast.WithResolver(func(context.Context, string) (broadcast.Driver, error) { panic("no database") }))
	err := b.Dispatch(t.Context(), paid{ID: 7}, broadcast.Via("", "acme"))
	require.ErrorIs(t, err, broadcast.ErrPanic)
	require.Empty(t, broadcast.Undelivered(err))
	rec.AssertNone()
	require.Contains(t, logged.String(), "resolver panicked")
	_, err = b.Driver(t.Context(), "acme")
	require.ErrorIs(t, err, broadcast.ErrPanic)
}

// TestMiddlewareOfResolvedDriversKeepsItsState has middleware that counts.
func TestMiddlewareOfResolvedDriversKeepsItsState(t *testing.T) {
	t.Parallel()
	var built, most atomic.Int64
	counter := func(next broadcast.Driver) broadcast.Driver {
		built.Add(1)
		var n atomic.Int64
		return broadcast.DriverFunc(func(ctx context.Context, m []broadcast.Message) error {
			most.Store(n.Add(1))
			return next.Broadcast(ctx, m)
		})
	}
	var current broadcast.Driver = broadcasttest.NewRecorder(t)
	b := broadcast.New(limited{}, quiet, broadcast.WithMiddleware(counter),
		broadcast.WithResolver(func(context.Context, string) (broadcast.Driver, error) { return current, nil }))
	for range 3 {
		require.NoError(t, b.Dispatch(t.Context(), paid{}, broadcast.Via("acme")))
	}
	require.EqualValues(t, 2, built.Load(), "one for the default connection, one for the tenant")
	require.EqualValues(t, 3, most.Load())

	current = broadcasttest.NewRecorder(t) // another driver has a middleware of its own
	require.NoError(t, b.Dispatch(t.Context(), paid{}, broadcast.Via("acme")))
	require.EqualValues(t, 3, built.Load())
	current.(*broadcasttest.Recorder).AssertCount("order.paid", 1)

	for _, current = range []broadcast.Driver{loose{}, loose{[]int{1}}, loose{[]int{1}}} { // of a comparable type
		require.NoError(t, b.Dispatch(t.Context(), paid{}, broadcast.Via("acme")))
	}
	current = broadcast.DriverFunc(limited{}.Broadcast) // not comparable
	most.Store(0)
	require.NoError(t, b.Dispatch(t.Context(), paid{}, broadcast.Via("acme")))
	require.EqualValues(t, 1, most.Load(), "it has middleware all the same")
}

// TestMiddlewareOfEachTenantKeepsItsState takes turns between two.
func TestMiddlewareOfEachTenantKeepsItsState(t *testing.T) {
	t.Parallel()
	built := 0
	count := func(next broadcast.Driver) broadcast.Driver { built++; return pass(next) }
	tenants := map[string]broadcast.Driver{"acme": broadcasttest.NewRecorder(t), "umbrella": broadcasttest.NewRecorder(t)}
	b := broadcast.New(limited{}, quiet, broadcast.WithMiddleware(count),
		broadcast.WithResolver(func(_ context.Context, name string) (broadcast.Driver, error) { return tenants[name], nil }))
	for range 3 {
		for name := range tenants {
			require.NoError(t, b.Dispatch(t.Context(), paid{}, broadcast.Via(name)))
		}
	}
	require.Equal(t, 3, built, "one for the default connection, one for each tenant")
}

// loose is a driver whose values can be compared until one holds a slice.
type loose struct{ held any }

func (loose) Broadcast(context.Context, []broadcast.Message) error { return nil }

func TestMiddlewareIsAroundEveryConnection(t *testing.T) {
	t.Parallel()
	var order []string
	small := limited{broadcast.Limits{Channels: 1}}
	b := broadcast.New(limited{}, broadcast.WithMiddleware(note("a", &order)), broadcast.WithConnection("small", small), broadcast.WithMiddleware(note("b", &order)), quiet)
	require.NoError(t, b.Dispatch(t.Context(), paid{}))
	require.NoError(t, b.Dispatch(t.Context(), paid{}, broadcast.Via("small")))
	require.Equal(t, []string{"a", "b", "a", "b"}, order)

	d, err := b.Driver(t.Context(), "small")
	require.NoError(t, err)
	require.Equal(t, small.limits, broadcast.LimitsOf(d), "middleware hides no limits")
}

// TestFirstDispatchesAtOnce covers LIB-018: 1,000 goroutines on a fresh
// broadcaster; the race detector watches.
func TestFirstDispatchesAtOnce(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, quiet, broadcast.WithConnection("audit", rec), broadcast.WithMiddleware(pass),
		broadcast.WithResolver(func(context.Context, string) (broadcast.Driver, error) { return rec, nil }))
	start := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 1000 {
		wg.Go(func() {
			<-start
			if err := b.Dispatch(t.Context(), paid{ID: i}, broadcast.Via("", "audit", "acme")); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
	rec.AssertCount("order.paid", 3000)
}

// TestDispatchAfterShutdown covers LIB-020.
func TestDispatchAfterShutdown(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, quiet)
	deliveries, err := b.Prepare(t.Context(), paid{ID: 7})
	require.NoError(t, err)
	require.NoError(t, b.Shutdown(t.Context()))
	require.NoError(t, b.Shutdown(t.Context()), "twice")

	require.ErrorIs(t, b.Dispatch(t.Context(), paid{}), broadcast.ErrClosed)
	_, err = b.Prepare(t.Context(), paid{})
	require.ErrorIs(t, err, broadcast.ErrClosed)
	err = b.Deliver(t.Context(), deliveries...)
	require.ErrorIs(t, err, broadcast.ErrClosed)
	require.Equal(t, deliveries[0].Message, broadcast.Undelivered(err)[0].Message, "nothing is lost unnoticed")
	rec.AssertNone()

	other := broadcast.Delivery{ID: "2", Connection: "audit", Message: broadcast.Message{ID: "2"}}
	var again []broadcast.Delivery
	for _, u := range broadcast.Undelivered(b.Deliver(t.Context(), deliveries[0], other)) {
		again = append(again, u.Delivery())
	}
	require.Equal(t, []broadcast.Delivery{deliveries[0], other}, again, "on no connection")
	require.NoError(t, b.Deliver(t.Context()), "there is nothing to lose")
}

// TestShutdownDuringDispatches covers LIB-021: 10,000 dispatches are under way and as many come later;
// each is delivered or returns an error, and no goroutine is left (which
// synctest checks).
func TestShutdownDuringDispatches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const n = 20_000
		var delivered, refused atomic.Int64
		slow := broadcast.DriverFunc(func(_ context.Context, m []broadcast.Message) error {
			<-time.After(time.Second)
			delivered.Add(int64(len(m)))
			return nil
		})
		b := broadcast.New(slow, quiet)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				<-time.After(time.Duration(i%2000) * time.Millisecond) // half of them come late
				switch err := b.Dispatch(context.Background(), paid{ID: i}); {
				case errors.Is(err, broadcast.ErrClosed):
					refused.Add(1)
				case err != nil:
					t.Error(err)
				}
			})
		}
		<-time.After(999*time.Millisecond + time.Microsecond)

		hurry, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		require.ErrorIs(t, b.Shutdown(hurry), context.DeadlineExceeded, "dispatches are under way")

		for range 2 { // at the same time
			wg.Go(func() {
				if err := b.Shutdown(context.Background()); err != nil {
					t.Error(err)
				}
				if got := delivered.Load(); got != n/2 {
					t.Errorf("%d were delivered when Shutdown returned, want %d", got, n/2)
				}
			})
		}
		wg.Wait()
		require.NoError(t, b.Shutdown(t.Context()))
		require.EqualValues(t, n/2, refused.Load())
		require.EqualValues(t, n/2, delivered.Load())
	})
}
