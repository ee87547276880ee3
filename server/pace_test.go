package server_test

import (
	"context"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// churns joins and leaves a presence channel n times without reading a word,
// and asks for an answer to the last.
func (p *page) churns(n int) {
	p.t.Helper()
	subscribe := jsonText(p.t, map[string]any{"event": "pusher:subscribe", "data": p.subscription("presence-r", `{"user_id":"c"}`)})
	var all []wstest.Frame
	for range n {
		all = append(all, wstest.Text(subscribe), wstest.Text(`{"event":"pusher:unsubscribe","data":{"channel":"presence-r"}}`))
	}
	require.NoError(p.t, p.ws.Write(append(all, wstest.Text(`{"event":"pusher:ping"}`))...))
}

// endsChurn reads what came of churns.
func (p *page) endsChurn(n int) {
	p.t.Helper()
	p.ws.Timeout = time.Minute
	for range n {
		require.Equal(p.t, "pusher_internal:subscription_succeeded", p.next().Event)
	}
	p.hears("pusher:pong", "", "{}")
}

func TestPaceOfLeaving(t *testing.T) {
	t.Parallel()
	told := func(w *site) int { return strings.Count(w.log.String(), "limit=Limits.Leaves") }
	took := func(t *testing.T, want time.Duration, f func()) {
		t.Helper()
		start := time.Now()
		f()
		assert.InDelta(t, want.Seconds(), time.Since(start).Seconds(), 1e-3)
	}
	for _, tt := range []struct {
		name  string
		limit int
		test  func(t *testing.T, w *site)
	}{
		{"400 at once, and 20 a second after that", 0, func(t *testing.T, w *site) {
			p, other := w.connect(), w.connect()
			took(t, 0, func() { p.churns(400); p.endsChurn(400) })
			assert.Zero(t, told(w))
			p.churns(40)
			took(t, 0, other.lives)
			took(t, 2*time.Second, func() { p.endsChurn(40) })
			pass(time.Minute)
			took(t, 0, func() { p.churns(400); p.endsChurn(400) })
		}},
		{"keeps the order, and all of it", 1, func(_ *testing.T, w *site) {
			member, p := w.on("presence-r"), w.connect()
			member.ws.Timeout = time.Minute
			p.churns(100)
			for range 100 {
				member.hears("pusher_internal:member_added", "presence-r", `{"user_id":"c","user_info":null}`)
				member.hears("pusher_internal:member_removed", "presence-r", `{"user_id":"c"}`)
			}
			p.endsChurn(100)
		}},
		{"asking again for a channel is not faster", 1, func(t *testing.T, w *site) {
			p := w.on("presence-r")
			took(t, 10*time.Second, func() {
				p.ws.Timeout = time.Minute
				for range 30 {
					p.subscribe("presence-r")
				}
				p.lives()
			})
		}},
		{"a page that comes back, and one with many channels, need not wait", 1, func(t *testing.T, w *site) {
			took(t, 0, func() {
				for range 10 {
					p := w.on(numbered("c%d", 300)...)
					for range 100 {
						p.send("pusher:unsubscribe", map[string]any{"channel": "nowhere"})
					}
					p.lives()
					assert.NoError(t, p.ws.Close())
				}
			})
		}},
		{"who is made to wait does not hold up the end", 1, func(t *testing.T, w *site) {
			p := w.connect()
			p.churns(300)
			start := time.Now()
			down := make(chan error, 1)
			go func() { down <- w.srv.Shutdown(context.Background()) }()
			p.ws.Timeout = time.Minute
			var err error
			for err == nil {
				_, err = p.ws.ReadText()
			}
			assert.NoError(t, <-down)
			assert.LessOrEqual(t, time.Since(start), time.Second)
		}},
		{"is told once, with the setting", 1, func(t *testing.T, w *site) {
			for range 2 {
				p := w.connect()
				p.churns(23)
				p.endsChurn(23)
			}
			assert.Equal(t, 1, told(w))
		}},
		{"none", -1, func(t *testing.T, w *site) {
			p := w.connect()
			took(t, 0, func() {
				for range 5 {
					p.churns(1000)
					p.endsChurn(1000)
				}
			})
		}},
		{"as good as none", math.MaxInt, func(_ *testing.T, w *site) {
			p := w.connect()
			p.churns(10)
			p.endsChurn(10)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, tt.test, func(c *server.Config) {
				c.Limits.Leaves, c.Limits.ChannelsPerConnection = tt.limit, -1
			})
		})
	}
}

// Who is made to wait is alive, though its answers to pings wait as well.
func TestPaceOfLeavingAndPings(t *testing.T) {
	t.Parallel()
	inBubble(t, func(_ *testing.T, w *site) {
		p := w.connect()
		p.churns(90)
		p.endsChurn(90)
		p.lives()
	}, func(c *server.Config) {
		c.Limits.Leaves, c.ActivityTimeout, c.PongWait = 1, time.Second, time.Second
	})
}
