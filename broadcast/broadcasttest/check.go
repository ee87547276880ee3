package broadcasttest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/notification"
)

// CheckEvent reports an error to the test for everything that would go wrong
// with the event, most of which would otherwise go unnoticed:
//
//   - a method whose name is close to that of an optional one, such as
//     BroadCastWith, or one of Laravel's methods that has another name here;
//   - an optional method with the wrong signature or a pointer receiver;
//   - an exported field without a json tag, which pages would get under its Go
//     name, or an event that sends nothing because all its fields are
//     unexported;
//   - a name or a channel that dispatch refuses, or no channel at all;
//   - a name that begins with client-, which pages take for a client event;
//   - a payload that does not encode, or that exceeds the 10 KB that Pusher
//     Channels accepts, measured in encrypted form for an encrypted channel.
//
// Pass an event with typical values that is meant to be sent. For a
// notification (package notification), the notification's own type is checked.
// CheckEvent cannot see unexported methods such as broadcastWith; staticcheck
// reports them as unused.
func CheckEvent(t testing.TB, e event.Event) {
	t.Helper()
	for _, problem := range problems(t.Context(), e) {
		t.Errorf("%s: %s", event.TypeName(e), problem)
	}
}

func problems(ctx context.Context, e event.Event) []string {
	err := event.Check(e)
	if errors.Is(err, event.ErrNil) {
		return []string{err.Error()}
	}
	found := misspelt(e)
	if err != nil {
		return append(found, err.Error())
	}
	if c, ok := e.(event.Conditional); ok && !c.BroadcastWhen() {
		return append(found, "BroadcastWhen says no, so nothing is sent; pass an event that is")
	}
	deliveries, err := pusherLike().Prepare(ctx, e)
	switch {
	case err != nil:
		found = append(found, err.Error())
	case len(deliveries) == 0:
		found = append(found, "it goes to no channel or no connection, so nothing is sent")
	case strings.HasPrefix(deliveries[0].Message.Event, "client-"):
		found = append(found, "its name begins with client-, which pages take for a whisper of another page")
	}
	return append(found, untagged(e)...)
}

// pusherLike returns a broadcaster whose connections all have those limits of
// Pusher Channels that no driver can work around.
func pusherLike() *broadcast.Broadcaster {
	var d bounded
	return broadcast.New(d,
		broadcast.WithResolver(func(context.Context, string) (broadcast.Driver, error) { return d, nil }),
		broadcast.WithLogger(slog.New(slog.DiscardHandler)))
}

type bounded struct{}

func (bounded) Broadcast(context.Context, []broadcast.Message) error { return nil }
func (bounded) Limits() broadcast.Limits                             { return broadcast.Limits{Payload: 10 << 10} }

// The methods that are called on an event, and those called on a notification.
var (
	eventMethods        = []string{"BroadcastOn", "BroadcastAs", "BroadcastWith", "BroadcastWhen", "BroadcastConnections", "ShouldRescue", "ValidateBroadcast"}
	notificationMethods = append([]string{"ToBroadcast", "BroadcastType"}, eventMethods...)
)

// elsewhere says what replaces the other methods that an event has in Laravel.
var elsewhere = map[string]string{
	"BroadcastVia":               "it is BroadcastConnections here, or broadcast.Via at the dispatch",
	"BroadcastType":              "only a notification has it",
	"BroadcastToEveryone":        "it is how every dispatch begins",
	"DontBroadcastToCurrentUser": "pass broadcast.ToOthers to Dispatch",
	"ToOthers":                   "pass broadcast.ToOthers to Dispatch",
	"ToBroadcast":                "only a notification has it; an event has BroadcastWith",
}

// misspelt finds methods that look as if they were called but are not.
func misspelt(e event.Event) (found []string) {
	t, known := reflect.TypeOf(e), eventMethods
	if n, ok := e.(notification.Event); ok {
		if n.Notification() == nil {
			return nil
		}
		t, known = reflect.TypeOf(n.Notification()), notificationMethods
	}
	if t.Kind() != reflect.Pointer {
		t = reflect.PointerTo(t)
	}
	for m := range t.Methods() {
		if slices.Contains(known, m.Name) {
			continue
		}
		rest, broadcast := strings.CutPrefix(m.Name, "Broadcast")
		if where, ok := elsewhere[m.Name]; ok {
			found = append(found, fmt.Sprintf("nobody calls the method %s; %s", m.Name, where))
		} else if near, ok := closestMethod(m.Name, known); ok {
			found = append(found, fmt.Sprintf("nobody calls the method %s; did you mean %s?", m.Name, near))
		} else if broadcast && rest != "" && rest[0] >= 'A' && rest[0] <= 'Z' {
			found = append(found, fmt.Sprintf("nobody calls the method %s; there are %s", m.Name, strings.Join(known, ", ")))
		}
	}
	return found
}

// closestMethod compares what follows a common Broadcast, since that prefix
// would make any two names look alike.
func closestMethod(name string, known []string) (string, bool) {
	const prefix = "broadcast"
	if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return closest(name, known)
	}
	var rests []string
	for _, k := range known {
		if rest, ok := strings.CutPrefix(k, "Broadcast"); ok {
			rests = append(rests, rest)
		}
	}
	near, ok := closest(name[len(prefix):], rests)
	return "Broadcast" + near, ok
}
