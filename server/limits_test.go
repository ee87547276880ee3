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

// The limits that no other test is about: the defaults where the documents of
// the protocol name them, others where they are set, and none where they are
// negative.
func TestLimits(t *testing.T) {
	refuses := func(p *page, ch, channelData, says string) {
		p.t.Helper()
		p.send("pusher:subscribe", p.subscription(ch, channelData))
		_, message := p.fails()
		assert.Contains(p.t, message, says)
		assert.Equal(p.t, "pusher:subscription_error", p.next().Event)
	}
	runRows(t, []row{
		{name: "a message of 32 KiB and one of a byte more", test: func(t *testing.T, w *site) {
			bystander, p := w.connect(), w.connect()
			ping := `{"event":"pusher:ping"}`
			p.sendText(ping + strings.Repeat(" ", 32<<10-len(ping)))
			p.hears("pusher:pong", "", "{}")
			p.sendText(ping + strings.Repeat(" ", 32<<10-len(ping)+1))
			p.closeFrame(1009)
			bystander.lives()
		}},
		{name: "messages of 100 bytes", configure: func(c *server.Config) { c.Limits.Frame = 100 }, test: func(t *testing.T, w *site) {
			p := w.connect()
			p.lives()
			p.whisper("client-x", "private-a", strings.Repeat("x", 100))
			p.closeFrame(1009)
		}},
		{name: "messages of any size", configure: func(c *server.Config) { c.Limits.Frame = -1 }, test: func(t *testing.T, w *site) {
			p := w.connect()
			p.sendText(`{"event":"pusher:ping"}` + strings.Repeat(" ", 1<<20))
			p.hears("pusher:pong", "", "{}")
			announced, q := w.connect(), w.connect()
			require.NoError(t, announced.ws.WriteRaw([]byte("\x81\xff\x3f\xff\xff\xff\xff\xff\xff\xffmask{")))
			require.NoError(t, q.ws.WriteRaw([]byte("\x81\xff\x7f\xff\xff\xff\xff\xff\xff\xffmask{")))
			q.closeFrame(1009) // no memory holds that
			synctest.Wait()
			assert.NotContains(t, w.log.String(), "panic")
			p.lives()
		}},
		{name: "128 subscriptions", test: func(t *testing.T, w *site) {
			p := w.on(numbered("c%d", 128)...)
			refuses(p, "one-more", "", "128")
			p.send("pusher:unsubscribe", map[string]any{"channel": "c0"})
			p.subscribe("one-more")
		}},
		{name: "any number of subscriptions", configure: func(c *server.Config) { c.Limits.ChannelsPerConnection = -1 }, test: func(t *testing.T, w *site) {
			w.on(numbered("c%d", 300)...).lives()
		}},
		{name: "3 client events a second", configure: func(c *server.Config) { c.Limits.ClientEvents = 3 }, test: func(t *testing.T, w *site) {
			p, q := w.on("private-a"), w.on("private-a")
			for range 2 {
				for i := range 3 {
					p.whisper("client-x", "private-a", fmt.Sprint(i))
					q.hears("client-x", "private-a", fmt.Sprint(i))
				}
				p.whisper("client-x", "private-a", "")
				code, message := p.fails()
				assert.Equal(t, 4301, code)
				assert.Contains(t, message, "more than 3 ")
				pass(time.Second)
			}
			q.lives()
		}},
		{name: "any number of client events", configure: func(c *server.Config) { c.Limits.ClientEvents = -1 }, test: func(t *testing.T, w *site) {
			p, q := w.on("private-a"), w.on("private-a")
			for i := range 200 {
				p.whisper("client-x", "private-a", fmt.Sprint(i))
				q.hears("client-x", "private-a", fmt.Sprint(i))
			}
		}},
		{name: "names of client events", configure: func(c *server.Config) { c.Limits.EventName = 10 }, test: func(t *testing.T, w *site) {
			p := w.on("private-a")
			p.whisper("client-890", "private-a", "")
			p.lives()
			p.whisper("client-8901", "private-a", "")
			_, message := p.fails()
			assert.Contains(t, message, "limit is 10")
		}},
		{name: "100 members with ids of 128 bytes and a KiB of information", test: func(t *testing.T, w *site) {
			p := w.connect()
			refuses(p, "presence-r", `{"user_id":"`+strings.Repeat("i", 129)+`"}`, "limit is 128")
			refuses(p, "presence-r", `{"user_id":"a","user_info":"`+strings.Repeat("i", 1023)+`"}`, "limit is 1024")
			p.subscribeAs("presence-r", `{"user_id":"`+strings.Repeat("i", 128)+`","user_info":"`+strings.Repeat("i", 1022)+`"}`)
			for range 99 {
				w.on("presence-r")
			}
			refuses(w.connect(), "presence-r", `{"user_id":"one more"}`, "100 members")
		}},
		{name: "any time for who does not read", configure: func(c *server.Config) { c.Limits.OverflowTime, c.ActivityTimeout = -1, -1 }, test: func(t *testing.T, w *site) {
			p := w.on("news")
			for i := range 60 { // more than the network takes, and less than Overflow
				w.broadcast(fmt.Sprint(i), strings.Repeat("x", 10_000), channel.Public("news"))
			}
			pass(time.Hour)
			for i := range 60 {
				assert.Equal(t, fmt.Sprint(i), p.next().Event)
			}
			assert.Zero(t, w.srv.Stats().Slow)
		}},
		{name: "a watch list of 2", configure: func(c *server.Config) { c.Limits.Watchlist = 2 }, test: func(t *testing.T, w *site) {
			p := w.connect()
			p.signIn(`{"id":"a","watchlist":["b","c","d"]}`)
			p.hears("pusher_internal:watchlist_events", "", `{"events":[{"name":"offline","user_ids":["b","c"]}]}`)
			code, message := p.fails()
			assert.Equal(t, 4302, code)
			assert.Contains(t, message, "first 2 ")
		}},
		{name: "no grace for who is watched", configure: func(c *server.Config) { c.WatchlistGrace = -1 }, test: func(t *testing.T, w *site) {
			p, q := w.connect(), w.connect()
			q.signIn(`{"id":"b"}`)
			p.signIn(`{"id":"a","watchlist":["b"]}`)
			p.hears("pusher_internal:watchlist_events", "", `{"events":[{"name":"online","user_ids":["b"]}]}`)
			start := time.Now()
			require.NoError(t, q.ws.Close())
			p.hears("pusher_internal:watchlist_events", "", `{"events":[{"name":"offline","user_ids":["b"]}]}`)
			assert.Zero(t, time.Since(start))
		}},
		{name: "pings that need no answer", configure: func(c *server.Config) { c.ActivityTimeout, c.PongWait = 10*time.Second, -1 }, test: func(t *testing.T, w *site) {
			p := w.connect()
			pass(time.Hour) // without reading, so that nothing is answered
			p.lives()
		}},
		{name: "pings that need an answer in 2 seconds", configure: func(c *server.Config) { c.ActivityTimeout, c.PongWait = 10*time.Second, 2*time.Second }, test: func(t *testing.T, w *site) {
			p := w.connect()
			p.ws.Timeout = time.Minute
			start := time.Now()
			f, err := p.ws.Read()
			require.NoError(t, err)
			require.Empty(t, f.Payload, "the ping")
			f, err = p.ws.Read()
			require.NoError(t, err)
			assert.Contains(t, string(f.Payload), "4201")
			assert.InDelta(t, 12, time.Since(start).Seconds(), 1)
		}},
	})
}
