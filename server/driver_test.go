package server_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/drivertest"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/server"
)

func TestDriver(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T) drivertest.Harness {
		w := onTCP(t, func(c *server.Config) { c.Limits.ChannelsPerConnection = -1 })
		p := w.connect()
		var user string
		for _, ch := range drivertest.Channels() {
			if ch.Kind() == channel.KindUser {
				user = ch.Name()
			}
		}
		if user != "" {
			p.signIn(`{"id":"` + user + `"}`)
		}
		for _, ch := range drivertest.Channels() {
			p.subscribe(ch.String())
			if ch.IsCached() {
				require.Equal(t, "pusher:cache_miss", p.next().Event)
			}
		}
		var arrived []drivertest.Arrival
		return drivertest.Harness{
			// The Server's Shutdown closes the page, which then hears no more.
			Driver:   w.srv.For(testApp.ID),
			Features: drivertest.Features{Encrypts: true},
			Secrets:  []string{testApp.Secret, testApp.EncryptionKey},
			Arrived: func(int) []drivertest.Arrival {
				// The pong comes behind all that was published before.
				p.send("pusher:ping", map[string]any{})
				for f := p.next(); f.Event != "pusher:pong"; f = p.next() {
					a := drivertest.Arrival{Event: f.Event, Channel: f.Channel, Data: f.data(t), Wire: f.data(t)}
					if strings.HasPrefix(f.Channel, "private-encrypted-") {
						master, err := pusherproto.DecodeMasterKey(testApp.EncryptionKey)
						require.NoError(t, err)
						a.Data, err = pusherproto.Open(f.Channel, &master, a.Wire)
						require.NoError(t, err)
					}
					arrived = append(arrived, a)
				}
				return arrived
			},
		}
	})
}

func TestBroadcastRefuses(t *testing.T) {
	t.Parallel()
	news := []channel.Channel{channel.Public("news")}
	for _, tt := range []struct {
		name    string
		message broadcast.Message
		says    string
	}{
		{"no event name", broadcast.Message{Channels: news}, "without an event name"},
		{"a long event name", broadcast.Message{Event: strings.Repeat("e", 201), Channels: news}, "201 bytes, the limit is 200"},
		{"the protocol's events", broadcast.Message{Event: "pusher:error", Channels: news}, "protocol's own"},
		{"the protocol's internal events", broadcast.Message{Event: "pusher_internal:member_removed", Channels: news}, "protocol's own"},
		{"an event name that is not UTF-8", broadcast.Message{Event: "\xff", Channels: news}, "UTF-8"},
		{"data that is not UTF-8", broadcast.Message{Event: "e", Data: "\xff", Channels: news}, "UTF-8"},
		{"too much data", broadcast.Message{Event: "e", Data: strings.Repeat("x", 10_241), Channels: news}, "10241 bytes, the limit is 10240"},
		{"too much data once it is sealed", broadcast.Message{Event: "e", Data: strings.Repeat("x", 8_000), Channels: []channel.Channel{channel.Encrypted("a")}}, "the limit is 10240"},
		{"no channels", broadcast.Message{Event: "e"}, "without channels"},
		{"a channel name that is none", broadcast.Message{Event: "e", Channels: []channel.Channel{channel.Public("a b")}}, "has the character"},
		{"a name that is another kind's", broadcast.Message{Event: "e", Channels: []channel.Channel{channel.Public("private-a")}}, "prefix"},
		{"an encrypted channel among others", broadcast.Message{Event: "e", Channels: []channel.Channel{channel.Encrypted("a"), news[0]}}, "only one"},
		{"an encrypted channel behind another", broadcast.Message{Event: "e", Channels: []channel.Channel{news[0], channel.Encrypted("a")}}, "only one"},
		{"a socket id that is none", broadcast.Message{Event: "e", Channels: news, SocketID: "1.2:3"}, "socket id"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *site) {
				p := w.on("news", "private-encrypted-a")
				good := broadcast.Message{Event: "good", Data: "1", Channels: news}
				err := w.srv.Broadcast(t.Context(), []broadcast.Message{tt.message, good})
				require.ErrorContains(t, err, tt.says)
				require.ErrorIs(t, err, broadcast.ErrPermanent)
				undelivered := broadcast.Undelivered(err)
				require.Len(t, undelivered, 1)
				assert.Equal(t, tt.message, undelivered[0].Message)
				p.hears("good", "news", "1")
				p.lives()
			})
		})
	}
}

func TestBroadcastWithoutEncryptionKey(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		err := w.srv.Broadcast(t.Context(), []broadcast.Message{{Event: "e", Channels: []channel.Channel{channel.Encrypted("a")}}})
		require.ErrorIs(t, err, broadcast.ErrNoEncryptionKey)
		require.ErrorIs(t, err, broadcast.ErrPermanent)

		// A dispatch finds out before anything is sent.
		p := w.on("news")
		for _, d := range []broadcast.Driver{w.srv, w.srv.For(testApp.ID)} {
			err = broadcast.New(d).Dispatch(t.Context(), event.Of("e", nil, channel.Public("news"), channel.Encrypted("a")))
			require.ErrorIs(t, err, broadcast.ErrNoEncryptionKey)
			require.Empty(t, broadcast.Undelivered(err))
		}
		p.lives() // and has heard nothing
	}, func(c *server.Config) { c.App.EncryptionKey = "" })
	require.False(t, onTCP(t).srv.Limits().NoEncryption)
}

func TestBroadcastExcept(t *testing.T) {
	t.Parallel()
	w := onTCP(t)
	pages := w.pages(5)
	for _, excluded := range pages {
		require.NoError(t, w.srv.Broadcast(t.Context(), []broadcast.Message{
			{Event: "e", Data: excluded.socketID, Channels: []channel.Channel{channel.Public("news")}, SocketID: excluded.socketID},
		}))
	}
	require.NoError(t, w.srv.Broadcast(t.Context(), []broadcast.Message{
		{Event: "e", Data: "nobody", Channels: []channel.Channel{channel.Public("news")}, SocketID: "1.1"},
	}))
	for _, p := range pages {
		for _, other := range pages {
			if other != p {
				p.hears("e", "news", other.socketID)
			}
		}
		p.hears("e", "news", "nobody")
		p.lives()
	}
}
