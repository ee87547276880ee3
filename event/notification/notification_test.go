package notification_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/model"
	"github.com/onairgo/onair/event/notification"
	"github.com/onairgo/onair/internal/vectortest"
)

// User is a notifiable with Laravel's default channel, or others.
type User struct {
	ID int64
	on []channel.Channel
}

func (u User) ReceivesBroadcastNotificationsOn() []channel.Channel {
	if u.on != nil {
		return u.on
	}
	return []channel.Channel{model.Class("App.Models.User").Channel(u.ID)}
}

// The notifications are named after the classes of dispatch.json.
type (
	InvoicePaid struct {
		InvoiceID int    `json:"invoice_id"`
		Amount    string `json:"amount"`
	}
	WithType  InvoicePaid
	WithAs    InvoicePaid
	WithOn    InvoicePaid
	WithWith  struct{ Hidden string }
	Overrides struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		X    int    `json:"x"`
	}
	NoData           struct{}
	ToBroadcastArray struct{ Hidden string }
)

func (WithType) BroadcastType() string { return "invoice.paid" }
func (WithAs) BroadcastAs() string     { return "invoice.as" }
func (WithOn) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Public("everyone"), channel.Presence("room")}
}
func (WithWith) BroadcastWith() any       { return map[string]string{"only": "this"} }
func (ToBroadcastArray) ToBroadcast() any { return map[string]int{"invoice_id": 7} }

// nowhere is a driver that takes everything.
var nowhere = broadcast.DriverFunc(func(context.Context, []broadcast.Message) error { return nil })

const laravelID = "00000000-0000-4000-8000-000000000001"

// TestLaravel compares with what Laravel sent for the same notifications.
func TestLaravel(t *testing.T) {
	t.Parallel()
	user, paid := User{ID: 7}, InvoicePaid{InvoiceID: 5, Amount: "12.50"}
	ours := map[string]notification.Event{
		"notification: toArray":                                                      notification.To(user, paid),
		"notification: toBroadcast with an array":                                    notification.To(user, ToBroadcastArray{Hidden: "x"}),
		"notification: broadcastType":                                                notification.To(user, WithType(paid)),
		"notification: broadcastAs":                                                  notification.To(user, WithAs(paid)),
		"notification: broadcastWith replaces id and type too":                       notification.To(user, WithWith{Hidden: "x"}),
		"notification: broadcastOn on the notification":                              notification.To(user, WithOn(paid)),
		"notification: id and type in the data are overwritten":                      notification.To(user, Overrides{ID: "mine", Type: "mine", X: 1}),
		"notification: receivesBroadcastNotificationsOn a string: made private":      notification.To(User{on: []channel.Channel{channel.Private("users.7")}}, paid),
		"notification: receivesBroadcastNotificationsOn an array: each made private": notification.To(User{on: []channel.Channel{channel.Private("users.7"), channel.Private("team.1")}}, paid),
		"notification: on demand with channel objects":                               notification.To(notification.Route(channel.Public("a"), channel.Private("b")), paid),
		"notification: toOthers is not possible (no InteractsWithSockets)":           notification.To(user, paid),
	}
	differ := map[string]string{
		"notification: neither toBroadcast nor toArray":                                                              "a Go struct always encodes, see TestNoDataIsIDAndType",
		"notification: notifiable row is gone when the job runs: dropped without an error (deleteWhenMissingModels)": "values are taken at dispatch, no row is read again",
	}
	var n vectortest.Tally
	for _, row := range vectortest.Rows[vectortest.Dispatched](t, "dispatch.json") {
		if !strings.HasPrefix(row.Name, "notification: ") {
			continue
		}
		reason, differs := differ[row.Name]
		n.Add(!differs)
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			if differs {
				require.Empty(t, row.Want.Requests, reason)
				return
			}
			e, ok := ours[row.Name]
			require.True(t, ok, "the row has no counterpart")
			e = e.WithID(laravelID)
			m := send(t, e)
			require.Len(t, row.Want.Requests, 1)
			want := row.Want.Requests[0]
			require.Equal(t, want.Body.Name, m.Event)
			require.Equal(t, fmt.Sprint(want.Channels()), fmt.Sprint(m.Channels))
			require.JSONEq(t, string(want.Data), m.Data)
		})
	}
	n.Report(t, "dispatch.json, notifications", vectortest.Tally{Agree: 11, Differ: 2})
}

