package pusher_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/model"
	"github.com/onairgo/onair/event/notification"
)

// eventInput is an event of a row.
type eventInput struct {
	Class         string
	Public        map[string]any
	BroadcastOn   json.RawMessage `json:"broadcast_on"`
	BroadcastWith any             `json:"broadcast_with"`
	BroadcastAs   json.RawMessage `json:"broadcast_as"`
	BroadcastWhen any             `json:"broadcast_when"`
	Connections   []*string
	Rescue        bool
}

// Named is an event made of a row.
type Named struct {
	name   string
	on     []channel.Channel
	with   any
	when   bool
	rescue bool
}

func (b Named) BroadcastOn() []channel.Channel { return b.on }
func (b Named) BroadcastAs() string            { return b.name }
func (b Named) BroadcastWith() any             { return b.with }
func (b Named) BroadcastWhen() bool            { return b.when }
func (b Named) ShouldRescue() bool             { return b.rescue }

// Routed is the row's class of that name with its connections; it is a type of
// its own, as one without connections must not have the method.
type Routed struct {
	Named
	via []event.Connection
}

// BroadcastConnections returns the row's connections.
func (r Routed) BroadcastConnections() []event.Connection { return r.via }

// The events of rows that are about the fields of a class.
type (
	OrderShipped struct {
		OrderID int     `json:"orderId"`
		Total   string  `json:"total"`
		Note    *string `json:"note"`
	}
	NoSocketsTrait struct {
		A int `json:"a"`
	}
	WithNull struct {
		Kept string `json:"kept"`
	}
	WithQueueProps struct {
		BroadcastQueue string `json:"-"`
		Queue          string `json:"queue"`
		Connection     string `json:"connection"`
		Kept           int    `json:"kept"`
	}
)

func (OrderShipped) BroadcastOn() []channel.Channel   { return public("orders") }
func (OrderShipped) BroadcastAs() string              { return "" }
func (NoSocketsTrait) BroadcastOn() []channel.Channel { return public("orders") }
func (NoSocketsTrait) BroadcastAs() string            { return "" }
func (WithNull) BroadcastOn() []channel.Channel       { return public("c") }
func (WithNull) BroadcastAs() string                  { return "" }
func (WithNull) BroadcastWith() any                   { return nil }
func (WithQueueProps) BroadcastOn() []channel.Channel { return public("c") }
func (WithQueueProps) BroadcastAs() string            { return "" }

func public(name string) []channel.Channel { return []channel.Channel{channel.Public(name)} }

// classes are the events whose class stands for a Go type.
var classes = map[string]event.Event{
	`App\Events\OrderShipped`:   OrderShipped{OrderID: 15, Total: "9.90"},
	`App\Events\NoSocketsTrait`: NoSocketsTrait{A: 1},
	`App\Events\PropTypes`:      PropTypes{Half: 0.5, Text: "é/<&>'\"", List: []int{1, 2}, EmptyList: []int{}, Map: map[string]int{"a": 1}, Nested: map[string][]int{"k": {1}}, Object: point{2}, Marshaler: color("j"), Enum: "red", True: true, Int: 1, Float: 1.0},
	`App\Events\WithNull`:       WithNull{Kept: "yes"},
	`App\Events\WithQueueProps`: WithQueueProps{BroadcastQueue: "high", Queue: "q", Connection: "sync", Kept: 1},
}

// PropTypes has a field of each type that JSON knows, named as the row's.
type PropTypes struct {
	Null      *int             `json:"null"`
	True      bool             `json:"true"`
	Int       int              `json:"int"`
	Float     float64          `json:"float"`
	Half      float64          `json:"half"`
	Text      string           `json:"string"`
	List      []int            `json:"list"`
	EmptyList []int            `json:"emptyList"`
	Map       map[string]int   `json:"map"`
	Nested    map[string][]int `json:"nested"`
	Object    point            `json:"object"`
	Marshaler color            `json:"jsonSerializable"`
	Enum      string           `json:"enum"`
}

// BroadcastOn returns the row's channel.
func (PropTypes) BroadcastOn() []channel.Channel { return public("c") }

// BroadcastAs asks for the default.
func (PropTypes) BroadcastAs() string { return "" }

type point struct {
	X int `json:"x"`
}

type color string

func (c color) MarshalJSON() ([]byte, error) { return []byte(`{"` + string(c) + `":1}`), nil }

