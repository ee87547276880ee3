package broadcasttest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// TestReportsAreWhole compares whole texts.
func TestReportsAreWhole(t *testing.T) {
	t.Parallel()
	for want, assert := range map[string]func(*broadcasttest.Recorder){
		"something was sent\nsent:\n\t\"a\" on x, private-y excluding 1.2\n\t\"b\" on x": func(r *broadcasttest.Recorder) { r.AssertNone() },
		"event \"a\" was sent\nsent:\n\t\"a\" on x, private-y excluding 1.2":             func(r *broadcasttest.Recorder) { r.AssertNotSent("a") },
		"event \"a\" was sent 1 times, want 0\nsent:\n\t\"a\" on x, private-y excluding 1.2\n\t\"b\" on x": func(r *broadcasttest.Recorder) {
			r.AssertCount("a", 0)
		},
		"event \"a\" was not sent on y; it was on private-y, which is another channel\nsent:\n\t\"a\" on x, private-y excluding 1.2\n\t\"b\" on x": func(r *broadcasttest.Recorder) {
			r.AssertSent("a", channel.Public("y"))
		},
		"event \".c\" was not sent\nsent:\n\t\"a\" on x, private-y excluding 1.2\n\t\"b\" on x": func(r *broadcasttest.Recorder) { r.AssertSent(".c") },
		"event \"completely-different\" was not sent\nsent:\n\t\"a\" on x, private-y excluding 1.2\n\t\"b\" on x": func(r *broadcasttest.Recorder) {
			r.AssertSent("completely-different")
		},
	} {
		told := &reports{TB: t}
		rec := broadcasttest.NewRecorder(told)
		b := broadcast.New(rec)
		require.NoError(t, b.Dispatch(t.Context(), event.Of("a", nil, channel.Public("x"), channel.Private("y")), broadcast.Except("1.2")))
		require.NoError(t, b.Dispatch(t.Context(), event.Of("b", nil, channel.Public("x"))))
		assert(rec)
		require.Equal(t, []string{want}, told.texts)
	}
	told := &reports{TB: t}
	broadcasttest.NewRecorder(told).AssertSent("a")
	require.Equal(t, []string{"event \"a\" was not sent\nnothing was sent"}, told.texts)
}
