package broadcast_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// script is a driver that answers each call with the next step and notes what
// it was given; behind the last step all is well.
type script struct {
	limits broadcast.Limits
	steps  []func(ctx context.Context, m []broadcast.Message) error
	calls  [][]broadcast.Message
}

func (s *script) Limits() broadcast.Limits { return s.limits }

func (s *script) Broadcast(ctx context.Context, m []broadcast.Message) error {
	s.calls = append(s.calls, append([]broadcast.Message(nil), m...))
	if n := len(s.calls); n <= len(s.steps) && s.steps[n-1] != nil {
		return s.steps[n-1](ctx, m)
	}
	return nil
}

func fails(err error) func(context.Context, []broadcast.Message) error {
	return func(context.Context, []broadcast.Message) error { return err }
}

func panics(context.Context, []broadcast.Message) error { panic("driver bug") }

// hangs until its context ends.
func hangs(ctx context.Context, _ []broadcast.Message) error {
	<-ctx.Done()
	return context.Cause(ctx)
}

var errDown = errors.New("connection refused")

// TestEveryConnectionIsTried covers LIB-022: a driver that panics, fails or
// hangs keeps no other from being called.
func TestEveryConnectionIsTried(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logged := newLog()
		first, last := broadcasttest.NewRecorder(t), broadcasttest.NewRecorder(t)
		failing, panicking, hanging := &script{}, &script{}, &script{}
		failing.steps = append(failing.steps, fails(errDown))
		panicking.steps = append(panicking.steps, panics)
		hanging.steps = append(hanging.steps, hangs)
		b := broadcast.New(first, logged.option(), broadcast.WithConnection("failing", failing), broadcast.WithConnection("panicking", panicking),
			broadcast.WithConnection("hanging", hanging), broadcast.WithConnection("last", last))
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		start := time.Now()

		err := b.Dispatch(ctx, paid{ID: 7}, broadcast.Via("", "failing", "panicking", "hanging", "last"))

		require.Equal(t, 5*time.Second, time.Since(start), "connections are served at the same time, the slowest decides")
		first.AssertSent("order.paid")
		last.AssertSent("order.paid")
		undelivered := broadcast.Undelivered(err)
		require.Len(t, undelivered, 3)
		for i, want := range []struct {
			connection string
			cause      error
			permanent  bool
		}{{"failing", errDown, false}, {"panicking", broadcast.ErrPanic, true}, {"hanging", context.DeadlineExceeded, false}} {
			require.Equal(t, want.connection, undelivered[i].Connection)
			require.ErrorIs(t, undelivered[i], want.cause)
			require.ErrorContains(t, err, `via "`+want.connection+`"`)
			require.Equal(t, want.permanent, errors.Is(undelivered[i], broadcast.ErrPermanent))
		}
		require.ErrorContains(t, err, "driver bug")
		require.Contains(t, logged.String(), `"msg":"driver panicked","panic":"driver bug","stack":`)
	})
}

// TestPanicOfTheOnlyDriver covers LIB-022 for a dispatch in the caller's own
// goroutine.
func TestPanicOfTheOnlyDriver(t *testing.T) {
	t.Parallel()
	d := &script{}
	d.steps = append(d.steps, panics)
	b := broadcast.New(d, quiet)
	err := b.Dispatch(t.Context(), paid{ID: 7})
	require.ErrorIs(t, err, broadcast.ErrPanic)
	require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}), "the next one goes out")
	require.NoError(t, b.Shutdown(t.Context()))
}

