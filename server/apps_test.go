package server_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/server"
)

func news(data string) []broadcast.Message {
	return []broadcast.Message{{Event: "e", Data: data, Channels: []channel.Channel{channel.Public("news")}}}
}

func TestSeveralApps(t *testing.T) {
	t.Parallel()
	second := auth.App{ID: "2", Key: "second", Secret: "s2", Former: []auth.KeyPair{{Key: "old", Secret: "s-old"}}}
	inBubble(t, func(t *testing.T, w *site) {
		first := w.on("news")
		w.path = "/app/second?protocol=7"
		other := w.on("news")
		w.path = "/app/old?protocol=7"
		former := w.on("news")

		err := w.srv.Broadcast(t.Context(), news("nobody's"))
		require.ErrorContains(t, err, "For(appID)")
		require.ErrorIs(t, err, broadcast.ErrPermanent)
		_, err = w.srv.Members(t.Context(), channel.Presence("r"))
		require.ErrorContains(t, err, "For(appID)")
		require.NoError(t, w.srv.Ping(t.Context()))

		require.NoError(t, w.srv.For("1").Broadcast(t.Context(), news("1")))
		require.NoError(t, w.srv.For("2").Broadcast(t.Context(), news("2")))
		first.hears("e", "news", "1")
		other.hears("e", "news", "2")
		former.hears("e", "news", "2")
		require.ErrorIs(t, w.srv.For("3").Broadcast(t.Context(), news("3")), server.ErrUnknownApp)
		require.ErrorIs(t, w.srv.For("3").Ping(t.Context()), server.ErrUnknownApp)
		first.lives()

		// A signature with any key pair of the app is taken, and no other.
		former.socketID, other.socketID = other.socketID, former.socketID
		for key, secret := range map[string]string{"second": "s2", "old": "s-old"} {
			ch := "private-" + key
			other.send("pusher:subscribe", map[string]any{"channel": ch, "auth": key + ":" + string(pusherproto.NewSigner(secret).AppendChannelAuth(nil, former.socketID, ch, ""))})
			other.hears("pusher_internal:subscription_succeeded", ch, "{}")
		}
		other.send("pusher:subscribe", map[string]any{"channel": "private-x", "auth": "k:" + string(pusherproto.NewSigner("s").AppendChannelAuth(nil, former.socketID, "private-x", ""))})
		other.refused("private-x", "AuthError", 401)

		counts := map[string]int{}
		for info := range w.srv.Channels() {
			counts[info.AppID+" "+info.String()] = info.Subscriptions
		}
		assert.Equal(t, map[string]int{"1 news": 1, "2 news": 2, "2 private-second": 1, "2 private-old": 1}, counts)
		for range w.srv.Channels() { // may be left early
			break
		}
		for range w.srv.Connections() {
			break
		}
		assert.Len(t, slices.Collect(w.srv.For("2").Channels()), 3)
		assert.Len(t, slices.Collect(w.srv.For("2").Connections()), 2)
		assert.Empty(t, slices.Collect(w.srv.For("3").Channels()))
		assert.Empty(t, slices.Collect(w.srv.For("3").Connections()))
		_, err = w.srv.For("3").Stats(t.Context())
		require.ErrorIs(t, err, server.ErrUnknownApp)
		_, err = w.srv.For("3").Terminate(t.Context(), "u")
		require.ErrorIs(t, err, server.ErrUnknownApp)
	}, func(c *server.Config) { c.Apps = []auth.App{second} })
}

// tenants is a resolver whose apps can be changed.
type tenants struct {
	mu   sync.Mutex
	apps map[string]auth.App // by id
	err  error
}

func (s *tenants) resolve(_ context.Context, q server.AppQuery) (auth.App, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err != nil {
		return auth.App{}, s.err
	}
	for _, a := range s.apps {
		if a.ID == q.ID || a.Key == q.Key {
			return a, nil
		}
	}
	return auth.App{}, fmt.Errorf("tenants: %w", server.ErrUnknownApp)
}

func (s *tenants) set(change func(apps map[string]auth.App)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.apps = maps.Clone(s.apps)
	change(s.apps)
}

