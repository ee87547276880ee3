package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

// Every frame that the server sends, to the letter: there is nothing in it that
// the protocol does not name, and every value has the type that the clients of
// all languages expect.
func TestFramesToTheLetter(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		gets := func(p *page, want string) {
			t.Helper()
			assert.Equal(t, strings.ReplaceAll(want, "SOCKET", p.socketID), p.text())
		}
		p := w.open(w.path)
		first := p.text()
		require.Regexp(t, `^\{"event":"pusher:connection_established","data":"\{\\"socket_id\\":\\"\d+\.\d+\\",\\"activity_timeout\\":120\}"\}$`, first)
		_, p.socketID, _ = strings.Cut(first, `\"socket_id\":\"`)
		p.socketID, _, _ = strings.Cut(p.socketID, `\`)

		p.send("pusher:ping", map[string]any{})
		gets(p, `{"event":"pusher:pong","data":"{}"}`)
		p.send("pusher:subscribe", p.subscription("private-cache-a", ""))
		gets(p, `{"event":"pusher_internal:subscription_succeeded","channel":"private-cache-a","data":"{}"}`)
		gets(p, `{"event":"pusher:cache_miss","channel":"private-cache-a","data":"{}"}`)
		gets(p, `{"event":"pusher_internal:subscription_count","channel":"private-cache-a","data":"{\"subscription_count\":1}"}`)
		w.broadcast("App\\Events\\X", `{"a":"<&>"}`, channel.Private("a").Cached())
		gets(p, `{"event":"App\\Events\\X","channel":"private-cache-a","data":"{\"a\":\"<&>\"}"}`)
		p.send("pusher:subscribe", p.subscription("presence-r", `{"user_id":1,"user_info":{"name":"A"}}`))
		gets(p, `{"event":"pusher_internal:subscription_succeeded","channel":"presence-r","data":"{\"presence\":{\"ids\":[\"1\"],\"hash\":{\"1\":{\"name\":\"A\"}},\"count\":1}}"}`)

		q := w.connect()
		q.subscribeAs("presence-r", `{"user_id":2}`)
		gets(p, `{"event":"pusher_internal:member_added","channel":"presence-r","data":"{\"user_id\":\"2\",\"user_info\":null}"}`)
		q.subscribe("private-cache-a")
		q.hears("App\\Events\\X", "private-cache-a", `{"a":"<&>"}`)
		q.hears("pusher_internal:subscription_count", "private-cache-a", `{"subscription_count":2}`)
		gets(p, `{"event":"pusher_internal:subscription_count","channel":"private-cache-a","data":"{\"subscription_count\":2}"}`)
		q.whisper("client-x", "presence-r", map[string]any{"a": 1})
		gets(p, `{"event":"client-x","channel":"presence-r","data":"{\"a\":1}","user_id":"2"}`)
		q.whisper("client-x", "private-cache-a", map[string]any{"a": 1})
		gets(p, `{"event":"client-x","channel":"private-cache-a","data":"{\"a\":1}"}`)
		q.send("pusher:unsubscribe", map[string]any{"channel": "presence-r"})
		gets(p, `{"event":"pusher_internal:member_removed","channel":"presence-r","data":"{\"user_id\":\"2\"}"}`)

		p.send("pusher:signin", p.signInData(`{"id":"u","watchlist":["u","v"]}`))
		gets(p, `{"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"u\\\",\\\"watchlist\\\":[\\\"u\\\",\\\"v\\\"]}\"}"}`)
		gets(p, `{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"u\"]},{\"name\":\"offline\",\"user_ids\":[\"v\"]}]}"}`)
		q.signIn(`{"id":"v"}`)
		gets(p, `{"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"v\"]}]}"}`)

		p.sendText("{}")
		gets(p, `{"event":"pusher:error","data":{"code":null,"message":"the message has no event"}}`)
		p.send("pusher:subscribe", map[string]any{"channel": "private-b"})
		const reason = "the subscription carries no auth, which this channel needs, and the server has no Authorizer to decide without"
		gets(p, `{"event":"pusher:error","channel":"private-b","data":{"code":4009,"message":"`+reason+`"}}`)
		gets(p, `{"event":"pusher:subscription_error","channel":"private-b","data":"{\"type\":\"AuthError\",\"error\":\"`+reason+`\",\"status\":401}"}`)
		excluded := broadcast.Message{Event: "e", Channels: []channel.Channel{channel.Private("a").Cached()}, SocketID: p.socketID}
		require.NoError(t, w.srv.Broadcast(t.Context(), []broadcast.Message{excluded}))
		_, err := w.srv.Terminate(t.Context(), "u")
		require.NoError(t, err)
		gets(p, `{"event":"pusher:error","data":{"code":4009,"message":"terminated by the application"}}`)
		p.closeFrame(4009)
	}, func(c *server.Config) { c.SubscriptionCounts = true })
}
