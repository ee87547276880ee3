// Package notification broadcasts notifications as Laravel's broadcast channel
// does, so that Echo's notification() and useEchoNotification receive them.
//
// A notification is any value that encodes as a JSON object, usually a struct.
// That encoding, with "id" and "type" added, is the data:
//
//	type InvoicePaid struct {
//		Amount string `json:"amount"`
//	}
//
//	func (u User) ReceivesBroadcastNotificationsOn() []channel.Channel {
//		return []channel.Channel{model.Class("App.Models.User").Channel(u.ID)}
//	}
//
//	err := b.Dispatch(ctx, notification.To(user, InvoicePaid{Amount: "12.50"}))
//
// sends [EventName] on private-App.Models.User.7 with
//
//	{"amount": "12.50", "id": "0198…", "type": "App\\Notifications\\InvoicePaid"}
//
// The page receives it with
// echo.private("App.Models.User.7").notification(…).
//
// A notification can implement the one-method interfaces of this package and
// those of package event: event.Payloader (which replaces all of the data,
// including id and type), event.Conditional, event.Router, event.Rescuer and
// event.Validator. A notification that has a method with the name of one of
// them and a different signature is rejected at dispatch with an
// [*event.MethodError].
package notification

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/google/uuid"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/internal/gotype"
)

// EventName is the name of the event that Echo's notification() listens for.
const EventName = `Illuminate\Notifications\Events\BroadcastNotificationCreated`

// Namespace precedes the Go type's name in a notification's type. It is the
// namespace of notification classes in Laravel. A [Typer] replaces the whole
// type, including the namespace.
const Namespace = `App\Notifications`

// Errors returned at dispatch.
var (
	// ErrNil is returned for a notification that is nil or a nil pointer.
	ErrNil = errors.New("notification: the notification is nil")
	// ErrNoRecipient is wrapped by the error for a recipient that is nil or a
	// nil pointer.
	ErrNoRecipient = errors.New("notification: the recipient is nil")
	// ErrNoType is wrapped by the error for a notification that has no type:
	// its Go type has no name, and it is not a [Typer] that returns one.
	ErrNoType = errors.New("notification: no type can be derived")
)

// Notifiable is implemented by anything that can be notified, such as a user.
type Notifiable interface {
	// ReceivesBroadcastNotificationsOn returns the channels on which the
	// recipient's notifications are sent. Laravel's default is the private
	// channel of the model, model.Class("App.Models.User").Channel(id). Any
	// other channel will do, even a public one.
	ReceivesBroadcastNotificationsOn() []channel.Channel
}

// Route returns a recipient that consists only of channels, for what Laravel
// calls an on-demand notification. Its channels take precedence over those of
// the notification ([Channeler]).
func Route(channels ...channel.Channel) Notifiable { return route(channels) }

type route []channel.Channel

func (r route) ReceivesBroadcastNotificationsOn() []channel.Channel { return r }

// Event is the event that sends one notification to one recipient. Make one
// with [To].
type Event struct {
	to           Notifiable
	notification any
	id           string
}

// To returns the event that sends the notification to the recipient. The id of
// the notification is a new UUID. The methods of the recipient and the
// notification are called at dispatch.
func To(recipient Notifiable, notification any) Event {
	return Event{to: recipient, notification: notification, id: uuid.Must(uuid.NewV7()).String()}
}

// WithID returns a copy of the event with another notification id, for example
// that of the notification's row in a database.
func (e Event) WithID(id string) Event {
	e.id = id
	return e
}

// ID returns the notification's id.
func (e Event) ID() string { return e.id }

// Notification returns the notification that was passed to [To].
func (e Event) Notification() any { return e.notification }

// BroadcastOn returns the channels of the [Route] if the recipient is one,
// otherwise those of the notification if it is a [Channeler], otherwise those
// of the recipient. It passes over a Route or a Channeler without channels.
func (e Event) BroadcastOn() []channel.Channel {
	if r, ok := e.to.(route); ok && len(r) > 0 {
		return r
	}
	if c, ok := e.notification.(Channeler); ok {
		if on := c.BroadcastOn(); len(on) > 0 {
			return on
		}
	}
	return e.to.ReceivesBroadcastNotificationsOn()
}

