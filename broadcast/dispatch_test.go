package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/vectortest"
)

// paid is an event as most are: a name, one channel, one field.
type paid struct {
	ID int `json:"id"`
}

func (e paid) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private(fmt.Sprintf("orders.%d", e.ID))}
}
func (paid) BroadcastAs() string { return "order.paid" }

// optional is an event with every optional method.
type optional struct {
	paid
	when   bool
	rescue bool
	via    []event.Connection
	err    error
}

func (e optional) BroadcastWhen() bool                      { return e.when }
func (e optional) ShouldRescue() bool                       { return e.rescue }
func (e optional) BroadcastConnections() []event.Connection { return e.via }
func (e optional) ValidateBroadcast() error                 { return e.err }

// misdeclared has an optional method that would be ignored.
type misdeclared struct{ paid }

func (*misdeclared) BroadcastWhen() bool { return true }

func TestDispatch(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, quiet)
	require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}))
	got := rec.Messages()
	require.Len(t, got, 1)
	require.NotEmpty(t, got[0].ID)
	require.Equal(t, broadcast.Message{
		ID: got[0].ID, Event: "order.paid", Data: `{"id":7}`, Channels: []channel.Channel{channel.Private("orders.7")},
	}, got[0])
}

func TestDispatchSendsNothing(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, quiet)
	require.NoError(t, b.Dispatch(t.Context(), event.Of("e", nil)), "no channels")
	require.NoError(t, b.Dispatch(t.Context(), optional{when: false, via: event.Via("")}), "BroadcastWhen")
	require.NoError(t, b.Dispatch(t.Context(), optional{when: true}), "no connections")
	require.NoError(t, b.DispatchIf(t.Context(), false, nil), "DispatchIf does not look at the event")
	rec.AssertNone()

	require.NoError(t, b.DispatchIf(t.Context(), true, paid{ID: 7}, broadcast.Except("1.2")))
	rec.AssertSent("order.paid", channel.Private("orders.7"))
	require.Equal(t, "1.2", rec.Messages()[0].SocketID)
}

func TestDispatchRefusesMistakes(t *testing.T) {
	t.Parallel()
	refused := errors.New("orders: no id")
	for _, test := range []struct {
		name string
		e    event.Event
		want string
		is   error
	}{
		{name: "nil", is: event.ErrNil},
		{name: "method", e: misdeclared{}, want: "has a pointer receiver"},
		{name: "validator", e: optional{err: refused}, is: refused},
		{name: "name", e: event.Of("pusher:x", nil, channel.Public("c")), want: `name "pusher:x"`},
		{name: "double prefix", e: event.Of("e", nil, channel.Public("private-x")), want: "prefix of its own"},
		{name: "double prefix of a channel that is there", e: event.Of("e", nil, channel.Private("x"), channel.Public("private-x")), want: "prefix of its own"},
		{name: "empty segment", e: event.Of("e", nil, channel.Private("mentor.")), want: `event "e" on connection "default": channel: name "private-mentor." has an empty segment`},
		{name: "second channel", e: event.Of("e", nil, channel.Public("a"), channel.Public("b c")), want: `' '`},
		{name: "payload", e: event.Of("e", make(chan int), channel.Public("c")), want: "unsupported type: chan int"},
		{name: "connection", e: optional{when: true, via: event.Via("", "nope")}, is: broadcast.ErrUnknownConnection, want: `"nope"; known connections: default, audit`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			rec := broadcasttest.NewRecorder(t)
			b := broadcast.New(rec, broadcast.WithConnection("audit", rec), quiet)
			err := b.Dispatch(t.Context(), test.e)
			require.ErrorContains(t, err, test.want)
			if test.is != nil {
				require.ErrorIs(t, err, test.is)
			}
			require.Empty(t, broadcast.Undelivered(err), "it was refused before")
			rec.AssertNone()
			require.NoError(t, b.Dispatch(t.Context(), event.Of("e", nil)), "the broadcaster goes on")
		})
	}
}

