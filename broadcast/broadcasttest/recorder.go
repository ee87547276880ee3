// Package broadcasttest helps applications test what they broadcast. It
// provides a driver that records messages ([Recorder]), typed access to what
// was sent ([Payloads]), and a check for mistakes in an event that would
// otherwise go unnoticed ([CheckEvent]).
//
//	rec := broadcasttest.NewRecorder(t)
//	b := broadcast.New(rec)
//	// … the code under test dispatches …
//	got := broadcasttest.Payloads[SessionStarted](rec, "session.started")
//
// Most tests compare the values that [Payloads] and [Recorder.Messages] return.
// There are also a few assertions; when one fails, it lists what was sent and
// suggests what was probably meant.
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
// limits. It is safe for concurrent use. Create one with [NewRecorder].
type Recorder struct {
	t testing.TB

	mu       sync.Mutex
	messages []broadcast.Message
	failure  error
}

// NewRecorder returns a Recorder that reports failed assertions to t.
func NewRecorder(t testing.TB) *Recorder { return &Recorder{t: t} }

// Broadcast records the messages. If the context is done or [Recorder.FailWith]
// has set an error, it returns that error and records nothing.
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

// FailWith makes every subsequent broadcast fail with err, until it is called
// with nil.
func (r *Recorder) FailWith(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failure = err
}

// Messages returns all messages in the order in which they were broadcast. An
// event on several channels is one message, except that each encrypted channel
// and each user's channel gets a message of its own.
func (r *Recorder) Messages() []broadcast.Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.messages)
}

// Named returns the messages whose event has that name, written without a
// leading dot.
func (r *Recorder) Named(event string) []broadcast.Message {
	return slices.DeleteFunc(r.Messages(), func(m broadcast.Message) bool { return m.Event != event })
}

// On returns the messages sent to that channel.
func (r *Recorder) On(c channel.Channel) []broadcast.Message {
	return slices.DeleteFunc(r.Messages(), func(m broadcast.Message) bool { return !slices.Contains(m.Channels, c) })
}

// Reset forgets all messages.
func (r *Recorder) Reset() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.messages = nil
}

// Payloads returns the payloads of the messages whose event has that name,
// decoded from JSON as values of T, in the order in which they were broadcast.
// Fields that are not sent are zero in them. If a payload does not decode, the
// test ends with a failure.
func Payloads[T any](r *Recorder, event string) []T {
	r.t.Helper()
	var out []T
	for _, m := range r.Named(event) {
		var v T
		if err := json.Unmarshal([]byte(m.Data), &v); err != nil {
			r.t.Fatalf("payload of %q is not a %T: %v\n%s", event, v, err, m.Data)
		}
		out = append(out, v)
	}
	return out
}
