package notification

import (
	"reflect"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/internal/gotype"
)

// Broadcastable replaces the notification's data, as Laravel's toBroadcast
// does. id and type are still added.
type Broadcastable interface {
	// ToBroadcast returns what encodes as a JSON object. nil falls back to the
	// notification itself.
	ToBroadcast() any
}

// Typer replaces the type that pages tell notifications apart by, as Laravel's
// broadcastType does.
type Typer interface {
	// BroadcastType returns the type, such as "invoice.paid". The empty type
	// falls back to [Namespace] and the Go type's name.
	BroadcastType() string
}

// Channeler chooses the channels, whoever is notified.
type Channeler interface {
	// BroadcastOn returns the channels. With none, the recipient's are taken.
	BroadcastOn() []channel.Channel
}

// Namer chooses the event's name. Echo's notification() does not hear an event
// of another name than [EventName]; listen() does.
type Namer interface {
	// BroadcastAs returns the name. The empty name falls back to [EventName].
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
