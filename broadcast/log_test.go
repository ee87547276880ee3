package broadcast_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// quiet keeps failures that a test wants out of its output.
var quiet = broadcast.WithLogger(slog.New(slog.DiscardHandler))

// textLog is what a broadcaster logs, as JSON lines, down to level debug.
type textLog struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func newLog() *textLog { return &textLog{} }

func (l *textLog) option() broadcast.Option {
	return broadcast.WithLogger(slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug})))
}

func (l *textLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *textLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func TestLog(t *testing.T) {
	t.Parallel()
	logged := newLog()
	b := broadcast.New(broadcasttest.NewRecorder(t), logged.option())
	require.NoError(t, b.Dispatch(t.Context(), event.Of("order.paid", 1, channel.Private("orders.7"), channel.Public("b"), channel.User("5"))))
	lines := strings.Split(strings.TrimSpace(logged.String()), "\n")
	require.Len(t, lines, 2, "one for each message")
	for _, part := range []string{
		`"level":"DEBUG","msg":"event broadcast"`, `"event":"order.paid"`, `"echo":".order.paid"`, `"channels":["private-orders.7","b"]`,
		`"connection":"default"`, `"driver":"broadcasttest.Recorder"`, `"duration":`, `"id":"`,
	} {
		require.Contains(t, lines[0], part)
	}
	require.NotContains(t, lines[0], "error")
}

func TestLogOfAFailure(t *testing.T) {
	t.Parallel()
	logged := newLog()
	rec := broadcasttest.NewRecorder(t)
	rec.FailWith(errors.New("connection refused"))
	b := broadcast.New(rec, broadcast.WithMiddleware(pass), logged.option())
	require.Error(t, b.Dispatch(t.Context(), paid{ID: 7}))
	for _, part := range []string{`"level":"ERROR","msg":"event not broadcast"`, `"error":"connection refused"`, `"driver":"broadcasttest.Recorder"`} {
		require.Contains(t, logged.String(), part)
	}
}

// TestNothingPrintsAPayload sends a marked payload through everything that
// logs or fails.
func TestNothingPrintsAPayload(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	logged := newLog()
	var texts []string
	rec := broadcasttest.NewRecorder(t)
	big := broadcast.Limits{Payload: 50}
	b := broadcast.New(rec, logged.option(),
		broadcast.WithConnection("down", broadcast.DriverFunc(func(_ context.Context, m []broadcast.Message) error {
			return &broadcast.DeliveryError{Message: m[0], Err: errors.New("down")}
		})),
		broadcast.WithConnection("panics", broadcast.DriverFunc(func(context.Context, []broadcast.Message) error { panic("at the disco") })),
		broadcast.WithConnection("small", limited{big}),
		broadcast.WithObserver(func(context.Context, broadcast.Observation) { panic("observer") }),
	)
	payload := map[string]string{"secret": canary + strings.Repeat("x", 100)}
	for _, via := range []string{"", "down", "panics", "small", "unknown"} {
		for _, c := range []channel.Channel{channel.Public("c"), channel.Encrypted("c"), channel.Private("mentor.")} {
			if err := b.Dispatch(t.Context(), event.Of("e", payload, c), broadcast.Via(via), broadcast.Except("bad")); err != nil {
				texts = append(texts, err.Error(), fmt.Sprintf("%+v", err), fmt.Sprintf("%q", err))
			}
		}
	}
	require.NoError(t, b.Shutdown(t.Context()))
	if err := b.Deliver(t.Context(), broadcast.Delivery{Message: broadcast.Message{Event: "e", Data: canary}}); err != nil {
		texts = append(texts, err.Error())
	}
	require.Greater(t, len(texts), 20)
	require.NotContains(t, strings.Join(texts, "\n"), canary)
	require.NotContains(t, logged.String(), canary)
	require.Contains(t, rec.Messages()[0].Data, canary)
}

func TestNoLoggerIsTheDefaultOne(t *testing.T) {
	// Not parallel: the default logger belongs to everybody.
	before := slog.Default()
	defer slog.SetDefault(before)
	var b bytes.Buffer
	slog.SetDefault(slog.New(slog.NewTextHandler(&b, nil)))
	rec := broadcasttest.NewRecorder(t)
	rec.FailWith(errors.New("down"))
	require.Error(t, broadcast.New(rec, broadcast.WithLogger(nil)).Dispatch(t.Context(), paid{}))
	require.Contains(t, b.String(), "event not broadcast")
}

func TestObservers(t *testing.T) {
	t.Parallel()
	logged := newLog()
	var seen []broadcast.Observation
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, logged.option(),
		broadcast.WithObserver(func(context.Context, broadcast.Observation) { panic("observer") }),
		broadcast.WithObserver(func(_ context.Context, o broadcast.Observation) { seen = append(seen, o) }),
	)
	require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}))
	down := errors.New("down")
	rec.FailWith(down)
	require.ErrorIs(t, b.Dispatch(t.Context(), paid{ID: 8}), down)

	require.Len(t, seen, 2, "the observer behind one that panics is asked too")
	require.Equal(t, "default", seen[0].Connection)
	require.Equal(t, `{"id":7}`, seen[0].Messages[0].Data)
	require.NoError(t, seen[0].Err)
	require.GreaterOrEqual(t, seen[0].Duration, time.Duration(0))
	require.ErrorIs(t, seen[1].Err, down)
	require.Contains(t, logged.String(), `"msg":"observer panicked"`)
	require.Contains(t, logged.String(), `"stack":`)
}

func TestDurationIsThatOfTheDriver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		logged := newLog()
		var seen broadcast.Observation
		b := broadcast.New(broadcast.DriverFunc(func(context.Context, []broadcast.Message) error {
			<-time.After(1500 * time.Millisecond)
			return nil
		}), logged.option(), broadcast.WithObserver(func(_ context.Context, o broadcast.Observation) { seen = o }))
		<-time.After(time.Second)
		require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}))
		require.Equal(t, 1500*time.Millisecond, seen.Duration)
		require.Contains(t, logged.String(), `"duration":1500000000`)
	})
}

func TestNothingIsRescuedFromSuccess(t *testing.T) {
	t.Parallel()
	logged := newLog()
	b := broadcast.New(broadcasttest.NewRecorder(t), logged.option())
	require.NoError(t, b.Dispatch(t.Context(), optional{when: true, rescue: true, via: event.Via("")}))
	require.NoError(t, b.Dispatch(t.Context(), optional{when: false, rescue: true}))
	require.NotContains(t, logged.String(), "rescued")
}

func TestEchoName(t *testing.T) {
	t.Parallel()
	require.Equal(t, ".order.paid", broadcast.EchoName("order.paid"))
	require.Equal(t, `.App\Events\Paid`, broadcast.EchoName(`App\Events\Paid`))
}

func TestLogOfWhatIsNotSent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		event event.Event
		why   string
	}{
		{event.Of("e", nil), "it has no channels"},
		{optional{when: false, via: event.Via("")}, "BroadcastWhen is false"},
		{optional{when: true}, "it has no connections"},
	} {
		logged := newLog()
		b := broadcast.New(broadcasttest.NewRecorder(t), logged.option())
		require.NoError(t, b.Dispatch(t.Context(), test.event))
		require.Contains(t, logged.String(), `"level":"DEBUG","msg":"nothing to broadcast: `+test.why+`"`)
		require.Contains(t, logged.String(), `"type":"`+event.TypeName(test.event)+`"`)
	}
}
