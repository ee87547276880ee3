package broadcasttest_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// reports is a test that notes what it is told.
type reports struct {
	testing.TB
	mu    sync.Mutex
	texts []string
}

func (r *reports) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.texts = append(r.texts, fmt.Sprintf(format, args...))
}

// Fatalf ends the test in the only way a foreign one can.
func (r *reports) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	panic("fatal")
}

type started struct {
	SessionID string `json:"sessionId"`
	MentorID  string `json:"-"`
}

func (e started) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private("mentor." + e.MentorID), channel.Presence("session." + e.SessionID)}
}
func (started) BroadcastAs() string { return "session.started" }

type NewUpdate struct{}

func (NewUpdate) BroadcastOn() []channel.Channel { return []channel.Channel{channel.Public("news")} }
func (NewUpdate) BroadcastAs() string            { return "" }

func TestRecorder(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec)
	require.Empty(t, rec.Messages())
	require.Empty(t, broadcasttest.Payloads[started](rec, "session.started"))

	require.NoError(t, b.Dispatch(t.Context(), started{SessionID: "9", MentorID: "1"}, broadcast.Except("1.2")))
	require.NoError(t, b.Dispatch(t.Context(), NewUpdate{}))
	require.NoError(t, b.Dispatch(t.Context(), started{SessionID: "10", MentorID: "1"}))

	require.Len(t, rec.Messages(), 3)
	require.Equal(t, []started{{SessionID: "9"}, {SessionID: "10"}}, broadcasttest.Payloads[started](rec, "session.started"))
	require.Equal(t, "1.2", rec.Named("session.started")[0].SocketID)
	require.Len(t, rec.On(channel.Private("mentor.1")), 2)
	require.Len(t, rec.On(channel.Presence("session.10")), 1)
	require.Empty(t, rec.On(channel.Public("mentor.1")))

	rec.Reset()
	require.Empty(t, rec.Messages())
}

func TestRecorderFails(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec)
	down := errors.New("down")
	rec.FailWith(down)
	require.ErrorIs(t, b.Dispatch(t.Context(), NewUpdate{}), down)
	rec.AssertNone()
	rec.FailWith(nil)
	require.NoError(t, b.Dispatch(t.Context(), NewUpdate{}))
	rec.AssertCount(`App\Events\NewUpdate`, 1)

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, rec.Broadcast(ctx, []broadcast.Message{{}}), context.Canceled)
}

func TestRecorderKeepsNothingOfTheCaller(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	sent := []broadcast.Message{{Event: "e", Channels: []channel.Channel{channel.Public("a")}}}
	require.NoError(t, rec.Broadcast(t.Context(), sent))
	sent[0].Event = "changed"
	sent[0].Channels[0] = channel.Public("changed")
	got := rec.Messages()
	require.Equal(t, "e", got[0].Event)
	require.Equal(t, "a", got[0].Channels[0].String())
	got[0].Event = "changed"
	require.Equal(t, "e", rec.Messages()[0].Event)
}

func TestRecorderFromManyGoroutines(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec)
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if err := b.Dispatch(t.Context(), NewUpdate{}); err != nil {
				t.Error(err)
			}
			_ = broadcasttest.Payloads[NewUpdate](rec, "x")
			rec.AssertSent(`App\Events\NewUpdate`)
		})
	}
	wg.Wait()
	rec.AssertCount(`App\Events\NewUpdate`, 50)
}

func TestPayloadsEndsTheTestWhenOneDoesNotDecode(t *testing.T) {
	t.Parallel()
	told := &reports{TB: t}
	rec := broadcasttest.NewRecorder(told)
	require.NoError(t, broadcast.New(rec).Dispatch(t.Context(), started{SessionID: "9", MentorID: "1"}))
	require.Panics(t, func() {
		broadcasttest.Payloads[struct {
			SessionID int `json:"sessionId"`
		}](rec, "session.started")
	})
	require.Len(t, told.texts, 1)
	require.Contains(t, told.texts[0], `payload of "session.started" is not a struct`)
	require.Contains(t, told.texts[0], `{"sessionId":"9"}`)
}

