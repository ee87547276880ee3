package onair_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// canaryEvent carries a canary and can do all that is wrong with an event.
type canaryEvent struct {
	Word     string
	Extra    any               `json:",omitempty"`
	Name     string            `json:"-"`
	Channels []channel.Channel `json:"-"`
	Via      []string          `json:"-"`
	Invalid  error             `json:"-"`
	Rescue   bool              `json:"-"`
}

func (e canaryEvent) BroadcastOn() []channel.Channel { return e.Channels }
func (e canaryEvent) BroadcastAs() string            { return e.Name }
func (e canaryEvent) ValidateBroadcast() error       { return e.Invalid }
func (e canaryEvent) ShouldRescue() bool             { return e.Rescue }
func (e canaryEvent) BroadcastConnections() []event.Connection {
	if e.Via == nil {
		return []event.Connection{{}}
	}
	return event.Via(e.Via...)
}

// ignored has an optional method of another signature.
type ignored struct{ canaryEvent }

func (ignored) BroadcastWith() string { return canaryPlain }

// limited is a driver with limits that fails, or panics, as it is told.
type limited struct {
	limits broadcast.Limits
	fail   func([]broadcast.Message) error
}

func (d limited) Limits() broadcast.Limits { return d.limits }

func (d limited) Broadcast(_ context.Context, messages []broadcast.Message) error {
	return d.fail(messages)
}

// TestCanariesInBroadcaster goes through everything that a dispatch fails of.
func TestCanariesInBroadcaster(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	fails := func(err error) func([]broadcast.Message) error {
		return func([]broadcast.Message) error { return err }
	}
	b := broadcast.New(limited{limits: broadcast.Limits{Payload: 200, NoEncryption: true, ChannelName: 50}, fail: fails(nil)},
		broadcast.WithLogger(w.logger()),
		broadcast.WithConnection("fails", limited{fail: fails(errInside)}),
		broadcast.WithConnection("permanent", limited{fail: fails(broadcast.Permanent(errInside))}),
		broadcast.WithConnection("panics", limited{fail: func([]broadcast.Message) error { panic(errInside) }}),
		broadcast.WithConnection("in part", limited{fail: func(m []broadcast.Message) error {
			return errors.Join(&broadcast.DeliveryError{Message: m[0], Err: errInside}, fmt.Errorf("and: %w", &broadcast.DeliveryError{Message: m[0], Err: errInside}))
		}}),
		broadcast.WithResolver(func(_ context.Context, name string) (broadcast.Driver, error) {
			switch name {
			case "refused":
				return nil, errInside
			case "resolver panics at delivery":
				return limited{fail: func([]broadcast.Message) error { panic(inside) }}, nil
			}
			return nil, nil
		}),
		broadcast.WithObserver(func(context.Context, broadcast.Observation) { panic(inside) }))
	w.held(b)

	on := func(channels ...channel.Channel) canaryEvent {
		return canaryEvent{Word: canaryPlain, Name: "e", Channels: channels}
	}
	with := func(change func(e *canaryEvent)) canaryEvent {
		e := on(channel.Private("a"), channel.Encrypted("a"))
		e.Via = []string{"fails"}
		change(&e)
		return e
	}
	for name, e := range map[string]event.Event{
		"no event":        nil,
		"a wrong method":  ignored{on(channel.Private("a"))},
		"invalid":         with(func(e *canaryEvent) { e.Invalid = errInside }),
		"a reserved name": with(func(e *canaryEvent) { e.Name = "pusher:e" }),
		"a long name":     with(func(e *canaryEvent) { e.Name = strings.Repeat("e", 300) }),
		"a line break":    with(func(e *canaryEvent) { e.Name = "e\n" }),
		"a bad channel":   on(channel.Private("a b")),
		"two prefixes":    on(channel.Private("private-a")),
		"a long channel":  on(channel.Private(strings.Repeat("a", 60))),
		"no key":          on(channel.Encrypted("a")),
		"too large": with(func(e *canaryEvent) {
			e.Via, e.Word = nil, strings.Repeat(canaryPlain, 20)
			e.Channels = e.Channels[:1]
		}),
		"no JSON":              with(func(e *canaryEvent) { e.Extra = func() {} }),
		"no number":            with(func(e *canaryEvent) { e.Extra = json.Number(canaryPlain) }),
		"infinite":             with(func(e *canaryEvent) { e.Extra = math.Inf(1) }),
		"half of JSON":         with(func(e *canaryEvent) { e.Extra = json.RawMessage(`{"` + canaryPlain) }),
		"a key that fails":     with(func(e *canaryEvent) { e.Extra = map[failingKey]string{{}: canaryPlain} }),
		"a driver that fails":  with(func(*canaryEvent) {}),
		"one for good":         with(func(e *canaryEvent) { e.Via = []string{"permanent"} }),
		"one that panics":      with(func(e *canaryEvent) { e.Via = []string{"panics"} }),
		"one in part":          with(func(e *canaryEvent) { e.Via = []string{"in part"} }),
		"three":                with(func(e *canaryEvent) { e.Via = []string{"fails", "panics", "in part"} }),
		"unknown":              with(func(e *canaryEvent) { e.Via = []string{"unknown"} }),
		"refused":              with(func(e *canaryEvent) { e.Via = []string{"refused"} }),
		"a panic in the depth": with(func(e *canaryEvent) { e.Via = []string{"resolver panics at delivery"} }),
	} {
		w.err(name, b.Dispatch(t.Context(), e, broadcast.Except("1.1")))
	}
	rescued := with(func(e *canaryEvent) { e.Rescue = true })
	if err := b.Dispatch(t.Context(), rescued, broadcast.Except(canarySession[6:])); err != nil {
		t.Error(err)
	}
	gone, cancel := context.WithCancelCause(t.Context())
	cancel(errInside)
	w.err("cancelled", b.Dispatch(gone, with(func(*canaryEvent) {})))
	deliveries, err := b.Prepare(t.Context(), with(func(*canaryEvent) {}))
	if err != nil {
		t.Fatal(err)
	}
	deliveries[0].Connection = "gone"
	deliveries[1].Message.Channels = []channel.Channel{channel.Private("a\n\x1b[31m")}
	w.err("a stored delivery", b.Deliver(t.Context(), deliveries...))
	if strings.Contains(b.Deliver(t.Context(), deliveries[1]).Error(), "\x1b") {
		t.Error("an error holds an escape sequence")
	}
	if err := b.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.err("shut down", b.Dispatch(t.Context(), with(func(*canaryEvent) {})))
	w.err("delivered after that", b.Deliver(t.Context(), deliveries...))
	for _, said := range []string{"event not broadcast", "event rescued", "driver panicked", "observer panicked", "socket id ignored"} {
		if !strings.Contains(w.logged(), said) {
			t.Errorf("the log does not say %q: it was not watched", said)
		}
	}
}

type failingKey struct{}

func (failingKey) MarshalText() ([]byte, error) { return nil, errInside }