// build returns the row's event.
func (in *eventInput) build(t *testing.T) event.Event {
	t.Helper()
	if e := classes[in.Class]; e != nil {
		return e
	}
	e := Named{with: in.BroadcastWith, when: true, rescue: in.Rescue}
	if list, ok := e.with.([]any); ok && len(list) == 0 {
		e.with = struct{}{} // PHP's empty array, of keys as well as of places
	}
	if words, ok := e.with.(string); ok {
		require.Equal(t, "s is the byte ff", words)
		e.with = map[string]string{"s": "\xff"}
	}
	e.name = "n"
	var enum struct{ Enum string }
	if in.BroadcastAs == nil {
		// The row sends nothing.
	} else if json.Unmarshal(in.BroadcastAs, &enum) == nil {
		e.name = enum.Enum
	} else {
		require.NoError(t, json.Unmarshal(in.BroadcastAs, &e.name))
	}
	switch when := in.BroadcastWhen.(type) {
	case bool:
		e.when = when
	case float64:
		e.when = when != 0
	case string:
		e.when = when != "" && when != "0"
	}
	e.on = channelsOf(t, in.BroadcastOn)
	if in.Connections == nil {
		return e
	}
	routed := Routed{Named: e}
	for _, name := range in.Connections {
		c := event.Connection{}
		if name != nil {
			c.Name = *name
		}
		routed.via = append(routed.via, c)
	}
	return routed
}

// channelsOf reads the channels of a row: a list, one channel, null, or words.
func channelsOf(t *testing.T, raw json.RawMessage) []channel.Channel {
	t.Helper()
	if raw == nil || string(raw) == "null" {
		return nil
	}
	var words string
	if json.Unmarshal(raw, &words) == nil {
		return channelsOfWords(t, words)
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		list = []json.RawMessage{raw}
	}
	var on []channel.Channel
	for _, item := range list {
		var name string
		if json.Unmarshal(item, &name) == nil {
			c, err := channel.Parse(name)
			if err != nil {
				c = channel.Public(name)
			}
			on = append(on, c)
			continue
		}
		var c struct{ Kind, Name string }
		require.NoError(t, json.Unmarshal(item, &c))
		on = append(on, kinds[c.Kind](c.Name))
	}
	return on
}

var kinds = map[string]func(string) channel.Channel{
	"public": channel.Public, "private": channel.Private, "presence": channel.Presence, "encrypted": channel.Encrypted,
}

func channelsOfWords(t *testing.T, words string) []channel.Channel {
	t.Helper()
	var kind string
	var n int
	_, err := fmt.Sscanf(strings.TrimSuffix(words, `, then "a b"`), "%s c.1 to c.%d", &kind, &n)
	require.NoError(t, err)
	var on []channel.Channel
	for i := range n {
		on = append(on, kinds[kind](fmt.Sprintf("c.%d", i+1)))
	}
	if strings.HasSuffix(words, `"a b"`) {
		on = append(on, channel.Public("a b"))
	}
	return on
}

type dispatcher func(t *testing.T, b *broadcast.Broadcaster, options []broadcast.DispatchOption) error

// send dispatches events one after the other.
func send(events ...event.Event) dispatcher {
	return func(t *testing.T, b *broadcast.Broadcaster, options []broadcast.DispatchOption) error {
		for _, e := range events {
			if err := b.Dispatch(t.Context(), e, options...); err != nil {
				return err
			}
		}
		return nil
	}
}

