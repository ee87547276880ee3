package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

func TestAcceptanceSubscribe(t *testing.T) {
	runRows(t, []row{
		{name: "12 public with and without auth", test: func(t *testing.T, w *site) {
			p := w.connect()
			for name, data := range map[string]map[string]any{
				"a": {"channel": "a"}, "b": {"channel": "b", "auth": ""}, "c": {"channel": "c", "auth": nil, "channel_data": nil}, "d": {"channel": "d", "auth": "k:rubbish"},
			} {
				p.send("pusher:subscribe", data)
				p.hears("pusher_internal:subscription_succeeded", name, "{}")
			}
			p.send("pusher:subscribe", `{"channel":"e"}`) // an object in a string
			p.hears("pusher_internal:subscription_succeeded", "e", "{}")
		}},
		{name: "13 private with right wrong and missing auth", test: func(t *testing.T, w *site) {
			p, other := w.connect(), w.connect()
			wrong := map[string]string{
				"missing": "", "for another socket": "k:" + other.sign("private-a", ""), "for another channel": "k:" + p.sign("private-b", ""),
				"without key": p.sign("private-a", ""), "unknown key": "x:" + p.sign("private-a", ""), "upper case": "k:" + strings.ToUpper(p.sign("private-a", "")) + " ",
				"only a key": "k:", "cut": "k:" + p.sign("private-a", "")[:63], "of a user": strings.TrimPrefix(p.signInData("{}")["auth"].(string), ""),
			}
			for name, signature := range wrong {
				p.send("pusher:subscribe", map[string]any{"channel": "private-a", "auth": signature})
				assert.NotContains(t, p.refused("private-a", "AuthError", 401), p.socketID, name)
			}
			w.broadcast("e", "1", channel.Private("a"))
			p.lives()
			p.subscribe("private-a")
			w.broadcast("e", "2", channel.Private("a"))
			p.hears("e", "private-a", "2")
		}},
		{name: "13 in development the refusal says what to sign", configure: func(c *server.Config) { c.Development = true }, test: func(t *testing.T, w *site) {
			p := w.connect()
			p.send("pusher:subscribe", map[string]any{"channel": "presence-a", "auth": "k:00", "channel_data": "{}"})
			assert.Contains(t, p.refused("presence-a", "AuthError", 401), p.socketID+":presence-a:{}")
		}},
		{name: "14 channel_data null", test: func(t *testing.T, w *site) {
			p := w.connect()
			p.send("pusher:subscribe", map[string]any{"channel": "private-a", "auth": "k:" + p.sign("private-a", ""), "channel_data": nil})
			p.hears("pusher_internal:subscription_succeeded", "private-a", "{}")
		}},
		{name: "15 a duplicate is answered and changes nothing", configure: func(c *server.Config) { c.SubscriptionCounts = true }, test: func(t *testing.T, w *site) {
			p, q := w.on("presence-r"), w.connect()
			q.subscribe("presence-r")
			p.hears("pusher_internal:member_added", "presence-r", `{"user_id":"`+q.socketID+`","user_info":null}`)
			f := q.subscribeAs("presence-r", `{"user_id":"somebody else"}`)
			assert.NotContains(t, f.data(t), "somebody else")
			q.send("pusher:subscribe", map[string]any{"channel": "presence-r"})
			assert.Equal(t, f, q.next())
			p.lives()
			w.broadcast("e", "1", channel.Presence("r"))
			q.hears("e", "presence-r", "1")
			q.lives()
		}},
		{name: "16 unsubscribe and subscribe again without waiting", test: func(t *testing.T, w *site) {
			p := w.connect()
			p.sendText(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
			p.sendText(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
			p.sendText(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)
			p.hears("pusher_internal:subscription_succeeded", "news", "{}")
			p.hears("pusher_internal:subscription_succeeded", "news", "{}")
			w.broadcast("e", "1", channel.Public("news"))
			p.hears("e", "news", "1")
			p.sendText(`{"event":"pusher:unsubscribe","data":{"channel":"news"}}`)
			p.lives()
			w.broadcast("e", "2", channel.Public("news"))
			p.lives()
		}},
		{name: "17 unsubscribing from what is unknown is ignored", test: func(t *testing.T, w *site) {
			p := w.connect()
			p.send("pusher:unsubscribe", map[string]any{"channel": "nowhere"})
			p.lives()
			p.send("pusher:unsubscribe", map[string]any{"channel": 1})
			_, message := p.fails()
			assert.Contains(t, message, "not a string")
			p.lives()
		}},
		{name: "18 names of 200 and 201 characters", test: func(t *testing.T, w *site) {
			p := w.connect()
			long := strings.Repeat("n", 200)
			p.subscribe(long)
			p.send("pusher:subscribe", map[string]any{"channel": long + "n"})
			p.refused(long+"n", "BadRequest", 400)
			p.send("pusher:subscribe", map[string]any{"channel": strings.Repeat("n", 5000)})
			_, _ = p.fails()
			p.lives()
			for _, bad := range []string{"with space", "ü", "a/b", "private-", "a#b", "#other"} {
				p.send("pusher:subscribe", map[string]any{"channel": bad})
				p.refused(bad, "BadRequest", 400)
			}
		}},
		{name: "18 a lower limit on names", configure: func(c *server.Config) { c.Limits.ChannelName = 10 }, test: func(t *testing.T, w *site) {
			p := w.on("0123456789")
			p.send("pusher:subscribe", map[string]any{"channel": "0123456789a"})
			p.refused("0123456789a", "BadRequest", 400)
		}},
		{name: "19 a user's channel is refused to anybody else", test: func(t *testing.T, w *site) {
			p := w.connect()
			p.send("pusher:subscribe", map[string]any{"channel": "#server-to-user-7"})
			p.refused("#server-to-user-7", "AuthError", 401)
			p.signIn(`{"id":"8"}`)
			p.send("pusher:subscribe", map[string]any{"channel": "#server-to-user-7", "auth": "k:" + p.sign("#server-to-user-7", "")})
			p.refused("#server-to-user-7", "AuthError", 401)
			w.broadcast("e", "1", channel.User("7"))
			p.lives()
		}},
		{name: "20 private with signed channel_data", test: func(t *testing.T, w *site) {
			p := w.connect()
			p.send("pusher:subscribe", map[string]any{"channel": "private-a", "auth": "k:" + p.sign("private-a", `{"x":1}`)})
			p.refused("private-a", "AuthError", 401)
			p.subscribeAs("private-a", `{"x":1}`)
			p.subscribeAs("private-b", `0`)
		}},
	})
}
