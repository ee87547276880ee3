package server_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/server"
)

func TestAcceptancePresence(t *testing.T) {
	runRows(t, []row{
		{name: "21 a numeric id is the same as the string", test: func(t *testing.T, w *site) {
			p, q := w.connect(), w.connect()
			f := p.subscribeAs("presence-r", `{"user_id":10,"user_info":{"name":"Mr. Channels"}}`)
			assert.JSONEq(t, `{"presence":{"ids":["10"],"hash":{"10":{"name":"Mr. Channels"}},"count":1}}`, f.data(t))
			f = q.subscribeAs("presence-r", `{"user_id":"10"}`)
			assert.JSONEq(t, `{"presence":{"ids":["10"],"hash":{"10":{"name":"Mr. Channels"}},"count":1}}`, f.data(t))
			p.lives()
			f = w.connect().subscribeAs("presence-s", `{"user_id":-590}`)
			assert.JSONEq(t, `{"presence":{"ids":["-590"],"hash":{"-590":null},"count":1}}`, f.data(t))
			for _, bad := range []string{`1.0`, `1e2`, `true`, `{}`, `["1"]`} {
				q.send("pusher:subscribe", q.subscription("presence-s", `{"user_id":`+bad+`}`))
				assert.Contains(t, q.refused("presence-s", "AuthError", 401), "must be a string")
			}
		}},
		{name: "22 the same user twice and one leaves", test: func(t *testing.T, w *site) {
			watcher, p, q := w.on("presence-r"), w.connect(), w.connect()
			p.subscribeAs("presence-r", `{"user_id":"u"}`)
			watcher.hears("pusher_internal:member_added", "presence-r", `{"user_id":"u","user_info":null}`)
			q.subscribeAs("presence-r", `{"user_id":"u"}`)
			p.send("pusher:unsubscribe", map[string]any{"channel": "presence-r"})
			p.lives()
			watcher.lives()
			require.NoError(t, q.ws.Close())
			watcher.hears("pusher_internal:member_removed", "presence-r", `{"user_id":"u"}`)
		}},
		{name: "23 the snapshot holds oneself and no member_added follows", test: func(t *testing.T, w *site) {
			p := w.connect()
			f := p.subscribeAs("presence-r", `{"user_id":"me","user_info":[1,{"a":"<&>"}]}`)
			assert.Equal(t, `{"presence":{"ids":["me"],"hash":{"me":[1,{"a":"<&>"}]},"count":1}}`, f.data(t))
			p.lives()
		}},
		{name: "24 info is null when there is none and the hash is an object", test: func(t *testing.T, w *site) {
			f := w.connect().subscribeAs("presence-r", `{"user_id":"me"}`)
			assert.Equal(t, `{"presence":{"ids":["me"],"hash":{"me":null},"count":1}}`, f.data(t))
		}},
		{name: "25 the user who has signed in is the member", test: func(t *testing.T, w *site) {
			p := w.connect()
			p.send("pusher:subscribe", p.subscription("presence-r", ""))
			p.refused("presence-r", "AuthError", 401)
			p.signIn(`{"id":"u","user_info":{"name":"U"}}`)
			f := p.subscribeAs("presence-r", "")
			assert.Equal(t, `{"presence":{"ids":["u"],"hash":{"u":{"name":"U"}},"count":1}}`, f.data(t))
		}},
		{name: "26 limits on members ids and info", configure: func(c *server.Config) {
			c.Limits.PresenceMembers, c.Limits.UserID, c.Limits.UserInfo = 2, 8, 10
		}, test: func(t *testing.T, w *site) {
			p, q, r := w.connect(), w.connect(), w.connect()
			for _, bad := range []string{`{"user_id":"123456789"}`, `{"user_id":""}`, `{"user_info":{}}`, `{"user_id":null}`, `{"user_id":1.5}`, `{"user_id":"a","user_info":"123456789"}`, `{"user_id":"a","user_id":"b"}`, `[]`, `"x"`, `0`} {
				p.send("pusher:subscribe", p.subscription("presence-r", bad))
				p.refused("presence-r", "AuthError", 401)
			}
			p.subscribeAs("presence-r", `{"user_id":"12345678","user_info":"12345678"}`)
			q.subscribeAs("presence-r", `{"user_id":"b"}`)
			p.next()
			r.send("pusher:subscribe", r.subscription("presence-r", `{"user_id":"c"}`))
			r.refused("presence-r", "LimitReached", 4100)
			r.subscribeAs("presence-r", `{"user_id":"b"}`)
			p.lives()
		}},
		{name: "27 a client event carries the user id", test: func(t *testing.T, w *site) {
			p, q := w.connect(), w.connect()
			p.subscribeAs("presence-r", `{"user_id":7}`)
			q.subscribeAs("presence-r", `{"user_id":8}`)
			p.next()
			p.sendText(`{"event":"client-x","channel":"presence-r","data":{"a":1},"user_id":"8","extra":true}`)
			assert.JSONEq(t, `{"event":"client-x","channel":"presence-r","data":"{\"a\":1}","user_id":"7"}`, q.text())
		}},
	})
}
