package server_test

import (
	"encoding/json"
	"maps"
	"sync"
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

// presenceView is what a page on a presence channel believes.
type presenceView struct {
	page *page
	name string

	mu      sync.Mutex
	present map[string]bool
	changes int
}

func watch(w *site, name string) *presenceView {
	w.t.Helper()
	v := &presenceView{page: w.connect(), name: name, present: map[string]bool{}}
	f := v.page.subscribeAs("presence-r", `{"user_id":"`+name+`"}`)
	var data struct {
		Presence struct {
			IDs   []string                   `json:"ids"`
			Hash  map[string]json.RawMessage `json:"hash"`
			Count int                        `json:"count"`
		} `json:"presence"`
	}
	require.NoError(w.t, json.Unmarshal([]byte(f.data(w.t)), &data))
	require.Len(w.t, data.Presence.IDs, data.Presence.Count)
	require.Len(w.t, data.Presence.Hash, data.Presence.Count)
	for _, id := range data.Presence.IDs {
		v.present[id] = true
	}
	return v
}

// follow reads until the connection is closed from here. A user who comes must
// not be there, and one who goes must.
func (v *presenceView) follow() {
	v.page.ws.Timeout = -1
	for {
		text, err := v.page.ws.ReadText()
		if err != nil {
			return
		}
		var f frame
		var data struct {
			UserID string `json:"user_id"`
		}
		if !assert.NoError(v.page.t, json.Unmarshal([]byte(text), &f)) || !assert.NoError(v.page.t, json.Unmarshal([]byte(f.data(v.page.t)), &data)) {
			return
		}
		v.change(f.Event, data.UserID)
	}
}

func (v *presenceView) change(event, userID string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.changes++
	switch event {
	case "pusher_internal:member_added":
		assert.False(v.page.t, v.present[userID], "%s came twice to %s", userID, v.name)
		v.present[userID] = true
	case "pusher_internal:member_removed":
		assert.True(v.page.t, v.present[userID], "%s left without having come to %s", userID, v.name)
		delete(v.present, userID)
	default:
		assert.Fail(v.page.t, "unexpected", event)
	}
}

// now returns who is there, and how many changes led to it.
func (v *presenceView) now() (present map[string]bool, changes int) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return maps.Clone(v.present), v.changes
}
