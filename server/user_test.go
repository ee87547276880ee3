package server_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

func TestAcceptanceUsers(t *testing.T) {
	runRows(t, []row{
		{name: "38 sign-in good bad and as another", test: func(t *testing.T, w *site) {
			p, other := w.connect(), w.connect()
			refused := []struct {
				data map[string]any
				says string
			}{
				{map[string]any{}, "no auth"},
				{map[string]any{"auth": "", "user_data": `{"id":"u"}`}, "no auth"},
				{map[string]any{"auth": "k:00", "user_data": `{"id":"u"}`}, "not valid"},
				{map[string]any{"auth": "x:" + p.signInData(`{"id":"u"}`)["auth"].(string)[2:], "user_data": `{"id":"u"}`}, "not valid"},
				{other.signInData(`{"id":"u"}`), "not valid"},
				{map[string]any{"auth": 1, "user_data": `{"id":"u"}`}, "auth is not a string"},
				{map[string]any{"auth": "k:00", "user_data": map[string]any{"id": "u"}}, "user_data is not a string"},
				{p.signInData(`{}`), "id in user_data"},
				{p.signInData(`{"id":""}`), "id in user_data"},
				{p.signInData(`{"id":5}`), "id in user_data"},
				{p.signInData(`[]`), "not a JSON object"},
				{p.signInData(`{"id":"u","id":"v"}`), "twice"},
				{p.signInData(`{"id":"` + strings.Repeat("u", 129) + `"}`), "limit is 128"},
				{p.signInData(`{"id":"u","user_info":"text"}`), "user_info"},
				{p.signInData(`{"id":"u","watchlist":[1]}`), "watchlist"},
				{p.signInData(`{"id":"u","watchlist":{}}`), "watchlist"},
				{p.signInData(`{"id":"u","user_info":{"a":"` + strings.Repeat("x", 1024) + `"}}`), "limit is 1024"},
			}
			for _, r := range refused {
				p.send("pusher:signin", r.data)
				code, message := p.fails()
				assert.Equal(t, 4009, code, "%v", r.data)
				assert.Contains(t, message, r.says, "%v", r.data)
			}
			assert.EqualValues(t, len(refused), w.srv.Stats().Refused)
			p.send("pusher:subscribe", map[string]any{"channel": "#server-to-user-u"})
			p.refused("#server-to-user-u", "AuthError", 401)
			for _, good := range []string{
				`{"id":"u","user_info":{"name":"<U>"},"watchlist":[]}`, `{"id":"u","user_info":null,"watchlist":null}`, `{"name":"U","admin":true,"id":"u"}`, `{"id":"u"}`,
			} {
				p.send("pusher:signin", p.signInData(good))
				assert.JSONEq(t, `{"user_data":`+jsonText(t, good)+`}`, p.next().data(t))
			}
			p.send("pusher:signin", p.signInData(`{"id":"v"}`))
			code, _ := p.fails()
			assert.Equal(t, 4009, code)
			p.lives()
		}},
		{name: "39 server to user", test: func(t *testing.T, w *site) {
			p, q, other := w.connect(), w.connect(), w.connect()
			for _, c := range []*page{p, q} {
				c.signIn(`{"id":"u"}`)
				c.send("pusher:subscribe", map[string]any{"channel": "#server-to-user-u", "auth": ""})
				c.hears("pusher_internal:subscription_succeeded", "#server-to-user-u", "{}")
			}
			other.signIn(`{"id":"u2"}`)
			other.subscribe("#server-to-user-u2")
			w.broadcast("hello", "1", channel.User("u"))
			p.hears("hello", "#server-to-user-u", "1")
			q.hears("hello", "#server-to-user-u", "1")
			other.lives()
		}},
		{name: "40 watch list at first online and offline", test: func(t *testing.T, w *site) {
			b := w.connect()
			b.signIn(`{"id":"b"}`)
			a := w.connect()
			a.signIn(`{"id":"a","watchlist":["b","c","d","b"]}`)
			a.hears("pusher_internal:watchlist_events", "", `{"events":[{"name":"online","user_ids":["b"]},{"name":"offline","user_ids":["c","d"]}]}`)
			c, c2 := w.connect(), w.connect()
			c.signIn(`{"id":"c"}`)
			a.hears("pusher_internal:watchlist_events", "", `{"events":[{"name":"online","user_ids":["c"]}]}`)
			c2.signIn(`{"id":"c"}`)
			require.NoError(t, c.ws.Close())
			a.quiet(4 * time.Second)
			require.NoError(t, c2.ws.Close())
			pass(time.Second)
			c = w.connect()
			c.signIn(`{"id":"c"}`) // within the grace
			a.quiet(4 * time.Second)
			require.NoError(t, c.ws.Close())
			start := time.Now()
			a.hears("pusher_internal:watchlist_events", "", `{"events":[{"name":"offline","user_ids":["c"]}]}`)
			assert.GreaterOrEqual(t, time.Since(start), 2*time.Second)
			assert.LessOrEqual(t, time.Since(start), 3*time.Second)
			b.lives()
		}},
		{name: "40 watch list of 101", test: func(t *testing.T, w *site) {
			var ids []string
			for i := range 101 {
				ids = append(ids, fmt.Sprint(i))
			}
			p := w.connect()
			p.signIn(`{"id":"a","watchlist":` + jsonText(t, ids) + `}`)
			assert.Equal(t, 100, strings.Count(p.next().data(t), ","), "between 100 ids, and before them")
			code, message := p.fails()
			assert.Equal(t, 4302, code)
			assert.Contains(t, message, "100")
			p.lives()
		}},
		{name: "41 terminate", test: func(t *testing.T, w *site) {
			p, q, other, member := w.connect(), w.connect(), w.connect(), w.connect()
			p.signIn(`{"id":"u"}`)
			q.signIn(`{"id":"u"}`)
			other.signIn(`{"id":"v"}`)
			member.subscribeAs("presence-r", `{"user_id":"u"}`)
			n, err := w.srv.Terminate(t.Context(), "u")
			require.NoError(t, err)
			assert.Equal(t, 2, n)
			p.closed(4009)
			q.closed(4009)
			other.lives()
			member.lives()
			synctest.Wait()
			n, err = w.srv.Terminate(t.Context(), "u")
			require.NoError(t, err)
			assert.Zero(t, n)
		}},
		{name: "42 who is not authorised in time is closed", configure: func(c *server.Config) { c.AuthorizedWithin = 30 * time.Second }, test: func(t *testing.T, w *site) {
			guest, member, user := w.on("news"), w.on("private-a"), w.connect()
			user.signIn(`{"id":"u"}`)
			guest.ws.Timeout = time.Minute
			start := time.Now()
			guest.closed(4009)
			assert.InDelta(t, 30, time.Since(start).Seconds(), 1)
			member.lives()
			user.lives()
			bad := w.connect()
			bad.send("pusher:signin", map[string]any{"auth": "k:00", "user_data": "{}"})
			bad.closed(4009)
		}},
	})
}
