package server_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// TestEverythingAtOnce lets pages do right and wrong things, come and go, while
// the application publishes, looks around and terminates.
// It is for the race detector, and for a page beside all that, which gets every
// event in order.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	const events, visitors, visits, steps = 300, 8, 6, 25
	var gone sync.WaitGroup
	gone.Add(visitors * visits)
	w := onTCP(t, func(c *server.Config) {
		c.Authorizer = tenantRules(testApp)
		c.SubscriptionCounts = true
		c.Limits.ClientEvents = -1
		c.Limits.Overflow = 64 << 10
		c.Hooks = server.Hooks{
			Disconnected: func(context.Context, server.Connection) { gone.Done() },
			Subscribed:   func(_ context.Context, s server.Subscription) { panic(s.SocketID) },
		}
	})
	bystander := w.on("private-bystander")
	bystander.hears("pusher_internal:subscription_count", "private-bystander", `{"subscription_count":1}`)
	var all sync.WaitGroup
	defer all.Wait()
	for i := range visitors {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range visits {
				callOn(t, w, random, steps)
			}
		})
	}
	all.Go(func() {
		for range events {
			for range w.srv.Channels() {
			}
			for range w.srv.Connections() {
			}
			_, _ = w.srv.Members(t.Context(), channel.Presence("room"))
			_, _ = w.srv.Terminate(t.Context(), "2")
			w.srv.Stats()
		}
	})
	all.Go(func() {
		for n := range events {
			m := broadcast.Message{Event: "n", Data: fmt.Sprint(n), Channels: []channel.Channel{
				channel.Private("bystander"), channel.Public("a"), channel.Presence("room"), channel.Private("user.1").Cached(),
			}}
			assert.NoError(t, w.srv.Broadcast(t.Context(), []broadcast.Message{m}))
		}
	})
	for n := range events {
		bystander.hears("n", "private-bystander", fmt.Sprint(n))
	}
	all.Wait()
	bystander.lives()
	gone.Wait()
	assert.Contains(t, w.log.String(), "hook panicked")
	for ch := range w.srv.Channels() {
		assert.Equal(t, "private-bystander", ch.String(), "nobody else is left, so no other channel is")
	}
}

// callOn is one connection that does this and that.
func callOn(t *testing.T, w *site, random *rand.Rand, steps int) {
	if p, user := connectAs(t, w, random); p != nil {
		p.wander(user, random, steps)
	}
}

// connectAs connects as one of four users, or fails the test and returns nil.
func connectAs(t *testing.T, w *site, random *rand.Rand) (p *page, user string) {
	user = fmt.Sprint(random.IntN(4))
	conn, err := w.dial()
	if !assert.NoError(t, err) {
		return nil, ""
	}
	r := wstest.NewRequest(w.path)
	r.Header.Set("X-User", user)
	ws, err := wstest.Dial(conn, r)
	if !assert.NoError(t, err) {
		return nil, ""
	}
	hello, err := ws.ReadText()
	if !assert.NoError(t, err) {
		return nil, ""
	}
	p = &page{t: t, ws: ws}
	_, rest, _ := strings.Cut(hello, `socket_id\":\"`)
	p.socketID, _, _ = strings.Cut(rest, `\"`)
	return p, user
}

// wander does this and that.
func (p *page) wander(user string, random *rand.Rand, steps int) {
	t, ws := p.t, p.ws
	var reading sync.WaitGroup
	reading.Go(func() {
		for {
			if _, err := ws.ReadText(); err != nil {
				return
			}
		}
	})
	channels := []string{"a", "private-user." + user, "presence-room", "private-cache-user.1", "private-encrypted-user.1", "#server-to-user-" + user, "private-a b"}
	for range steps {
		ch := channels[random.IntN(len(channels))]
		var text string
		switch random.IntN(10) {
		case 0, 1, 2:
			text = jsonText(t, map[string]any{"event": "pusher:subscribe", "data": map[string]any{"channel": ch}})
		case 3, 4:
			text = jsonText(t, map[string]any{"event": "pusher:subscribe", "data": p.subscription(ch, `{"user_id":"`+user+`"}`)})
		case 5:
			text = jsonText(t, map[string]any{"event": "pusher:unsubscribe", "data": map[string]any{"channel": ch}})
		case 6:
			text = jsonText(t, map[string]any{"event": "client-x", "channel": ch, "data": map[string]any{"user_id": "admin"}, "user_id": "admin"})
		case 7:
			text = `{"event":"pusher:signin","data":{"auth":"","user_data":""}}`
		case 8:
			text = `{"event":"pusher:ping"}`
		default:
			text = strings.Repeat("{", random.IntN(40))
		}
		if err := ws.Write(wstest.Text(text)); err != nil {
			break // terminated, or too slow
		}
	}
	if random.IntN(2) == 0 {
		_ = ws.Write(wstest.Close(1000, ""))
		reading.Wait()
	}
	_ = ws.Close()
	reading.Wait()
}

// TestShutdownInTheMidst shuts a server down in the midst of it.
func TestShutdownInTheMidst(t *testing.T) {
	t.Parallel()
	w := onTCP(t, func(c *server.Config) { c.Authorizer = tenantRules(testApp) })
	var all sync.WaitGroup
	for i := range 4 {
		random := rand.New(rand.NewPCG(uint64(i), 2))
		p, user := connectAs(t, w, random) // later it may be refused
		require.NotNil(t, p)
		all.Go(func() { p.wander(user, random, 200) })
	}
	first := w.on("a")
	all.Go(func() {
		for range 100 {
			_ = w.srv.Broadcast(t.Context(), []broadcast.Message{{Event: "e", Data: "1", Channels: []channel.Channel{channel.Public("a")}}}) // fails at the end
		}
	})
	_ = first.text()
	all.Go(func() {
		for {
			if _, err := first.ws.ReadText(); err != nil {
				_ = first.ws.Close() // as pages do that are told to come back
				return
			}
		}
	})
	require.NoError(t, w.srv.Shutdown(t.Context()))
	all.Wait()
	require.ErrorIs(t, w.srv.Ping(t.Context()), server.ErrClosed)
}