// TestToOthers follows the rows of Laravel's about the header X-Socket-ID. A
// bad one is an exception there; here it is ignored and logged.
func TestToOthers(t *testing.T) {
	t.Parallel()
	var n vectortest.Tally
	for _, row := range vectortest.Rows[vectortest.Dispatched](t, "dispatch.json") {
		if !strings.HasPrefix(row.Name, "toOthers ") && row.Name != "header present but not toOthers" {
			continue
		}
		bad := row.Want.Exception != ""
		everyEvent := strings.Contains(row.Name, "without InteractsWithSockets") // can leave out the sender here
		n.Add(!bad && !everyEvent)
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			logged := newLog()
			rec := broadcasttest.NewRecorder(t)
			b := broadcast.New(rec, logged.option())
			r := httptest.NewRequestWithContext(t.Context(), "POST", "/", nil)
			if row.Input.SocketID != nil {
				r.Header.Set("x-socket-id", *row.Input.SocketID)
			}
			var options []broadcast.DispatchOption
			if strings.Contains(row.Input.How, "toOthers") {
				options = append(options, broadcast.ToOthers(r))
			}
			require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}, options...))
			want := ""
			if everyEvent {
				want = *row.Input.SocketID
			} else if !bad {
				want = row.Want.Requests[0].Body.SocketID
			}
			require.Equal(t, want, rec.Messages()[0].SocketID)
			warned := bad && *row.Input.SocketID != ""
			require.Equal(t, warned, strings.Contains(logged.String(), "socket id ignored"), logged.String())
		})
	}
	n.Report(t, "dispatch.json, toOthers", vectortest.Tally{Agree: 3, Differ: 5})
}

func TestExcept(t *testing.T) {
	t.Parallel()
	for id, good := range map[string]bool{
		"": false, "1.2": true, "123456789.987654321": true, "1": false, "1.": false, ".1": false, "1.2.3": false, "a.b": false,
		"1.2\n": false, " 1.2": false, "1.2:private-x": false, strings.Repeat("1", 21) + ".1": false,
	} {
		logged := newLog()
		rec := broadcasttest.NewRecorder(t)
		b := broadcast.New(rec, logged.option())
		require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}, broadcast.Except(id)))
		if good {
			require.Equal(t, id, rec.Messages()[0].SocketID)
		} else {
			require.Empty(t, rec.Messages()[0].SocketID, "%q", id)
		}
		require.Equal(t, !good && id != "", strings.Contains(logged.String(), "socket id ignored"), "%q", id)
	}
	// What a stranger sent is cut and quoted in the log, and the last one counts.
	logged := newLog()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, logged.option())
	long := "line\nbreak" + strings.Repeat("x", 1000)
	require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}, broadcast.Except(long)))
	require.NotContains(t, logged.String(), strings.Repeat("x", 41))
	require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}, broadcast.Except("nonsense"), broadcast.Except("3.4")))
	require.Equal(t, "3.4", rec.Messages()[1].SocketID)
	require.NoError(t, b.Dispatch(t.Context(), paid{ID: 7}, broadcast.Except("3.4"), broadcast.Except("")))
	require.Empty(t, rec.Messages()[2].SocketID)
}

func TestToOthersInEveryMessage(t *testing.T) {
	t.Parallel()
	var channels []channel.Channel
	for i := range 250 {
		channels = append(channels, channel.Private(fmt.Sprintf("c.%d", i)))
	}
	channels = append(channels, channel.Encrypted("e"), channel.User("5"))
	b := broadcast.New(limited{broadcast.Limits{Channels: 100}}, quiet)
	deliveries, err := b.Prepare(t.Context(), event.Of("e", nil, channels...), broadcast.Except("1.2"))
	require.NoError(t, err)
	require.Len(t, deliveries, 5)
	for _, d := range deliveries {
		require.Equal(t, "1.2", d.Message.SocketID)
	}
}

