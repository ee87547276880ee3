// Package event defines events. An event is a plain value that knows its
// channels and its name, and whose exported fields are what browsers receive.
//
//	type SessionStarted struct {
//		SessionID string `json:"sessionId"`
//		MentorID  string `json:"-"` // selects the channel, is not sent
//	}
//
//	func (e SessionStarted) BroadcastOn() []channel.Channel {
//		return []channel.Channel{channel.Private("mentor." + e.MentorID)}
//	}
//	func (SessionStarted) BroadcastAs() string { return "session.started" }
//
// An event can implement further interfaces of one method each: [Payloader],
// [Conditional], [Router], [Rescuer] and [Validator]. An event that has a
// method with the name of one of them and a different signature is rejected
// with a [*MethodError].
//
// [Of] returns an event without the need to declare a type. Package event/model
// announces changes to stored models and package event/notification sends
// notifications, both as Laravel does.
package event

import (
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event/internal/gotype"
)

// Event is something that happened and that browsers are told about. It is the
// counterpart of Laravel's ShouldBroadcast. Its payload is its JSON encoding,
// unless it is a [Payloader].
type Event interface {
	// BroadcastOn returns the channels to send the event on. If it returns
	// none, the event is not sent, which is not an error.
	BroadcastOn() []channel.Channel
	// BroadcastAs returns the event's name. Browsers listen for it with a
	// leading dot: echo.listen(".session.started"). An empty name selects
	// Laravel's default, the namespace followed by the type name, which
	// browsers listen for with echo.listen("SessionStarted").
	BroadcastAs() string
}

// MaxNameLength is the maximum length of an event's name in bytes.
const MaxNameLength = 200

// DefaultNamespace is the namespace that Laravel and Echo put before the type
// name of an event that does not name itself.
const DefaultNamespace = `App\Events`

// ErrNil is returned for an event that is nil or a nil pointer.
var ErrNil = errors.New("event: the event is nil")

// NameError reports an event name that cannot be used.
type NameError struct {
	// Name is the name, or empty if the event has none and its type has no name
	// to derive one from.
	Name string
	// Type is the event's Go type.
	Type string
	// Detail describes the problem and, where there is one, the remedy.
	Detail string
}

// Error returns a message with the name, the type and the detail. A name of
// more than 80 bytes is truncated.
func (e *NameError) Error() string {
	name := e.Name
	if len(name) > 80 {
		name = strings.ToValidUTF8(name[:80], "") + "…"
	}
	return fmt.Sprintf("event: name %q of %s %s", name, e.Type, e.Detail)
}

// Name returns the event's name on the wire. This is what BroadcastAs returns
// or, if that is empty, the namespace, a backslash and the name of the Go type
// without package, pointer and type arguments. If the namespace is empty too,
// it is the type name alone, for pages that set Echo's namespace to false.
//
// Name returns [ErrNil] for an event that is nil or a nil pointer. It returns a
// [*NameError] if neither the event nor its type has a name, or if the name is
// longer than [MaxNameLength], reserved by the protocol, begins with a dot,
// holds a control character or is not valid UTF-8.
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

// TypeName returns the event's Go type as text for people to read, such as
// "orders.Paid".
func TypeName(e Event) string {
	if e == nil {
		return "nil"
	}
	return strings.TrimPrefix(reflect.TypeOf(e).String(), "*")
}
