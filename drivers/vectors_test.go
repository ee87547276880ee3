package drivers_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/log"
	"github.com/onairgo/onair/drivers/null"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/vectortest"
)

// foreign says why the rows of a driver do not apply.
var foreign = map[string]string{
	"redis": "Laravel's redis driver speaks to laravel-echo-server, which has no part here",
	"ably":  "Ably is spoken to through its Pusher adapter, so that its own API is not used",
}

// deliberate lists the rows of the log driver in which ours differs on
// purpose, with the reason and what ours writes. That Laravel puts the socket
// id into the payload and the payload into the text, over many lines, is the
// form of all rows and not listed: values are compared.
var deliberate = map[string]struct {
	reason string
	want   []entry
}{
	"log: several channels": {
		reason: "an encrypted channel's message stands alone, and its payload is withheld",
		want: []entry{
			{"order.shipped", []string{"orders", "private-a", "presence-b"}, decoded(`{"id":1,"n":{"x":null,"l":[]}}`), ""},
			{"order.shipped", []string{"private-encrypted-c"}, "withheld", ""},
		},
	},
	"log: public properties with InteractsWithSockets": {
		reason: "the static property of a PHP class has no counterpart among the fields of an event",
		want:   []entry{{`App\Events\OrderShipped`, []string{"orders"}, decoded(`{"orderId":1,"total":"2","note":null}`), ""}},
	},
	"log: direct with no channels": {
		reason: "without channels nothing is sent",
		want:   nil,
	},
	"log: invalid UTF-8, sent now": {
		reason: "bytes that are no UTF-8 are replaced, where Laravel loses the whole payload",
		want:   []entry{{"e", []string{"c"}, decoded(`{"s":"\ufffd"}`), ""}},
	},
}

const uncheckedNames = "null: channel names are not checked" // ours are, whatever the driver

func TestVectors(t *testing.T) {
	t.Parallel()
	var n vectortest.Tally
	for _, row := range vectortest.Rows[vector](t, "drivers.json") {
		if foreign[row.Input.Driver] != "" {
			n.None++
			continue
		}
		_, differs := deliberate[row.Name]
		n.Add(!differs && row.Name != uncheckedNames)
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			if row.Input.Driver == "null" {
				row.checkNull(t)
				return
			}
			require.Equal(t, "log", row.Input.Driver)
			row.checkLog(t)
		})
	}
	n.Report(t, "drivers.json", vectortest.Tally{Agree: 15, Differ: 5, None: 18})
}

// vector is one row: an event, and what Laravel was seen to do with it.
type vector struct {
	Name  string
	Input struct {
		Driver        string
		BroadcastOn   json.RawMessage `json:"broadcast_on"`
		BroadcastWith json.RawMessage `json:"broadcast_with"`
		BroadcastAs   string          `json:"broadcast_as"`
		SocketID      string          `json:"x_socket_id"`
		Public        json.RawMessage
		Anonymous     string
		Direct        json.RawMessage
	}
	Want struct {
		Log []struct{ Level, Message string }
	}
}

// entry is a record of the log, by value.
type entry struct {
	Event    string
	Channels []string
	Data     any
	SocketID string
}

func (v vector) checkNull(t *testing.T) {
	err := broadcast.New(null.New()).Dispatch(t.Context(), v.event(t), broadcast.Except(v.Input.SocketID))
	if v.Name == uncheckedNames {
		_, ok := errors.AsType[*channel.NameError](err)
		assert.True(t, ok, "%v", err)
		return
	}
	assert.NoError(t, err)
	assert.Empty(t, v.Want, "Laravel's driver does nothing either")
}

func (v vector) checkLog(t *testing.T) {
	var out bytes.Buffer
	b := broadcast.New(log.New(slog.New(slog.NewJSONHandler(&out, nil))))
	require.NoError(t, b.Dispatch(t.Context(), v.event(t), broadcast.Except(v.Input.SocketID)))
	ours, laravel := entries(t, out.String()), v.logged(t)
	if d, ok := deliberate[v.Name]; ok {
		assert.Equal(t, d.want, ours, d.reason)
		assert.NotEqual(t, laravel, ours, "there is no difference any more")
		return
	}
	assert.Equal(t, laravel, ours)
}

