package event

import (
	"slices"

	"github.com/onairgo/onair/channel"
)

// AnonymousName is the name that [Of] gives to an event without one, as
// Laravel does.
const AnonymousName = "AnonymousEvent"

type anonymous struct {
	name    string
	payload any
	on      []channel.Channel
}

// Of returns an event with the given name, payload and channels, for use where
// a type of its own is not worth declaring. It is the counterpart of Laravel's
// Broadcast::on(…)->as(…)->with(…). An empty name means [AnonymousName], and a
// nil payload means {}. The channels are copied.
//
//	b.Dispatch(ctx, event.Of("order.paid", map[string]any{"id": 7}, channel.Private("orders.7")))
func Of(name string, payload any, on ...channel.Channel) Event {
	if name == "" {
		name = AnonymousName
	}
	if payload == nil {
		payload = struct{}{}
	}
	return anonymous{name: name, payload: payload, on: slices.Clone(on)}
}

func (a anonymous) BroadcastOn() []channel.Channel { return a.on }
func (a anonymous) BroadcastAs() string            { return a.name }
func (a anonymous) BroadcastWith() any             { return a.payload }

var _ Payloader = anonymous{}
