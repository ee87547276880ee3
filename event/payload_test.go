package event_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/vectortest"
)

// The events have the fields of those in dispatch.json.
type (
	shipped struct {
		on
		OrderID int     `json:"orderId"`
		Total   string  `json:"total"`
		Note    *string `json:"note"`
		Static  string  `json:"static"`
	}
	withNull struct {
		on
		Kept string `json:"kept"`
	}
	withQueue struct {
		on
		BroadcastQueue string `json:"-"`
		Queue          string `json:"queue"`
		Connection     string `json:"connection"`
		Kept           int    `json:"kept"`
	}
	propTypes struct {
		on
		Null      any            `json:"null"`
		True      bool           `json:"true"`
		Int       int            `json:"int"`
		Float     float64        `json:"float"`
		Half      float64        `json:"half"`
		String    string         `json:"string"`
		List      []int          `json:"list"`
		EmptyList []int          `json:"emptyList"`
		Map       map[string]int `json:"map"`
		Nested    map[string]any `json:"nested"`
		Object    struct {
			X int `json:"x"`
		} `json:"object"`
		Serialized json.Marshaler `json:"jsonSerializable"`
		Arrayable  map[string]int `json:"arrayable"`
		Date       map[string]any `json:"date"`
		Enum       colour         `json:"enum"`
	}
	colour string
	one    struct {
		on
		A int `json:"a"`
	}
)

func (withNull) BroadcastWith() any { return nil }

// with is an event whose payload is another value.
type with struct {
	on
	payload any
}

func (w with) BroadcastWith() any { return w.payload }

// TestLaravelPayloads compares names and payloads with what Laravel sent
// (rules E3 to E6 of its broadcasting, and the anonymous events).
func TestLaravelPayloads(t *testing.T) {
	t.Parallel()
	props := propTypes{
		True: true, Int: 1, Float: 1, Half: 0.5, String: `é/<&>'"`, List: []int{1, 2}, EmptyList: []int{},
		Map: map[string]int{"a": 1}, Nested: map[string]any{"k": []int{1}}, Serialized: json.RawMessage(`{"j":1}`),
		Arrayable: map[string]int{"r": 1}, Enum: "red",
		Date: map[string]any{"date": "2024-01-02 03:04:05.000000", "timezone_type": 3, "timezone": "UTC"},
	}
	props.Object.X = 2
	nested := map[string]any{
		"a": map[string]any{"b": map[string]any{"c": nil}}, "u": "Zoë 用户 😀", "s": "https://x.test/?a&b", "h": `<b>"q"'</b>`,
		"f": 1.0, "g": 0.1, "t": true, "l": []int{},
	}
	ours := map[string]event.Event{
		"default name is the class, payload is the public properties": shipped{OrderID: 15, Total: "9.90", Static: "static"},
		"event without InteractsWithSockets: no socket property":      one{A: 1},
		"property types": props,
		"broadcastWith null falls back to the public properties":                   withNull{Kept: "yes"},
		"public property broadcastQueue is left out, queue and connection are not": withQueue{BroadcastQueue: "high", Queue: "q", Connection: "sync", Kept: 1},
		"broadcastAs an enum":                    event.Of(string(colour("red")), one{A: 1}),
		"broadcastAs with backslashes":           event.Of(`Other\Namespace\Event`, map[string]int{"id": 1}),
		"payload nested, unicode, slashes, html": event.Of("order.shipped", nested),
		"anonymous: as and with":                 event.Of("OrderPlaced", map[string]int{"id": 1, "total": 100}),
		"anonymous: with an Arrayable":           event.Of("", map[string]int{"r": 1}),
	}
	// Rows whose payload Laravel leaves empty are a list there and an object here.
	empty := map[string]event.Event{
		"payload empty":                  event.Of("order.shipped", struct{}{}),
		"anonymous: defaults":            event.Of("", nil),
		"anonymous: sendNow":             event.Of("", nil),
		"anonymous: as empty falls back": event.Of("", nil),
		"anonymous: private":             event.Of("", nil, channel.Private("orders.1")),
		"anonymous: presence":            event.Of("", nil, channel.Presence("orders.1")),
		"anonymous: several channels":    event.Of("", nil, channel.Public("a"), channel.Private("b"), channel.Presence("c")),
		"anonymous: toOthers":            event.Of("", nil),
		"anonymous: via":                 event.Of("", nil),
	}
	differ := map[string]func(t *testing.T){
		"broadcastAs empty string": func(t *testing.T) { // ours asks for the default
			name, err := event.Name(named{}, "")
			require.NoError(t, err)
			require.Equal(t, "named", name)
		},
		"broadcastAs pusher: prefix is not checked": func(t *testing.T) {
			_, err := event.Name(named{name: "pusher:subscribe"}, "")
			require.Error(t, err)
		},
		"broadcastAs client- prefix is not checked": func(t *testing.T) { // sent, with a warning
			_, err := event.Name(named{name: "client-typing"}, "")
			require.NoError(t, err)
		},
		"payload invalid UTF-8, sent now": func(t *testing.T) { // replaced instead of an exception
			data, err := event.Encode(map[string]string{"s": "\xff"})
			require.NoError(t, err)
			require.JSONEq(t, `{"s":"\ufffd"}`, data)
		},
		"anonymous: as 0 falls back": func(t *testing.T) { // "0" is a name like any other
			require.Equal(t, "0", event.Of("0", nil).BroadcastAs())
		},
		"anonymous: no channels": func(t *testing.T) { require.Empty(t, event.Of("", nil).BroadcastOn()) },
	}
	var n vectortest.Tally
	for _, row := range vectortest.Rows[vectortest.Dispatched](t, "dispatch.json") {
		e, full := ours[row.Name]
		if !full {
			e = empty[row.Name]
		}
		check := differ[row.Name]
		if e == nil && check == nil {
			continue // of channels, sockets, connections and the service
		}
		n.Add(check == nil)
		t.Run(row.Name, func(t *testing.T) {
			t.Parallel()
			if check != nil {
				check(t)
				return
			}
			want := string(row.Want.Requests[0].Data)
			if !full {
				require.JSONEq(t, "[]", want)
				want = "{}"
			}
			data, err := event.Payload(e)
			require.NoError(t, err)
			require.JSONEq(t, want, data)
			if strings.HasPrefix(row.Name, "anonymous") {
				require.Equal(t, row.Want.Requests[0].Body.Name, e.BroadcastAs())
			}
		})
	}
	n.Report(t, "dispatch.json, payloads", vectortest.Tally{Agree: 19, Differ: 6})
}

