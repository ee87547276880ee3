package server_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

// messages are what clients send and what they should not.
var messages = []string{
	`{"event":"pusher:ping","data":{}}`, `{"event":"pusher:subscribe","data":{"auth":"","channel":"news"}}`,
	`{"event":"pusher:subscribe","data":"{\"channel\":\"cache-c\"}"}`, `{"event":"pusher:subscribe","data":{"channel":"private-a","auth":"k:00"}}`,
	`{"event":"pusher:subscribe","data":{"channel":"presence-r","auth":"k:00","channel_data":"{\"user_id\":1}"}}`,
	`{"event":"pusher:unsubscribe","data":{"channel":"private-a"}}`, `{"event":"pusher:signin","data":{"auth":"k:00","user_data":"{\"id\":\"1\"}"}}`,
	`{"event":"client-x","channel":"private-a","data":{"a":[1,2.5e3,"\ud800",null]}}`, `{"event":"client-x","channel":"private-a","data":"\u0000"}`,
	`{"event":"pusher:subscribe","data":{"channel":"a"},"event":"pusher:ping"}`, `[[[[[[[[[[[[[[[[[[[[`, `{"event":"e","data":` + strings.Repeat("[", 100) + strings.Repeat("]", 100) + `}`,
	`null`, `""`, ``, `{}`, `{"event":null}`, `{"event":"pusher:subscribe","data":{"channel":{}}}`, `{"event":"pusher_internal:member_added","channel":"presence-r","data":"{}"}`,
}

func TestMessagesWithNamesTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.connect()
		for _, text := range []string{
			`{"event":"pusher:subscribe","event":"pusher:ping","data":{"channel":"news"}}`,
			`{"event":"pusher:subscribe","data":{"channel":"news"},"data":{"channel":"other"}}`,
			`{"event":"pusher:subscribe","data":{"channel":"news","channel":"other"}}`,
			`{"event":"pusher:subscribe","data":"{\"channel\":\"news\",\"ch\\u0061nnel\":\"other\"}"}`,
		} {
			p.sendText(text)
			_, message := p.fails()
			assert.Contains(t, message, "twice", text)
		}
		p.lives()
	})
}

// Fields of the wrong type are named, and null is as good as none where a field
// may be left out.
func TestMessagesOfTheWrongTypes(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.connect()
		for text, says := range map[string]string{
			`{"event":1}`: "event is not a string", `{"event":null}`: "event is not a string", `{"data":{}}`: "no event", `{"event":""}`: "no event",
			`{"event":"pusher:ping","channel":1}`: "channel is not a string", `{"event":"pusher:subscribe"}`: "JSON", `{"event":"pusher:subscribe","data":"news"}`: "JSON",
			`{"event":"pusher:subscribe","data":{}}`: "empty", `{"event":"pusher:subscribe","data":{"channel":null}}`: "empty",
			`{"event":"pusher:subscribe","data":["news"]}`: "not a JSON object", `{"event":"pusher:unsubscribe","data":null}`: "not a JSON object",
		} {
			p.sendText(text)
			channel, code, message := p.failsOn()
			assert.Empty(t, channel, text)
			assert.Zero(t, code, text)
			assert.Contains(t, message, says, text)
		}
		p.sendText(`{"event":"pusher:subscribe","data":{"channel":"private-a","auth":{}}}`)
		assert.Contains(t, p.refused("private-a", "BadRequest", 400), "auth is not a string")
		p.sendText(`{"event":"pusher:subscribe","data":{"channel":"presence-a","channel_data":{"user_id":"1"}}}`)
		assert.Contains(t, p.refused("presence-a", "BadRequest", 400), "channel_data is not a string")
		// pusher-js names the channel last, and hands the refusal to its handlers.
		p.sendText(`{"event":"pusher:subscribe","data":{"auth":"k:00","channel_data":{"user_id":"1"},"channel":"presence-b"}}`)
		assert.Contains(t, p.refused("presence-b", "BadRequest", 400), "channel_data is not a string")
		p.sendText(`{"event":"pusher:subscribe","channel":null,"data":{"channel":"news","auth":null,"unknown":[1]},"unknown":{}}`)
		p.hears("pusher_internal:subscription_succeeded", "news", "{}")
		p.lives()
	})
}

func TestMessagesThatNestDeeply(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p, q := w.on("private-a"), w.on("private-a")
		nested := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
		p.sendText(`{"event":"client-x","channel":"private-a","data":` + nested(15) + `}`)
		q.hears("client-x", "private-a", nested(15))
		p.sendText(`{"event":"client-x","channel":"private-a","data":` + nested(16) + `}`)
		_, message := p.fails()
		assert.Contains(t, message, "nested deeper than 16")
		q.lives()
		p.lives()
	})
}

// Whatever a client sends, it gets only frames as the protocol has them, its
// connection goes on, and another page does not notice.
func FuzzMessages(f *testing.F) {
	for _, m := range messages {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !utf8.ValidString(text) || len(text) > 32<<10 {
			t.Skip("ends the connection by the rules of WebSocket")
		}
		inBubble(t, func(t *testing.T, w *site) {
			p, bystander := w.on("private-a"), w.on("presence-b")
			p.sendText(text)
			p.send("pusher:ping", map[string]any{})
			for f := p.next(); f.Event != "pusher:pong"; f = p.next() { // next checks each
				require.NotEqual(t, "pusher_internal:member_added", f.Event)
			}
			w.broadcast("e", "1", channel.Presence("b"))
			bystander.hears("e", "presence-b", "1")
			bystander.lives()
		})
	})
}

// What is taken for a message, encoding/json reads alike.
func FuzzParseMessage(f *testing.F) {
	for _, m := range messages {
		f.Add([]byte(m))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		event, channel, data, reason := server.ParseMessage(b)
		if reason != "" {
			return
		}
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(b, &want))
		var wantEvent, wantChannel string
		require.NoError(t, json.Unmarshal(want["event"], &wantEvent))
		require.Equal(t, wantEvent, event)
		if raw := want["channel"]; raw != nil {
			require.NoError(t, json.Unmarshal(raw, &wantChannel))
		}
		require.Equal(t, wantChannel, channel)
		require.Equal(t, string(want["data"]), string(data))
		out := server.ClientEventData(data)
		var s string
		require.NoError(t, json.Unmarshal(out, &s), "%s", out)
		require.True(t, utf8.Valid(out))
	})
}

// A string that goes out decodes to what it was, if it is UTF-8.
func FuzzQuoted(f *testing.F) {
	for _, s := range []string{"", `"\`, "<>&\u2028\u2029\ufffd", "\x00\x1f\x7f\n\r\t", "é😀", "\xff", "a\xc3"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		quoted := server.AppendQuoted([]byte("x"), s)[1:]
		require.True(t, utf8.Valid(quoted))
		var got string
		require.NoError(t, json.Unmarshal(quoted, &got))
		require.Equal(t, string([]rune(s)), got, "what is not UTF-8 becomes U+FFFD")
	})
}