func TestEachPartThatFailedIsNamed(t *testing.T) {
	t.Parallel()
	d := &script{limits: broadcast.Limits{Channels: 10, Batch: 2}}
	d.steps = append(d.steps,
		nil,
		func(_ context.Context, m []broadcast.Message) error { // the second of a batch
			return errors.Join(&broadcast.DeliveryError{Message: m[1], Err: errDown})
		},
		fails(errDown), // all of a batch
	)
	b := broadcast.New(d, quiet)
	deliveries, err := b.Prepare(t.Context(), event.Of("e", nil, private(65)...)) // 7 messages, 4 batches
	require.NoError(t, err)
	require.Len(t, deliveries, 7)

	err = b.Deliver(t.Context(), deliveries...)

	require.Len(t, d.calls, 4, "what comes behind a failure is tried")
	var order []string
	for _, call := range d.calls {
		require.LessOrEqual(t, len(call), 2)
		for _, m := range call {
			order = append(order, m.ID)
		}
	}
	require.Equal(t, ids(deliveries), order, "in their order")

	undelivered := broadcast.Undelivered(err)
	var again []broadcast.Delivery
	for _, u := range undelivered {
		require.Equal(t, "default", u.Connection)
		require.ErrorIs(t, u, errDown)
		again = append(again, u.Delivery())
	}
	require.Equal(t, []broadcast.Delivery{deliveries[3], deliveries[4], deliveries[5]}, again)

	d.calls = d.calls[:4]
	require.NoError(t, b.Deliver(t.Context(), again...))
	require.Len(t, d.calls, 6, "two batches of what had failed")
}

func ids(deliveries []broadcast.Delivery) (out []string) {
	for _, d := range deliveries {
		out = append(out, d.ID)
	}
	return out
}

func TestErrorWithoutPartsMeansAllOfThem(t *testing.T) {
	t.Parallel()
	d := &script{limits: broadcast.Limits{Channels: 10}}
	d.steps = append(d.steps, fails(errDown))
	err := broadcast.New(d, quiet).Dispatch(t.Context(), event.Of("e", nil, private(25)...))
	require.Len(t, broadcast.Undelivered(err), 3)
	require.Len(t, d.calls, 1)
}

func TestCancelledContext(t *testing.T) {
	t.Parallel()
	tabClosed := errors.New("tab closed")
	ctx, cancel := context.WithCancelCause(t.Context())
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, quiet)
	deliveries, err := b.Prepare(ctx, paid{ID: 7})
	require.NoError(t, err)
	cancel(tabClosed)
	err = b.Deliver(ctx, deliveries...)
	require.ErrorIs(t, err, tabClosed)
	require.Len(t, broadcast.Undelivered(err), 1)
	rec.AssertNone()
	require.NoError(t, b.Deliver(context.WithoutCancel(ctx), deliveries...))
	rec.AssertCount("order.paid", 1)
}

func TestContextEndsBetweenBatches(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	d := &script{limits: broadcast.Limits{Channels: 1, Batch: 1}}
	d.steps = append(d.steps, func(context.Context, []broadcast.Message) error { cancel(); return nil })
	err := broadcast.New(d, quiet).Dispatch(ctx, event.Of("e", nil, private(3)...))
	require.Len(t, d.calls, 1)
	require.Len(t, broadcast.Undelivered(err), 2)
	require.ErrorIs(t, err, context.Canceled)
}

func TestDeliverNothing(t *testing.T) {
	t.Parallel()
	require.NoError(t, broadcast.New(limited{}, quiet).Deliver(t.Context()))
}

func TestDeliverInAnotherProcess(t *testing.T) {
	t.Parallel()
	deliveries, err := broadcast.New(limited{}, broadcast.WithConnection("audit", limited{}), quiet).
		Prepare(t.Context(), paid{ID: 7}, broadcast.Via("audit", ""))
	require.NoError(t, err)
	rec := broadcasttest.NewRecorder(t)
	err = broadcast.New(rec, quiet).Deliver(t.Context(), deliveries...)
	require.ErrorIs(t, err, broadcast.ErrUnknownConnection)
	require.Len(t, broadcast.Undelivered(err), 1)
	require.Equal(t, "audit", broadcast.Undelivered(err)[0].Connection)
	rec.AssertCount("order.paid", 1)
}

func TestDriverGetsWhatTheEventSays(t *testing.T) {
	t.Parallel()
	d := &script{}
	e := event.Of("e", json.RawMessage(`{"a": 1}`), channel.Encrypted("c"))
	require.NoError(t, broadcast.New(d, quiet).Dispatch(t.Context(), e))
	m := d.calls[0][0]
	require.Equal(t, `{"a":1}`, m.Data, "in the clear: the driver seals")
	require.True(t, m.Encrypted())
}