func TestResolver(t *testing.T) {
	t.Parallel()
	s := &tenants{apps: map[string]auth.App{"7": {ID: "7", Key: "seven", Secret: "x"}}}
	inBubble(t, func(t *testing.T, w *site) {
		w.on("news") // the app of Config needs no resolver
		require.ErrorContains(t, w.srv.Broadcast(t.Context(), news("nobody's")), "For(appID)", "there may be others")
		w.path = "/app/seven?protocol=7"
		p := w.on("news")
		require.NoError(t, w.srv.For("7").Broadcast(t.Context(), news("1")))
		p.hears("e", "news", "1")

		// New keys are taken at once, and who is connected stays.
		s.set(func(apps map[string]auth.App) {
			apps["7"] = auth.App{ID: "7", Key: "new", Secret: "y", Former: []auth.KeyPair{{Key: "seven", Secret: "x"}}}
		})
		w.path = "/app/new?protocol=7"
		q := w.on("news")
		require.NoError(t, w.srv.For("7").Broadcast(t.Context(), news("2")))
		p.hears("e", "news", "2")
		q.hears("e", "news", "2")
		p.send("pusher:subscribe", map[string]any{"channel": "private-a", "auth": "new:" + string(pusherproto.NewSigner("y").AppendChannelAuth(nil, p.socketID, "private-a", ""))})
		p.hears("pusher_internal:subscription_succeeded", "private-a", "{}")

		w.open("/app/unknown?protocol=7").closed(4001)
		s.set(func(apps map[string]auth.App) { apps["7"] = auth.App{ID: "7", Key: "new"} })
		w.open("/app/new?protocol=7").closed(4100)
		assert.Contains(t, w.log.String(), "missing Secret")
		s.set(func(apps map[string]auth.App) { apps["7"] = auth.App{ID: "1", Key: "new", Secret: "z"} })
		w.open("/app/new?protocol=7").closed(4100)
		s.set(func(map[string]auth.App) { s.err = server.ErrAppDisabled })
		w.open("/app/new?protocol=7").closed(4003)
		s.set(func(map[string]auth.App) { s.err = errors.New("the database is away") })
		w.open("/app/new?protocol=7").closed(4100)
		assert.Contains(t, w.log.String(), "the database is away")
		p.lives()
	}, func(c *server.Config) { c.Resolve = s.resolve })
}

func TestResolverThatPanics(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		w.open("/app/x?protocol=7").closed(4100)
		w.connect().lives()
	}, func(c *server.Config) {
		c.Resolve = func(context.Context, server.AppQuery) (auth.App, error) { panic("resolver") }
	})
}

// TestResolverThatAnswersLate has a resolver answer with what was true when it
// was asked, after it was asked again. The keys that were given up in between
// stay so.
func TestResolverThatAnswersLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, answer := make(chan struct{}), make(chan struct{})
		listener := memnet.Listen()
		w := newSite(t, listener, func() (net.Conn, error) { return listener.Dial(t.Context()) }, func(c *server.Config) {
			c.Resolve = func(_ context.Context, q server.AppQuery) (auth.App, error) {
				if q.Key == "old" {
					close(asked)
					<-answer
					return auth.App{ID: "7", Key: "old", Secret: "x"}, nil
				}
				return auth.App{ID: "7", Key: "new", Secret: "y"}, nil
			}
		})
		late := make(chan *page)
		go func() { late <- w.open("/app/old?protocol=7") }()
		<-asked
		w.path = "/app/new?protocol=7"
		p := w.connect()
		close(answer)
		(<-late).closed(4001)
		subscribe := func(ch, key, secret string) {
			signature := pusherproto.NewSigner(secret).AppendChannelAuth(nil, p.socketID, ch, "")
			p.send("pusher:subscribe", map[string]any{"channel": ch, "auth": key + ":" + string(signature)})
		}
		subscribe("private-a", "new", "y")
		p.hears("pusher_internal:subscription_succeeded", "private-a", "{}")
		subscribe("private-b", "old", "x")
		p.refused("private-b", "AuthError", 401)
	})
}

// TestResolverThatFailsForNow publishes while the resolver does not know. Only
// what it is sure of is an error for good, or a broadcaster would not try again.
func TestResolverThatFailsForNow(t *testing.T) {
	t.Parallel()
	s := &tenants{apps: map[string]auth.App{"7": {ID: "7", Key: "seven", Secret: "x"}}}
	inBubble(t, func(t *testing.T, w *site) {
		for _, tt := range []struct {
			err       error
			permanent bool
		}{
			{errors.New("the database is away"), false},
			{context.DeadlineExceeded, false},
			{server.ErrUnknownApp, true},
			{server.ErrAppDisabled, true},
		} {
			s.set(func(map[string]auth.App) { s.err = tt.err })
			err := w.srv.For("7").Broadcast(t.Context(), news("1"))
			require.ErrorIs(t, err, tt.err)
			assert.Equal(t, tt.permanent, errors.Is(err, broadcast.ErrPermanent), "%v", err)
		}
		s.set(func(map[string]auth.App) { s.err = nil })
		require.NoError(t, w.srv.For("7").Broadcast(t.Context(), news("1")))
		require.ErrorIs(t, w.srv.Broadcast(t.Context(), news("1")), broadcast.ErrPermanent, "no app is chosen")
	}, func(c *server.Config) { c.Resolve = s.resolve })
}