func TestVia(t *testing.T) {
	t.Parallel()
	rec, audit, second := broadcasttest.NewRecorder(t), broadcasttest.NewRecorder(t), broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, broadcast.WithConnection("audit", audit), broadcast.WithConnection("second", second), quiet)
	names := []string{"audit", ""}
	via := broadcast.Via(names...)
	names[0] = "changed"
	own := []event.Connection{{Name: "second", Channels: []channel.Channel{channel.Public("x")}, Payload: 1}}
	require.NoError(t, b.Dispatch(t.Context(), optional{paid: paid{ID: 7}, when: true, via: own}, via))
	second.AssertNone()
	for _, r := range []*broadcasttest.Recorder{rec, audit} {
		r.AssertSent("order.paid", channel.Private("orders.7"))
		require.Equal(t, `{"id":7}`, r.Messages()[0].Data, "with the event's own channels and payload")
	}
	require.NoError(t, b.Dispatch(t.Context(), optional{paid: paid{ID: 7}, when: true, via: own}, broadcast.Via()))
	second.AssertSent("order.paid", channel.Public("x"))
	require.ErrorIs(t, b.Dispatch(t.Context(), paid{}, broadcast.Via("nope")), broadcast.ErrUnknownConnection)
}

func TestRescuer(t *testing.T) {
	t.Parallel()
	logged := newLog()
	rec := broadcasttest.NewRecorder(t)
	rec.FailWith(errors.New("connection refused"))
	b := broadcast.New(rec, logged.option())
	e := optional{paid: paid{ID: 7}, when: true, via: event.Via("")}
	require.Error(t, b.Dispatch(t.Context(), e))
	require.NotContains(t, logged.String(), "rescued")

	e.rescue = true
	require.NoError(t, b.Dispatch(t.Context(), e))
	require.Contains(t, logged.String(), `"msg":"event rescued: it was not delivered","event":"order.paid"`)
	require.Contains(t, logged.String(), "connection refused")

	e.via = event.Via("nope")
	require.ErrorIs(t, b.Dispatch(t.Context(), e), broadcast.ErrUnknownConnection, "mistakes are not rescued")
	e.via = []event.Connection{{Channels: []channel.Channel{channel.Private("mentor.")}}}
	require.Error(t, b.Dispatch(t.Context(), e))
}

func TestNamespace(t *testing.T) {
	t.Parallel()
	for namespace, want := range map[string]string{"": "shipped", `Acme\Events`: `Acme\Events\shipped`} {
		rec := broadcasttest.NewRecorder(t)
		require.NoError(t, broadcast.New(rec, broadcast.WithNamespace(namespace), quiet).Dispatch(t.Context(), shipped{}))
		rec.AssertCount(want, 1)
	}
	rec := broadcasttest.NewRecorder(t)
	require.NoError(t, broadcast.New(rec, quiet).Dispatch(t.Context(), &shipped{}))
	rec.AssertCount(`App\Events\shipped`, 1)
}

type shipped struct{}

func (shipped) BroadcastOn() []channel.Channel { return []channel.Channel{channel.Public("c")} }
func (shipped) BroadcastAs() string            { return "" }

func TestNameThatPagesTakeForAWhisperIsLogged(t *testing.T) {
	t.Parallel()
	logged := newLog()
	b := broadcast.New(broadcasttest.NewRecorder(t), logged.option())
	require.NoError(t, b.Dispatch(t.Context(), event.Of("client-typing", nil, channel.Private("x"))))
	require.Contains(t, logged.String(), "whisper")
}

func TestPanicOfTheEventReachesTheCaller(t *testing.T) {
	t.Parallel()
	b := broadcast.New(broadcasttest.NewRecorder(t), quiet)
	require.PanicsWithValue(t, "own", func() { _ = b.Dispatch(context.Background(), panicking{}) })
	require.NoError(t, b.Shutdown(t.Context()), "and the dispatch is over")
}

type panicking struct{ paid }

func (panicking) BroadcastWith() any { panic("own") }