// BroadcastAs returns [EventName], or the name that the notification returns if
// it is a [Namer].
func (e Event) BroadcastAs() string {
	if n, ok := e.notification.(Namer); ok {
		if name := n.BroadcastAs(); name != "" {
			return name
		}
	}
	return EventName
}

// BroadcastWith returns the notification's data with "id" and "type" added.
// They replace fields of the data with these names. If the notification is an
// event.Payloader that returns a payload, BroadcastWith returns that instead.
func (e Event) BroadcastWith() any {
	if p, ok := e.notification.(event.Payloader); ok {
		if with := p.BroadcastWith(); with != nil {
			return with
		}
	}
	return payload{e}
}

// BroadcastWhen returns what the notification returns if it is an
// event.Conditional, and true otherwise.
func (e Event) BroadcastWhen() bool {
	c, ok := e.notification.(event.Conditional)
	return !ok || c.BroadcastWhen()
}

// BroadcastConnections returns what the notification returns if it is an
// event.Router, and the default connection otherwise.
func (e Event) BroadcastConnections() []event.Connection {
	if r, ok := e.notification.(event.Router); ok {
		return r.BroadcastConnections()
	}
	return []event.Connection{{}}
}

// ShouldRescue returns what the notification returns if it is an event.Rescuer,
// and false otherwise.
func (e Event) ShouldRescue() bool {
	r, ok := e.notification.(event.Rescuer)
	return ok && r.ShouldRescue()
}

// ValidateBroadcast returns an error that is [ErrNil], [ErrNoRecipient] or
// [ErrNoType], an [*event.MethodError] for a method of the notification that
// would be ignored, or the error of the notification's own ValidateBroadcast.
func (e Event) ValidateBroadcast() error {
	switch {
	case gotype.IsNil(e.notification):
		return ErrNil
	case gotype.IsNil(e.to):
		return fmt.Errorf("%w: %s", ErrNoRecipient, reflect.TypeOf(e.notification))
	}
	if err := checkType(reflect.TypeOf(e.notification)); err != nil {
		return err
	}
	if e.typeName() == "" {
		return fmt.Errorf("%w from %s; give it a BroadcastType method", ErrNoType, reflect.TypeOf(e.notification))
	}
	if v, ok := e.notification.(event.Validator); ok {
		return v.ValidateBroadcast()
	}
	return nil
}

// typeName returns the type by which pages tell notifications apart, or "" if
// there is none.
func (e Event) typeName() string {
	if t, ok := e.notification.(Typer); ok {
		if name := t.BroadcastType(); name != "" {
			return name
		}
	}
	if name := gotype.Name(reflect.TypeOf(e.notification)); name != "" {
		return Namespace + `\` + name
	}
	return ""
}

// payload encodes the data with id and type.
type payload struct{ event Event }

// Value returns the data without id and type. It also lets
// broadcasttest.CheckEvent inspect the data.
func (p payload) Value() any {
	if d, ok := p.event.notification.(Broadcastable); ok {
		if with := d.ToBroadcast(); with != nil {
			return with
		}
	}
	return p.event.notification
}

func (p payload) MarshalJSON() ([]byte, error) {
	encoded, err := event.EncodeObject(p.Value())
	if err != nil {
		return nil, err
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal([]byte(encoded), &fields); err != nil {
		return nil, err
	}
	for name, text := range map[string]string{"id": p.event.id, "type": p.event.typeName()} {
		if fields[name], err = json.Marshal(text); err != nil {
			return nil, err
		}
	}
	out, err := event.Encode(fields)
	return []byte(out), err
}

var (
	_ event.Payloader   = Event{}
	_ event.Conditional = Event{}
	_ event.Router      = Event{}
	_ event.Rescuer     = Event{}
	_ event.Validator   = Event{}
)