// send dispatches the event and returns its only message.
func send(t *testing.T, e event.Event, options ...broadcast.DispatchOption) broadcast.Message {
	t.Helper()
	deliveries, err := broadcast.New(nowhere).Prepare(t.Context(), e, options...)
	require.NoError(t, err)
	require.Len(t, deliveries, 1)
	return deliveries[0].Message
}

func TestNoDataIsIDAndType(t *testing.T) {
	t.Parallel()
	e := notification.To(User{ID: 7}, NoData{}).WithID("1")
	require.JSONEq(t, `{"id":"1","type":"App\\Notifications\\NoData"}`, send(t, e).Data)
}

func TestIDIsAFreshUUIDAndStays(t *testing.T) {
	t.Parallel()
	a, b := notification.To(User{ID: 7}, NoData{}), notification.To(User{ID: 7}, NoData{})
	require.NotEqual(t, a.ID(), b.ID())
	_, err := uuid.Parse(a.ID())
	require.NoError(t, err)
	for range 2 {
		require.Contains(t, send(t, a).Data, `"id":"`+a.ID()+`"`)
	}
}

func TestToOthersWorks(t *testing.T) {
	t.Parallel()
	m := send(t, notification.To(User{ID: 7}, NoData{}), broadcast.Except("1.2"))
	require.Equal(t, "1.2", m.SocketID)
}

func TestTenantsAndPublicChannels(t *testing.T) {
	t.Parallel()
	e := notification.To(notification.Route(model.Class("tenant.acme.User").Channel("5b2c")), NoData{})
	require.Equal(t, "[private-tenant.acme.User.5b2c]", fmt.Sprint(send(t, e).Channels))

	e = notification.To(notification.Route(channel.Public("news")), WithOn{})
	require.Equal(t, "[news]", fmt.Sprint(send(t, e).Channels), "a route wins over the notification")

	e = notification.To(notification.Route(), WithOn{})
	require.Equal(t, "[everyone presence-room]", fmt.Sprint(send(t, e).Channels), "an empty one does not")
}

func TestNumbersAndMarksSurvive(t *testing.T) {
	t.Parallel()
	e := notification.To(User{ID: 7}, WithMap{"n": json.RawMessage("9007199254740993"), "html": "<b>&"}).WithID("1")
	data := send(t, e).Data
	require.Contains(t, data, "9007199254740993")
	require.Contains(t, data, `"<b>&"`)
}

type WithMap map[string]any

type optional struct {
	when   bool
	rescue bool
	via    []event.Connection
	err    error
}

func (o optional) BroadcastWhen() bool                      { return o.when }
func (o optional) ShouldRescue() bool                       { return o.rescue }
func (o optional) BroadcastConnections() []event.Connection { return o.via }
func (o optional) ValidateBroadcast() error                 { return o.err }
func (optional) BroadcastAs() string                        { return "" }
func (optional) BroadcastType() string                      { return "" }
func (optional) BroadcastOn() []channel.Channel             { return nil }
func (optional) BroadcastWith() any                         { return nil }
func (optional) ToBroadcast() any                           { return nil }

func TestOptionalMethodsOfTheNotification(t *testing.T) {
	t.Parallel()
	n := optional{when: true, via: event.Via("audit")}
	b := broadcast.New(nowhere, broadcast.WithConnection("audit", nowhere))
	deliveries, err := b.Prepare(t.Context(), notification.To(User{ID: 7}, n).WithID("1"))
	require.NoError(t, err)
	require.Len(t, deliveries, 1)
	require.Equal(t, "audit", deliveries[0].Connection)
	require.Equal(t, notification.EventName, deliveries[0].Message.Event, "an empty name is the default")
	require.JSONEq(t, `{"id":"1","type":"App\\Notifications\\optional"}`, deliveries[0].Message.Data, "nil is the default")
	require.Equal(t, "[private-App.Models.User.7]", fmt.Sprint(deliveries[0].Message.Channels))

	n.when = false
	deliveries, err = b.Prepare(t.Context(), notification.To(User{ID: 7}, n))
	require.NoError(t, err)
	require.Empty(t, deliveries)

	n.err = errors.New("invoice is a draft")
	_, err = b.Prepare(t.Context(), notification.To(User{ID: 7}, n))
	require.ErrorIs(t, err, n.err)

	require.True(t, notification.To(User{}, optional{rescue: true}).ShouldRescue())
	require.False(t, notification.To(User{}, NoData{}).ShouldRescue())
}

