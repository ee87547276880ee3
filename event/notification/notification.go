// Package notification broadcasts notifications as Laravel's broadcast channel
// does, so that Echo's notification() and useEchoNotification hear them.
//
// A notification is any struct; its JSON encoding is the data, to which "id"
// and "type" are added:
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
// and the page hears it with echo.private("App.Models.User.7").notification(…).
//
// What a notification may say beyond that is the one-method interfaces of this
// package and those of package event: event.Payloader (replaces all of the
// data, id and type too), event.Conditional, event.Router, event.Rescuer and
// event.Validator. A method that has such a name and another signature is
// refused at dispatch with an [*event.MethodError].
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

// EventName is the event's name that Echo's notification() listens to.
const EventName = `Illuminate\Notifications\Events\BroadcastNotificationCreated`

// Namespace is what stands before the Go type's name in a notification's type,
// where Laravel has its classes. [Typer] replaces the whole.
const Namespace = `App\Notifications`

// Errors of a dispatch.
var (
	// ErrNil is returned for a notification that is nil or a nil pointer.
	ErrNil = errors.New("notification: the notification is nil")
	// ErrNoRecipient is returned when whom to notify is nil or a nil pointer.
	ErrNoRecipient = errors.New("notification: the recipient is nil")
	// ErrNoType is the condition of a notification whose Go type has no name
	// and that is no [Typer].
	ErrNoType = errors.New("notification: no type can be derived")
)

// Notifiable is who or what can be notified, such as a user.
type Notifiable interface {
	// ReceivesBroadcastNotificationsOn returns the channels that pages hear
	// the recipient's notifications on. Laravel's default is the private
	// channel of the model, model.Class("App.Models.User").Channel(id); any
	// other will do, also a public one.
	ReceivesBroadcastNotificationsOn() []channel.Channel
}

// Route returns a recipient that is nothing but channels, Laravel's on-demand
// notification. It wins over the notification's own channels ([Channeler]).
func Route(channels ...channel.Channel) Notifiable { return route(channels) }

type route []channel.Channel

func (r route) ReceivesBroadcastNotificationsOn() []channel.Channel { return r }

// Event is one notification on its way to one recipient.
type Event struct {
	to           Notifiable
	notification any
	id           string
}

// To returns the event that tells the recipient of the notification, under an
// id of its own, a UUID. Recipient and notification are asked at dispatch.
func To(recipient Notifiable, notification any) Event {
	return Event{to: recipient, notification: notification, id: uuid.Must(uuid.NewV7()).String()}
}

// WithID returns the event with another id, for instance that of the row in
// the table of notifications.
func (e Event) WithID(id string) Event {
	e.id = id
	return e
}

// ID returns the notification's id.
func (e Event) ID() string { return e.id }

// Notification returns the notification as it was given.
func (e Event) Notification() any { return e.notification }

// BroadcastOn returns the channels of a [Route], else those of the
// notification, else those of the recipient.
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

// BroadcastAs returns [EventName] unless the notification is a [Namer].
func (e Event) BroadcastAs() string {
	if n, ok := e.notification.(Namer); ok {
		if name := n.BroadcastAs(); name != "" {
			return name
		}
	}
	return EventName
}

// BroadcastWith returns the notification's data with id and type, which
// replace what has these keys, or all that an event.Payloader wants instead.
func (e Event) BroadcastWith() any {
	if p, ok := e.notification.(event.Payloader); ok {
		if with := p.BroadcastWith(); with != nil {
			return with
		}
	}
	return payload{e}
}

// BroadcastWhen asks the notification.
func (e Event) BroadcastWhen() bool {
	c, ok := e.notification.(event.Conditional)
	return !ok || c.BroadcastWhen()
}

// BroadcastConnections asks the notification.
func (e Event) BroadcastConnections() []event.Connection {
	if r, ok := e.notification.(event.Router); ok {
		return r.BroadcastConnections()
	}
	return []event.Connection{{}}
}

// ShouldRescue asks the notification.
func (e Event) ShouldRescue() bool {
	r, ok := e.notification.(event.Rescuer)
	return ok && r.ShouldRescue()
}

// ValidateBroadcast returns [ErrNil], [ErrNoRecipient], [ErrNoType], an
// [*event.MethodError] for a method of the notification that would be ignored,
// or what the notification says itself.
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

// typeName returns what pages know the notification by, or "".
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

// Value returns the data without id and type. broadcasttest.CheckEvent looks
// inside with it, too.
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