// entries reads what the log driver wrote through a JSON handler.
func entries(t *testing.T, out string) []entry {
	var list []entry
	for line := range strings.Lines(out) {
		var r struct {
			Level, Event, Echo string
			Channels           []string
			Data               any
			SocketID           string `json:"socket_id"`
		}
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		assert.Equal(t, "INFO", r.Level)
		assert.Equal(t, "."+r.Event, r.Echo)
		list = append(list, entry{r.Event, r.Channels, r.Data, r.SocketID})
	}
	return list
}

var laravelRecord = regexp.MustCompile(`(?s)^Broadcasting \[(.*?)\] on channels \[(.*?)\] with payload:\n(.*)$`)

// logged reads what Laravel wrote, and takes the socket id out of the payload.
func (v vector) logged(t *testing.T) []entry {
	var list []entry
	for _, r := range v.Want.Log {
		assert.Equal(t, "info", r.Level)
		parts := laravelRecord.FindStringSubmatch(r.Message)
		require.NotNil(t, parts, r.Message)
		e := entry{Event: parts[1], Channels: strings.Split(parts[2], ", ")}
		if parts[3] != "" {
			e.Data = decoded(parts[3])
		}
		if object, ok := e.Data.(map[string]any); ok {
			e.SocketID, _ = object["socket"].(string)
			delete(object, "socket")
		}
		list = append(list, e)
	}
	return list
}

// OrderShipped and NoSocketsTrait have the names of the PHP events, which is
// what the event is called when it says no name.
type (
	OrderShipped   struct{ eventOf }
	NoSocketsTrait struct{ eventOf }
	eventOf        struct {
		name    string
		payload any
		on      []channel.Channel
	}
)

func (e eventOf) BroadcastOn() []channel.Channel { return e.on }
func (e eventOf) BroadcastAs() string            { return e.name }
func (e eventOf) BroadcastWith() any             { return e.payload }

func (v vector) event(t *testing.T) event.Event {
	e := eventOf{name: v.Input.BroadcastAs, on: v.channels(t)}
	switch {
	case v.Input.Anonymous == "on('o')->send()":
		return event.Of("", nil, channel.Public("o"))
	case string(v.Input.Direct) == `"s is the byte ff"`:
		return event.Of("e", map[string]string{"s": "\xff"}, channel.Public("c"))
	case v.Input.Direct != nil:
		assert.JSONEq(t, `{"channels":[],"event":"e","payload":[]}`, string(v.Input.Direct))
		return event.Of("e", nil)
	case v.Input.Public != nil:
		e.payload = v.Input.Public
		if strings.HasSuffix(v.Name, "no socket trait") {
			return NoSocketsTrait{e}
		}
		return OrderShipped{e}
	}
	e.payload = v.Input.BroadcastWith
	if string(v.Input.BroadcastWith) == "[]" { // PHP has no other empty map
		e.payload = struct{}{}
	}
	require.NotEmpty(t, e.name)
	return e
}

func (v vector) channels(t *testing.T) (list []channel.Channel) {
	var names []string
	if string(v.Input.BroadcastOn) == `"c1 to c101"` {
		for i := range 101 {
			names = append(names, fmt.Sprintf("c%d", i+1))
		}
	} else if v.Input.BroadcastOn != nil {
		require.NoError(t, json.Unmarshal(v.Input.BroadcastOn, &names))
	}
	for _, name := range names {
		kind, rest, _ := strings.Cut(name, " ")
		switch kind {
		case "private":
			list = append(list, channel.Private(rest))
		case "presence":
			list = append(list, channel.Presence(rest))
		case "encrypted":
			list = append(list, channel.Encrypted(rest))
		default:
			list = append(list, channel.Public(name))
		}
	}
	return list
}

func decoded(text string) (v any) {
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		panic(err)
	}
	return v
}
