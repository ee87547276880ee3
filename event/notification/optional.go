package notification

import (
	"reflect"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/internal/gotype"
)

// Broadcastable is implemented by notifications that replace their data, as
// Laravel's toBroadcast does. The id and type are still added.
type Broadcastable interface {
	// ToBroadcast returns a value that encodes as a JSON object. If it returns
	// nil, the notification itself is encoded.
	ToBroadcast() any
}

// Typer is implemented by notifications that choose their type, by which pages
// tell notifications apart, as Laravel's broadcastType does.
type Typer interface {
	// BroadcastType returns the type, such as "invoice.paid". An empty type
	// means [Namespace] followed by the Go type's name.
	BroadcastType() string
}

// Channeler is implemented by notifications that choose their own channels,
// whoever the recipient is.
type Channeler interface {
	// BroadcastOn returns the channels. If it returns none, the recipient's
	// channels are used.
	BroadcastOn() []channel.Channel
}

// Namer is implemented by notifications that choose the name of their event.
// Echo's notification() does not receive events with a name other than
// [EventName], but listen() does.
type Namer interface {
	// BroadcastAs returns the name. An empty name means [EventName].
	BroadcastAs() string
}

var optional = gotype.NewChecker(
	gotype.Optional{
		Name: "ToBroadcast", Signature: "() any", Want: reflect.TypeFor[Broadcastable](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("ToBroadcast") },
	},
	gotype.Optional{
		Name: "BroadcastType", Signature: "() string", Want: reflect.TypeFor[Typer](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("BroadcastType") },
	},
	gotype.Optional{
		Name: "BroadcastOn", Signature: "() []channel.Channel", Want: reflect.TypeFor[Channeler](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("BroadcastOn") },
	},
	gotype.Optional{
		Name: "BroadcastAs", Signature: "() string", Want: reflect.TypeFor[Namer](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("BroadcastAs") },
	},
)

// checkType reports a method of a notification that would be ignored.
func checkType(t reflect.Type) error {
	if err := event.CheckType(t); err != nil {
		return err
	}
	if m := optional.Check(t); m != nil {
		return &event.MethodError{Type: t.String(), Method: m.Name, Have: m.Have, Want: m.Signature}
	}
	return nil
}