// dispatches are the rows that call for more than an event made of their data.
var dispatches = map[string]dispatcher{
	"broadcast_if false": func(t *testing.T, b *broadcast.Broadcaster, _ []broadcast.DispatchOption) error {
		return b.DispatchIf(t.Context(), false, event.Of("n", nil, channel.Public("orders")))
	},

	"anonymous: defaults":            send(event.Of("", nil, channel.Public("orders.1"))),
	"anonymous: sendNow":             send(event.Of("", nil, channel.Public("orders.1"))),
	"anonymous: as and with":         send(event.Of("OrderPlaced", map[string]int{"id": 1, "total": 100}, channel.Public("orders.1"))),
	"anonymous: as empty falls back": send(event.Of("", nil, channel.Public("orders.1"))),
	"anonymous: as 0 falls back":     send(event.Of("0", nil, channel.Public("orders.1"))),
	"anonymous: with an Arrayable": send(event.Of("", struct {
		R int `json:"r"`
	}{1}, channel.Public("o"))),
	"anonymous: private":          send(event.Of("", nil, channel.Private("orders.1"))),
	"anonymous: presence":         send(event.Of("", nil, channel.Presence("orders.1"))),
	"anonymous: several channels": send(event.Of("", nil, channel.Public("a"), channel.Private("b"), channel.Presence("c"))),
	"anonymous: toOthers":         send(event.Of("", nil, channel.Public("o"))),
	"anonymous: via": func(t *testing.T, b *broadcast.Broadcaster, _ []broadcast.DispatchOption) error {
		return b.Dispatch(t.Context(), event.Of("", nil, channel.Public("o")), broadcast.Via("second"))
	},
	"anonymous: no channels": send(event.Of("", nil)),

	"notification: toArray":                                                      notify(user{}, paid),
	"notification: toBroadcast with an array":                                    notify(user{}, ToBroadcastArray{}),
	"notification: broadcastType":                                                notify(user{}, WithType(paid)),
	"notification: broadcastAs":                                                  notify(user{}, WithAs(paid)),
	"notification: broadcastWith replaces id and type too":                       notify(user{}, WithWith{}),
	"notification: broadcastOn on the notification":                              notify(user{}, WithOn(paid)),
	"notification: id and type in the data are overwritten":                      notify(user{}, Overrides{ID: "mine", Type: "mine", X: 1}),
	"notification: neither toBroadcast nor toArray":                              notify(user{}, NoData{}),
	"notification: receivesBroadcastNotificationsOn a string: made private":      notify(user{channel.Private("users.7")}, paid),
	"notification: receivesBroadcastNotificationsOn an array: each made private": notify(user{channel.Private("users.7"), channel.Private("team.1")}, paid),
	"notification: on demand with channel objects":                               notify(notification.Route(channel.Public("a"), channel.Private("b")), paid),
	"notification: toOthers is not possible (no InteractsWithSockets)":           notify(user{}, paid),

	"model: created": send(model.Class("App.Models.Post").Created(1, post{ID: 1, Title: "T", Secret: "hidden"})),
	"model: updated": send(model.Class("App.Models.Post").Updated(1, post{ID: 1, Title: "U", Secret: "hidden"})),
	"model: soft deleted: trashed and deleted": changes(model.Class("App.Models.SoftPost").SoftDelete(2, softPost{ID: 2, Title: "S", DeletedAt: "2024-01-02T03:04:05.000000Z"})),
	"model: restored":                          changes(model.Class("App.Models.SoftPost").Restore(2, softPost{ID: 2, Title: "S"})),
	"model: custom broadcastOn, As, With: created": send(model.Class("App.Models.CustomPost").Created(3, post{}).
		On(channel.Public("posts.created")).As("post.created").With(map[string]string{"title": "C"})),
	"model: custom: deleted has no channels": send(model.Class("App.Models.CustomPost").Deleted(3, post{}).On()),
	"channel from a model": send(event.Of("e", nil,
		model.Class("App.Models.User").Channel(7), channel.Public(model.Class("App.Models.User").ChannelName(7)))),
}

// user is the one that the rows notify, with channels of its own or Laravel's.
type user []channel.Channel

func (u user) ReceivesBroadcastNotificationsOn() []channel.Channel {
	if len(u) > 0 {
		return u
	}
	return []channel.Channel{model.Class("App.Models.User").Channel(7)}
}

func notify(to notification.Notifiable, n any) dispatcher {
	return send(notification.To(to, n).WithID("00000000-0000-4000-8000-000000000001"))
}

// The notifications are named after the rows' classes.
type (
	InvoicePaid struct {
		InvoiceID int    `json:"invoice_id"`
		Amount    string `json:"amount"`
	}
	WithType  InvoicePaid
	WithAs    InvoicePaid
	WithOn    InvoicePaid
	Overrides struct {
		ID   string `json:"id"`
		Type string `json:"type"`
		X    int    `json:"x"`
	}
	WithWith         struct{}
	NoData           struct{}
	ToBroadcastArray struct{}
)

var paid = InvoicePaid{InvoiceID: 5, Amount: "12.50"}

func (WithType) BroadcastType() string { return "invoice.paid" }
func (WithAs) BroadcastAs() string     { return "invoice.as" }
func (WithOn) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Public("everyone"), channel.Presence("room")}
}
func (WithWith) BroadcastWith() any       { return map[string]string{"only": "this"} }
func (ToBroadcastArray) ToBroadcast() any { return map[string]int{"invoice_id": 7} }

type post struct {
	ID        int     `json:"id"`
	Title     string  `json:"title"`
	Secret    string  `json:"-"`
	DeletedAt *string `json:"deleted_at"`
}

type softPost struct {
	ID        int     `json:"id"`
	Title     string  `json:"title"`
	Secret    *string `json:"secret"`
	DeletedAt any     `json:"deleted_at"`
}

// changes dispatches each on the channels of the row's model.
func changes(list []model.Change) dispatcher {
	var events []event.Event
	for _, c := range list {
		events = append(events, c.Also(channel.Public("posts"), channel.Private("all-posts")))
	}
	return send(events...)
}
