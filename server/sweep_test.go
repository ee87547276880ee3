package server_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

func TestAcceptanceCounts(t *testing.T) {
	count := func(p *page, ch string, n int) {
		p.t.Helper()
		p.hears("pusher_internal:subscription_count", ch, fmt.Sprintf(`{"subscription_count":%d}`, n))
	}
	runRows(t, []row{
		{name: "43 told at every change", configure: func(c *server.Config) { c.SubscriptionCounts = true }, test: func(t *testing.T, w *site) {
			p := w.on("news")
			count(p, "news", 1)
			q := w.on("news")
			count(p, "news", 2)
			count(q, "news", 2)
			require.NoError(t, q.ws.Close())
			count(p, "news", 1)
			p.subscribe("presence-r")
			p.lives()
		}},
		{name: "43 told on every kind of channel but presence and those of users", configure: func(c *server.Config) { c.SubscriptionCounts = true }, test: func(t *testing.T, w *site) {
			p, q := w.connect(), w.connect()
			for _, ch := range []string{"news", "private-a", "private-encrypted-a", "cache-a", "private-cache-a", "private-encrypted-cache-a"} {
				for n, joins := range []*page{p, q} {
					joins.subscribe(ch)
					if strings.Contains(ch, "cache-") {
						joins.hears("pusher:cache_miss", ch, "{}")
					}
					count(joins, ch, n+1)
				}
				count(p, ch, 2)
				p.subscribe(ch) // again, which changes nothing
				p.lives()
				q.lives()
				q.send("pusher:unsubscribe", map[string]any{"channel": ch})
				count(p, ch, 1)
				q.lives()
			}
			p.subscribe("presence-r")
			p.subscribe("presence-cache-r")
			p.hears("pusher:cache_miss", "presence-cache-r", "{}")
			p.signIn(`{"id":"u"}`)
			p.subscribe("#server-to-user-u")
			p.lives()
		}},
		{name: "43 told every 5 seconds above 100", configure: func(c *server.Config) { c.SubscriptionCounts = true }, test: func(t *testing.T, w *site) {
			p := w.on("news")
			for i := range 100 {
				count(p, "news", i+1)
				w.on("news")
			}
			p.quiet(3 * time.Second)
			w.on("news")
			w.on("news")
			p.ws.Timeout = 10 * time.Second
			count(p, "news", 103)
			p.quiet(10 * time.Second)
			start := time.Now()
			w.on("news")
			count(p, "news", 104)
			assert.Zero(t, time.Since(start), "the first change after a while is told at once")
			w.on("news")
			p.quiet(4 * time.Second)
			p.ws.Timeout = 10 * time.Second
			count(p, "news", 105)
		}},
		{name: "43 off by default", test: func(t *testing.T, w *site) {
			p := w.on("news")
			w.on("news")
			p.lives()
		}},
	})
}

func TestAcceptanceLiveness(t *testing.T) {
	runRows(t, []row{
		{name: "44 a client with control pings only lives", test: func(t *testing.T, w *site) {
			p := w.on("news")
			for range 10 {
				pass(100 * time.Second)
				require.NoError(t, p.ws.Write(wstest.Ping("p")))
				f, err := p.ws.Read()
				require.NoError(t, err)
				assert.Equal(t, wstest.OpPong, f.Opcode, "and is not pinged")
				assert.Equal(t, "p", string(f.Payload))
			}
		}},
		{name: "45 a silent receiver lives", test: func(t *testing.T, w *site) {
			p := w.on("news")
			p.ws.Timeout = time.Hour
			go func() {
				for i := range 100 {
					pass(10 * time.Second)
					w.broadcast("e", fmt.Sprint(i), channel.Public("news"))
				}
			}()
			for i := range 100 { // reading answers the pings and nothing else
				p.hears("e", "news", fmt.Sprint(i))
			}
		}},
		{name: "46 a dead peer is closed with 4201", test: func(t *testing.T, w *site) {
			watcher, p := w.on("presence-r"), w.connect()
			p.subscribeAs("presence-r", `{"user_id":"u"}`)
			watcher.next()
			watcher.ws.Timeout = time.Hour
			start := time.Now()
			removed := make(chan time.Duration, 1)
			go func() {
				watcher.hears("pusher_internal:member_removed", "presence-r", `{"user_id":"u"}`)
				removed <- time.Since(start)
			}()
			p.ws.Timeout = time.Hour
			f, err := p.ws.Read()
			require.NoError(t, err)
			assert.Equal(t, wstest.OpPing, f.Opcode)
			assert.InDelta(t, 120, time.Since(start).Seconds(), 1)
			f, err = p.ws.Read() // without an answer
			require.NoError(t, err)
			assert.Contains(t, string(f.Payload), "4201")
			assert.InDelta(t, 150, time.Since(start).Seconds(), 2)
			f, err = p.ws.Read()
			require.NoError(t, err)
			code, _ := f.CloseStatus()
			assert.EqualValues(t, 4201, code)
			assert.InDelta(t, 150, (<-removed).Seconds(), 2, "and is gone at once, whether it answers or not")
			_, err = p.ws.Read()
			require.Error(t, err)
			assert.InDelta(t, 155, time.Since(start).Seconds(), 2)
		}},
		{name: "46 a connection is silent from its opening on", test: func(t *testing.T, w *site) {
			first := w.connect() // with which the server begins to look after them
			for range 20 {
				first.lives()
				pass(time.Minute)
			}
			p := w.connect()
			p.ws.Timeout = time.Hour
			start := time.Now()
			f, err := p.ws.Read()
			require.NoError(t, err)
			assert.Equal(t, wstest.OpPing, f.Opcode)
			assert.InDelta(t, 120, time.Since(start).Seconds(), 1)
		}},
		{name: "46 liveness can be off", configure: func(c *server.Config) { c.ActivityTimeout = -1 }, test: func(t *testing.T, w *site) {
			p := w.connect()
			pass(24 * time.Hour)
			p.lives()
		}},
	})
}