func TestAssertions(t *testing.T) {
	t.Parallel()
	mentor, room := channel.Private("mentor.1"), channel.Presence("session.9")
	for _, test := range []struct {
		name   string
		assert func(*broadcasttest.Recorder)
		empty  bool     // nothing was sent before
		want   []string // parts of the only report; none means that it passes
	}{
		{name: "sent", assert: func(r *broadcasttest.Recorder) { r.AssertSent("session.started") }},
		{name: "sent on", assert: func(r *broadcasttest.Recorder) { r.AssertSent("session.started", mentor, room) }},
		{name: "not sent", assert: func(r *broadcasttest.Recorder) { r.AssertNotSent("order.paid") }},
		{name: "not sent on", assert: func(r *broadcasttest.Recorder) { r.AssertNotSent("session.started", channel.Public("mentor.1")) }},
		{name: "count", assert: func(r *broadcasttest.Recorder) { r.AssertCount("session.started", 1) }},
		{name: "none", empty: true, assert: func(r *broadcasttest.Recorder) { r.AssertNone() }},

		{
			name: "nothing at all", empty: true, assert: func(r *broadcasttest.Recorder) { r.AssertSent("order.paid") },
			want: []string{`event "order.paid" was not sent`, "nothing was sent"},
		},
		{
			name: "misspelt", assert: func(r *broadcasttest.Recorder) { r.AssertSent("session.startd") },
			want: []string{
				`event "session.startd" was not sent; did you mean "session.started"?`,
				"sent:", `"session.started" on private-mentor.1, presence-session.9 excluding 1.2`, `"App\\Events\\NewUpdate" on news`,
			},
		},
		{
			name: "leading dot", assert: func(r *broadcasttest.Recorder) { r.AssertSent(".session.started") },
			want: []string{"the leading dot belongs in the browser only"},
		},
		{
			name: "type name", assert: func(r *broadcasttest.Recorder) { r.AssertCount("NewUpdate", 1) },
			want: []string{`event "NewUpdate" was sent 0 times, want 1`, `"App\\Events\\NewUpdate" was: the event has no name of its own`},
		},
		{
			name: "other kind of channel", assert: func(r *broadcasttest.Recorder) { r.AssertSent("session.started", room, channel.Public("mentor.1")) },
			want: []string{`event "session.started" was not sent on mentor.1; it was on private-mentor.1, which is another channel`},
		},
		{
			name: "other channel", assert: func(r *broadcasttest.Recorder) { r.AssertSent("session.started", channel.Private("mentor.2")) },
			want: []string{"was not sent on private-mentor.2; did you mean private-mentor.1?"},
		},
		{
			name: "far channel", assert: func(r *broadcasttest.Recorder) { r.AssertSent("session.started", channel.Public("x")) },
			want: []string{"was not sent on x\nsent:"},
		},
		{
			name: "count too high", assert: func(r *broadcasttest.Recorder) { r.AssertCount("session.started", 2) },
			want: []string{`event "session.started" was sent 1 times, want 2`},
		},
		{
			name: "sent after all", assert: func(r *broadcasttest.Recorder) { r.AssertNotSent("session.started") },
			want: []string{`event "session.started" was sent`, "private-mentor.1"},
		},
		{
			name: "sent on after all", assert: func(r *broadcasttest.Recorder) { r.AssertNotSent("session.started", channel.Public("a"), room) },
			want: []string{`event "session.started" was sent on presence-session.9`},
		},
		{
			name: "something", assert: func(r *broadcasttest.Recorder) { r.AssertNone() },
			want: []string{"something was sent", "session.started"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			told := &reports{TB: t}
			rec := broadcasttest.NewRecorder(told)
			if !test.empty {
				b := broadcast.New(rec)
				require.NoError(t, b.Dispatch(t.Context(), started{SessionID: "9", MentorID: "1"}, broadcast.Except("1.2")))
				require.NoError(t, b.Dispatch(t.Context(), NewUpdate{}))
			}
			test.assert(rec)
			if test.want == nil {
				require.Empty(t, told.texts)
				return
			}
			require.Len(t, told.texts, 1)
			for _, part := range test.want {
				require.Contains(t, told.texts[0], part)
			}
		})
	}
}

func TestLongListsAreCut(t *testing.T) {
	t.Parallel()
	told := &reports{TB: t}
	rec := broadcasttest.NewRecorder(told)
	b := broadcast.New(rec)
	for i := range 25 {
		require.NoError(t, b.Dispatch(t.Context(), event.Of("order.placed", nil, channel.Private(fmt.Sprintf("orders.%d", i)))))
	}
	rec.AssertNone()
	require.Contains(t, told.texts[0], "and 5 more")
	require.Equal(t, 20, strings.Count(told.texts[0], "order.placed"))
}
