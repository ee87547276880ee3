// Package event says what an event is: a plain value that knows its channels
// and its name, and whose exported fields are what the browser receives.
//
//	type SessionStarted struct {
//		SessionID string `json:"sessionId"`
//		MentorID  string `json:"-"` // routes the event, stays off the wire
//	}
//
//	func (e SessionStarted) BroadcastOn() []channel.Channel {
//		return []channel.Channel{channel.Private("mentor." + e.MentorID)}
//	}
//	func (SessionStarted) BroadcastAs() string { return "session.started" }
//
// What an event may say beyond that is a handful of one-method interfaces:
// [Payloader], [Conditional], [Router], [Rescuer] and [Validator]. An event
// whose method has the name but not the signature is refused with a
// [*MethodError].
//
// [Of] makes an event that needs no type. Package event/model names the changes
// of stored models, and package event/notification sends notifications, both
// as Laravel does.
package event

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event/internal/gotype"
)

// Event is something that happened and that browsers are told of, the
// counterpart of Laravel's ShouldBroadcast. Without a [Payloader] its JSON
// encoding is the payload.
type Event interface {
	// BroadcastOn returns the channels. With none, nothing is sent and that is
	// no error.
	BroadcastOn() []channel.Channel
	// BroadcastAs returns the event's name. Browsers listen to it with a
	// leading dot: echo.listen(".session.started"). The empty name asks for
	// Laravel's default, namespace and type name, heard by
	// echo.listen("SessionStarted").
	BroadcastAs() string
}

// MaxNameLength is the largest length of an event's name in bytes.
const MaxNameLength = 200

// DefaultNamespace is what Laravel and Echo put before the type name of an
// event without a name of its own.
const DefaultNamespace = `App\Events`

// ErrNil is returned for an event that is nil or a nil pointer.
var ErrNil = errors.New("event: the event is nil")

// NameError reports an event name that cannot be used.
type NameError struct {
	// Name is the name; empty when the type has none.
	Name string
	// Type is the event's Go type.
	Type string
	// Detail is cause and cure in words.
	Detail string
}

// Error names the cause and the cure.
func (e *NameError) Error() string {
	name := e.Name
	if len(name) > 80 {
		name = strings.ToValidUTF8(name[:80], "") + "…"
	}
	return fmt.Sprintf("event: name %q of %s %s", name, e.Type, e.Detail)
}

// Name returns the event's name on the wire: BroadcastAs, or when that is
// empty the namespace, a backslash and the name of the Go type without
// package, pointer and type arguments. With an empty namespace it is the bare
// type name, for pages that set Echo's namespace to false. The error is a
// [*NameError]: neither the event nor its type has a name, or the name is too
// long, kept by the protocol for itself, or one that Echo cannot listen to.
func Name(e Event, namespace string) (string, error) {
	if gotype.IsNil(e) {
		return "", ErrNil
	}
	name := e.BroadcastAs()
	if name == "" {
		short := gotype.Name(reflect.TypeOf(e))
		if short == "" {
			return "", &NameError{Type: TypeName(e), Detail: "cannot be derived from a type without a name; return a name from BroadcastAs"}
		}
		name = short
		if namespace = strings.Trim(namespace, `\`); namespace != "" {
			name = namespace + `\` + short
		}
	}
	if detail := checkName(name); detail != "" {
		return "", &NameError{Name: name, Type: TypeName(e), Detail: detail}
	}
	return name, nil
}

func checkName(name string) string {
	switch {
	case len(name) > MaxNameLength:
		return fmt.Sprintf("has %d bytes, the limit is %d", len(name), MaxNameLength)
	case strings.HasPrefix(name, "pusher:"), strings.HasPrefix(name, "pusher_internal:"):
		return "begins with a prefix that the Pusher protocol keeps for its own events"
	case name[0] == '.':
		return "begins with a dot, which belongs in the browser only: listen(\".order.paid\") hears \"order.paid\""
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\ufffd' }):
		return "holds a control character or is not valid UTF-8"
	}
	return ""
}

// TypeName returns the event's Go type for messages to people, such as
// "orders.Paid".
func TypeName(e Event) string {
	if e == nil {
		return "nil"
	}
	return strings.TrimPrefix(reflect.TypeOf(e).String(), "*")
}