// What is refused: optional methods that would be ignored, and data that is no
// object.
type (
	wrongType    struct{}
	wrongOn      struct{}
	wrongAs      struct{}
	wrongData    struct{}
	wrongWith    struct{}
	pointerType  struct{}
	list         []int
	pointerUser  struct{}
	unencodeable struct{ C chan int }
)

func (wrongType) BroadcastType() int                                     { return 1 }
func (wrongOn) BroadcastOn() channel.Channel                             { return channel.Public("x") }
func (wrongAs) BroadcastAs(string) string                                { return "" }
func (wrongData) ToBroadcast() map[string]any                            { return nil }
func (wrongWith) BroadcastWith() string                                  { return "" }
func (*pointerType) BroadcastType() string                               { return "" }
func (*pointerUser) ReceivesBroadcastNotificationsOn() []channel.Channel { return nil }

func TestRefused(t *testing.T) {
	t.Parallel()
	user := User{ID: 7}
	for _, test := range []struct {
		name   string
		e      event.Event
		method string
		is     error
		text   string
	}{
		{name: "no notification", e: notification.To(user, nil), is: notification.ErrNil},
		{name: "nil pointer", e: notification.To(user, (*InvoicePaid)(nil)), is: notification.ErrNil},
		{name: "no recipient", e: notification.To(nil, NoData{}), is: notification.ErrNoRecipient, text: "notification_test.NoData"},
		{name: "nil recipient", e: notification.To((*pointerUser)(nil), NoData{}), is: notification.ErrNoRecipient},
		{name: "the zero event", e: notification.Event{}, is: notification.ErrNil},
		{name: "no type", e: notification.To(user, map[string]any{"a": 1}), is: notification.ErrNoType, text: "map[string]interface {}"},
		{name: "result of BroadcastType", e: notification.To(user, wrongType{}), method: "BroadcastType", text: "declare func (e notification_test.wrongType) BroadcastType() string"},
		{name: "result of BroadcastOn", e: notification.To(user, wrongOn{}), method: "BroadcastOn", text: "() []channel.Channel"},
		{name: "argument of BroadcastAs", e: notification.To(user, wrongAs{}), method: "BroadcastAs", text: "func(string) string"},
		{name: "result of ToBroadcast", e: notification.To(user, wrongData{}), method: "ToBroadcast", text: "() any"},
		{name: "result of BroadcastWith", e: notification.To(user, wrongWith{}), method: "BroadcastWith", text: "() any"},
		{name: "pointer receiver", e: notification.To(user, pointerType{}), method: "BroadcastType", text: "pointer receiver"},
		{name: "data is a list", e: notification.To(user, list{1}), text: "notification_test.list encodes as a JSON array where an object is needed"},
		{name: "data cannot be encoded", e: notification.To(user, unencodeable{}), text: "chan int"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			for range 2 { // the second answer comes from what is kept for the type
				_, err := broadcast.New(nowhere).Prepare(t.Context(), test.e)
				require.Error(t, err)
				require.ErrorContains(t, err, test.text)
				if test.is != nil {
					require.ErrorIs(t, err, test.is)
				}
				if test.method != "" {
					wrong, ok := errors.AsType[*event.MethodError](err)
					require.True(t, ok, "%v", err)
					require.Equal(t, test.method, wrong.Method)
				}
			}
		})
	}
	_, err := broadcast.New(nowhere).Prepare(t.Context(), notification.To(user, &pointerType{}))
	require.NoError(t, err)
}