func TestPayload(t *testing.T) {
	t.Parallel()
	var nilMap map[string]any
	for _, test := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"fields", one{A: 1}, `{"a":1}`},
		{"pointer", &one{A: 1}, `{"a":1}`},
		{"no fields", OrderShipped{}, `{}`},
		{"replaced", with{payload: map[string]int{"b": 2}}, `{"b":2}`},
		{"nil falls back", with{}, `{}`},
		{"nil map", with{payload: nilMap}, `{}`},
		{"nil pointer", with{payload: (*one)(nil)}, `{}`},
		{"raw null", with{payload: json.RawMessage("null")}, `{}`},
		{"list", with{payload: []int{}}, `[]`},
		{"text", with{payload: "a"}, `"a"`},
		{"marks", with{payload: map[string]string{"h": "<b>&"}}, `{"h":"<b>&"}`},
		{"time", with{payload: map[string]any{"at": time.Date(2024, 1, 2, 3, 4, 5, 0, time.UTC)}}, `{"at":"2024-01-02T03:04:05Z"}`},
		{"key named like a connection", with{payload: map[string]any{"pusher": map[string]int{"x": 1}, "socket": "s"}}, `{"pusher":{"x":1},"socket":"s"}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			data, err := event.Payload(test.e)
			require.NoError(t, err)
			require.Equal(t, test.want, data)
		})
	}
	_, err := event.Payload(nil)
	require.ErrorIs(t, err, event.ErrNil)
	_, err = event.Payload((*one)(nil))
	require.ErrorIs(t, err, event.ErrNil)
}

// TestInvalidUTF8 covers LIB-015: bytes that are no text are replaced, so that
// no driver can send an invalid text frame.
func TestInvalidUTF8(t *testing.T) {
	t.Parallel()
	for name, v := range map[string]any{
		"field":     map[string]string{"s": "a\xffb"},
		"key":       map[string]string{"a\xff": "b"},
		"surrogate": map[string]string{"s": "\xed\xa0\x80"},
		"raw":       json.RawMessage("{\"s\":\"a\xffb\"}"),
		"marshaler": badMarshaler{},
		"text":      "\xc3",
	} {
		data, err := event.Encode(v)
		require.NoError(t, err, name)
		require.True(t, utf8.ValidString(data), name)
		require.True(t, json.Valid([]byte(data)), name)
		require.Contains(t, strings.ReplaceAll(data, `\ufffd`, "\ufffd"), "\ufffd", name)
	}
}

func TestOneCharacterStandsForBytesThatAreNone(t *testing.T) {
	t.Parallel()
	data, err := event.Encode(json.RawMessage("{\"s\":\"a\xff\xfeb\"}"))
	require.NoError(t, err)
	require.Equal(t, "{\"s\":\"a\ufffdb\"}", data)
}

type badMarshaler struct{}

func (badMarshaler) MarshalJSON() ([]byte, error) { return []byte("\"\xff\""), nil }

type failing struct{ err error }

func (f failing) MarshalJSON() ([]byte, error) { return nil, f.err }

func TestEncodeErrors(t *testing.T) {
	t.Parallel()
	own := errors.New("billing: no currency")
	data, err := event.Encode(map[string]any{"price": failing{own}})
	require.Empty(t, data)
	require.ErrorIs(t, err, own)
	require.ErrorContains(t, err, "event: payload of type map[string]interface {}")

	_, err = event.Encode(math.NaN())
	require.Error(t, err)
	_, err = event.Encode(json.RawMessage("{"))
	require.Error(t, err)

	_, err = event.Encode(map[string]any{"pin": json.Number("4711 or so")})
	require.ErrorContains(t, err, "json.Number")
	require.NotContains(t, err.Error(), "4711", "errors hold no payload")

	cycle := map[string]any{}
	cycle["self"] = cycle
	_, err = event.Encode(cycle)
	require.ErrorContains(t, err, "cycle")
}

func TestEncodeObject(t *testing.T) {
	t.Parallel()
	for _, v := range []any{struct{}{}, map[string]int{"a": 1}, nil, json.RawMessage(" {} ")} {
		data, err := event.EncodeObject(v)
		require.NoError(t, err)
		require.Equal(t, byte('{'), data[0])
	}
	for _, test := range []struct {
		v    any
		have string
	}{{[]int{}, "array"}, {"x", "string"}, {-1, "number"}, {7, "number"}, {false, "boolean"}, {true, "boolean"}} {
		data, err := event.EncodeObject(test.v)
		wrong, ok := errors.AsType[*event.ObjectError](err)
		require.True(t, ok)
		require.Equal(t, test.have, wrong.Have)
		require.Empty(t, data)
	}
	// The error stays short however deep the value sits.
	_, err := event.Encode(map[string]any{"a": object{[]int{}}})
	require.EqualError(t, err, "event: []int encodes as a JSON array where an object is needed; use a struct or a map")
	_, err = event.EncodeObject(failing{errors.New("no")})
	require.ErrorContains(t, err, "no")
}

type object struct{ v any }

func (o object) MarshalJSON() ([]byte, error) {
	data, err := event.EncodeObject(o.v)
	return []byte(data), err
}

func FuzzEncode(f *testing.F) {
	f.Add([]byte(`{"a":1}`), "b")
	f.Add([]byte("\"\xff\""), "\xff")
	f.Add([]byte(`null`), "")
	f.Add([]byte(` [1, 2] `), "<&>")
	f.Fuzz(func(t *testing.T, raw []byte, text string) {
		data, err := event.Encode(json.RawMessage(raw))
		require.Equal(t, json.Valid(raw), err == nil)
		if err == nil {
			require.True(t, json.Valid([]byte(data)))
			require.True(t, utf8.ValidString(data))
			require.NotEqual(t, "null", data)
		}
		data, err = event.Encode(map[string]string{"s": text})
		require.NoError(t, err)
		var back map[string]string
		require.NoError(t, json.Unmarshal([]byte(data), &back))
		if utf8.ValidString(text) {
			require.Equal(t, text, back["s"])
		}
	})
}
