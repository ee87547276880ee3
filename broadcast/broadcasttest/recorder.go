// Package broadcasttest helps applications test what they broadcast: a driver
// that records ([Recorder]), typed access to what was sent ([Payloads]), and a
// check of an event type for what would be silently ignored ([CheckEvent]).
//
//	rec := broadcasttest.NewRecorder(t)
//	b := broadcast.New(rec)
//	// … the code under test dispatches …
//	got := broadcasttest.Payloads[SessionStarted](rec, "session.started")
//
// Most tests compare the values that [Payloads] and [Recorder.Messages] return.
// The few assertions say of a failure what was sent, and what was nearly right.
package broadcasttest

import (
	"context"
	"encoding/json"
	"slices"
	"sync"
	"testing"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

// Recorder is a driver that keeps every message and sends nothing. It has no
// limits. It is safe for concurrent use.
type Recorder struct {
	t testing.TB

	mu       sync.Mutex
	messages []broadcast.Message
	failure  error
}

// NewRecorder returns a Recorder that reports failed assertions to the test.
func NewRecorder(t testing.TB) *Recorder { return &Recorder{t: t} }

// Broadcast records the messages, or fails as [Recorder.FailWith] says and
// records none.
func (r *Recorder) Broadcast(ctx context.Context, messages []broadcast.Message) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failure != nil {
		return r.failure
	}
	for _, m := range messages {
		m.Channels = slices.Clone(m.Channels)
		r.messages = append(r.messages, m)
	}
	return nil
}

// FailWith makes every broadcast from now on fail with the error, until it is
// called with nil.
func (r *Recorder) FailWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

// Messages returns all messages in the order in which they came. An event on
// several channels is one message, but each encrypted channel and each user's
// has a message of its own.
func (r *Recorder) Messages() []broadcast.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// Named returns the messages with that event name, which has no leading dot
// here.
func (r *Recorder) Named(event string) []broadcast.Message {
	return slices.DeleteFunc(r.Messages(), func(m broadcast.Message) bool { return m.Event != event })
}

// On returns the messages to that channel.
func (r *Recorder) On(c channel.Channel) []broadcast.Message {
	return slices.DeleteFunc(r.Messages(), func(m broadcast.Message) bool { return !slices.Contains(m.Channels, c) })
}

// Reset forgets all messages.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = nil
}

// Payloads returns the payloads of the messages with that event name as values
// of T, in the order in which they came. Fields that stay off the wire are
// zero in them. The test ends when a payload does not decode.
func Payloads[T any](r *Recorder, event string) []T {
	r.t.Helper()
	var out []T
	for _, m := range r.Named(event) {
		var v T
		if err := json.Unmarshal([]byte(m.Data), &v); err != nil {
			r.t.Fatalf("payload of %q is no %T: %v\n%s", event, v, err, m.Data)
		}
		out = append(out, v)
	}
	return out
}
