package event_test

import (
	"errors"
	"fmt"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// SessionStarted is an event: its exported fields are what browsers receive.
type SessionStarted struct {
	SessionID string `json:"sessionId"`
	Student   string `json:"student"`
	MentorID  string `json:"-"` // routes the event, stays off the wire
}

func (e SessionStarted) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private("mentor." + e.MentorID)}
}

func (SessionStarted) BroadcastAs() string { return "session.started" }

func Example() {
	e := SessionStarted{SessionID: "9", Student: "Ada", MentorID: "1"}
	name, _ := event.Name(e, event.DefaultNamespace)
	data, _ := event.Payload(e)
	fmt.Println(name, e.BroadcastOn(), data)
	// Output:
	// session.started [private-mentor.1] {"sessionId":"9","student":"Ada"}
}

// MessageSent is sent unless it is a draft, shows a part of itself, and goes to
// the archive under another channel. Its failure does not fail the caller.
type MessageSent struct {
	ID    int
	Text  string
	Draft bool
}

func (m MessageSent) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Encrypted("chat.7")}
}
func (MessageSent) BroadcastAs() string   { return "" } // Laravel's default
func (m MessageSent) BroadcastWith() any  { return map[string]any{"id": m.ID, "text": m.Text} }
func (m MessageSent) BroadcastWhen() bool { return !m.Draft }
func (m MessageSent) ShouldRescue() bool  { return true }
func (m MessageSent) BroadcastConnections() []event.Connection {
	return []event.Connection{
		{}, // the default connection
		{Name: "archive", Channels: []channel.Channel{channel.Private("archive")}, Payload: map[string]any{"id": m.ID}},
	}
}

// The compiler guards the methods' signatures.
var (
	_ event.Payloader   = MessageSent{}
	_ event.Conditional = MessageSent{}
	_ event.Router      = MessageSent{}
	_ event.Rescuer     = MessageSent{}
)

func Example_optional() {
	m := MessageSent{ID: 3, Text: "hello"}
	name, _ := event.Name(m, event.DefaultNamespace)
	data, _ := event.Payload(m)
	fmt.Println(name, data, event.Check(m))
	// Output:
	// App\Events\MessageSent {"id":3,"text":"hello"} <nil>
}

// Invited refuses to be sent without a guest. BroadcastOn could not do that,
// because it returns no error.
type Invited struct {
	GuestID string `json:"guestId"`
}

func (i Invited) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.User(i.GuestID)}
}
func (Invited) BroadcastAs() string { return "invited" }
func (i Invited) ValidateBroadcast() error {
	if i.GuestID == "" {
		return errors.New("invitation without a guest")
	}
	return nil
}

func ExampleValidator() {
	fmt.Println(event.Check(Invited{GuestID: "42"}))
	fmt.Println(event.Check(Invited{}))
	// Output:
	// <nil>
	// invitation without a guest
}

// Misdeclared has an optional method whose result is another type.
type Misdeclared struct{ SessionStarted }

func (Misdeclared) BroadcastWith() map[string]any { return nil }

func ExampleCheck() {
	fmt.Println(event.Check(Misdeclared{}))
	// Output:
	// event: BroadcastWith of event_test.Misdeclared is func() map[string]interface {} and would be ignored; declare func (e event_test.Misdeclared) BroadcastWith() any
}

func ExampleOf() {
	e := event.Of("order.paid", map[string]any{"id": 7}, channel.Private("orders.7"), channel.Encrypted("ledger"))
	data, _ := event.Payload(e)
	fmt.Println(e.BroadcastAs(), e.BroadcastOn(), data)
	// Output:
	// order.paid [private-orders.7 private-encrypted-ledger] {"id":7}
}
