package notification

import (
	"reflect"
	"sync"

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

var checked sync.Map // reflect.Type to error or nil

// checkType keeps the answer for each type.
func checkType(t reflect.Type) error {
	known, ok := checked.Load(t)
	if !ok {
		known, _ = checked.LoadOrStore(t, checkMethods(t))
	}
	err, _ := known.(error)
	return err
}

// checkMethods spells each name as a constant; see [gotype.Method.Ignored].
func checkMethods(t reflect.Type) error {
	if err := event.CheckType(t); err != nil {
		return err
	}
	p := reflect.PointerTo(t)
	var m gotype.Method
	m.OnValue, m.HasValue = t.MethodByName("ToBroadcast")
	_, m.HasPointer = p.MethodByName("ToBroadcast")
	if err := checkMethod[Broadcastable](t, m, "ToBroadcast", "() any"); err != nil {
		return err
	}
	m.OnValue, m.HasValue = t.MethodByName("BroadcastType")
	_, m.HasPointer = p.MethodByName("BroadcastType")
	if err := checkMethod[Typer](t, m, "BroadcastType", "() string"); err != nil {
		return err
	}
	m.OnValue, m.HasValue = t.MethodByName("BroadcastOn")
	_, m.HasPointer = p.MethodByName("BroadcastOn")
	if err := checkMethod[Channeler](t, m, "BroadcastOn", "() []channel.Channel"); err != nil {
		return err
	}
	m.OnValue, m.HasValue = t.MethodByName("BroadcastAs")
	_, m.HasPointer = p.MethodByName("BroadcastAs")
	return checkMethod[Namer](t, m, "BroadcastAs", "() string")
}

func checkMethod[I any](t reflect.Type, m gotype.Method, name, want string) error {
	have, ignored := m.Ignored(t, reflect.TypeFor[I]())
	if !ignored {
		return nil
	}
	return &event.MethodError{Type: t.String(), Method: name, Have: have, Want: want, PointerReceiver: !m.HasValue}
}
