package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

func TestInspection(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		start := time.Now()
		pass(time.Minute)
		p, q := w.on("news"), w.on("news", "private-a")
		p.subscribeAs("presence-r", `{"user_id":"1","user_info":{"n":1}}`)
		q.subscribeAs("presence-r", `{"user_id":2}`)
		p.next()
		p.signIn(`{"id":"u"}`)
		p.subscribe("#server-to-user-u")

		channels := map[string]string{}
		for ch := range w.srv.Channels() {
			channels[ch.String()] = fmt.Sprint(ch.Kind(), " ", ch.Name(), " ", ch.Subscriptions, " ", ch.Users)
		}
		assert.Equal(t, map[string]string{"news": "public news 2 0", "private-a": "private a 1 0", "presence-r": "presence r 2 2"}, channels)

		members, err := w.srv.Members(t.Context(), channel.Presence("r"))
		require.NoError(t, err)
		assert.Equal(t, []auth.Member{{ID: "1", Info: json.RawMessage(`{"n":1}`)}, {ID: "2"}}, members)
		members, err = w.srv.Members(t.Context(), channel.Presence("empty"))
		require.NoError(t, err)
		assert.Empty(t, members)
		_, err = w.srv.Members(t.Context(), channel.Private("a"))
		require.ErrorContains(t, err, "only presence channels")

		connections := map[string]server.Connection{}
		for c := range w.srv.Connections() {
			connections[c.SocketID] = c
		}
		assert.Equal(t, []string{p.socketID, q.socketID}, sorted(slices.Collect(maps.Keys(connections)), p.socketID))
		c := connections[p.socketID]
		assert.Equal(t, "u", c.UserID)
		assert.Equal(t, "1", c.AppID)
		assert.Equal(t, time.Minute, c.Opened.Sub(start))
		assert.Contains(t, c.RemoteAddr, "127.0.0.1:")

		w.broadcast("e", "1", channel.Public("news"))
		p.hears("e", "news", "1")
		p.send("pusher:subscribe", map[string]any{"channel": "private-x"})
		p.refused("private-x", "AuthError", 401)
		q.hears("e", "news", "1")
		q.whisper("client-x", "presence-r", 1)
		p.hears("client-x", "presence-r", "1")
		st := w.srv.Stats()
		assert.Equal(t, server.Stats{Open: 2, Connections: 2, Published: 1, ClientEvents: 1, Delivered: 4, Refused: 1}, st, "delivered: an event to two, and a member and a client event to the other")
		ofApp, err := w.srv.For("1").Stats(t.Context())
		require.NoError(t, err)
		assert.Equal(t, st, ofApp)
		for range w.srv.Channels() { // may be left early
			break
		}
		for range w.srv.Connections() {
			break
		}
	})
}

// sorted puts first in front.
func sorted(ids []string, first string) []string {
	slices.SortFunc(ids, func(a, b string) int {
		switch first {
		case a:
			return -1
		case b:
			return 1
		}
		return 0
	})
	return ids
}
