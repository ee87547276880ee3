package server_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/server"
)

func TestAcceptanceCache(t *testing.T) {
	cached := func(w *site, data string) { w.broadcast("e", data, channel.Public("c").Cached()) }
	runRows(t, []row{
		{name: "33 a miss and then a hit", test: func(t *testing.T, w *site) {
			p := w.on("cache-c")
			p.hears("pusher:cache_miss", "cache-c", "{}")
			cached(w, "1")
			p.hears("e", "cache-c", "1")
			q := w.on("cache-c")
			q.hears("e", "cache-c", "1")
			p.lives()
			p.sendText(`{"event":"pusher:subscribe","data":{"channel":"cache-c"}}`)
			p.hears("pusher_internal:subscription_succeeded", "cache-c", "{}")
			p.lives()
		}},
		{name: "34 published while the channel is empty", test: func(t *testing.T, w *site) {
			cached(w, "1")
			cached(w, "2")
			for range 2 {
				p := w.on("cache-c")
				p.hears("e", "cache-c", "2")
				require.NoError(t, p.ws.Close())
				synctest.Wait()
			}
			w.broadcast("e", "3", channel.Private("c").Cached(), channel.Presence("c").Cached())
			for _, ch := range []string{"private-cache-c", "presence-cache-c"} {
				w.on(ch).hears("e", ch, "3")
			}
		}},
		{name: "34 published to all but one", test: func(t *testing.T, w *site) {
			p := w.on("cache-c")
			p.next()
			message := broadcast.Message{Event: "e", Data: "1", Channels: []channel.Channel{channel.Public("c").Cached()}, SocketID: p.socketID}
			require.NoError(t, w.srv.Broadcast(t.Context(), []broadcast.Message{message}))
			p.lives()
			w.on("cache-c").hears("e", "cache-c", "1")
		}},
		{name: "34 client events are not kept", test: func(t *testing.T, w *site) {
			p := w.on("private-cache-c")
			p.next()
			p.whisper("client-x", "private-cache-c", 1)
			p.lives()
			w.on("private-cache-c").hears("pusher:cache_miss", "private-cache-c", "{}")
		}},
		{name: "35 kept for 30 minutes", test: func(t *testing.T, w *site) {
			w.connect() // from when on the server looks after what is too old
			cached(w, "1")
			pass(30*time.Minute - time.Second)
			w.on("cache-c").hears("e", "cache-c", "1")
			pass(time.Second)
			w.on("cache-c").hears("pusher:cache_miss", "cache-c", "{}")
		}},
		{name: "35 not kept for longer because nobody came", test: func(t *testing.T, w *site) {
			cached(w, "1")
			pass(30 * time.Minute)
			w.on("cache-c").hears("pusher:cache_miss", "cache-c", "{}")
		}},
		{name: "35 kept for ever", configure: func(c *server.Config) { c.Limits.CacheTTL = -1 }, test: func(t *testing.T, w *site) {
			p := w.connect()
			cached(w, "1")
			pass(time.Minute)
			p.lives()
			w.on("cache-c").hears("e", "cache-c", "1")
		}},
		{name: "35 kept for the longest time there is", configure: func(c *server.Config) { c.Limits.CacheTTL = math.MaxInt64 }, test: func(t *testing.T, w *site) {
			pass(time.Second)
			cached(w, "1")
			pass(time.Second)
			w.on("cache-c").hears("e", "cache-c", "1")
		}},
		{name: "35 kept within a bound of bytes", configure: func(c *server.Config) { c.Limits.CacheBytes = 100_000 }, test: func(t *testing.T, w *site) {
			for i := range 200 {
				w.broadcast("e", strings.Repeat("x", 10_000), channel.Public(fmt.Sprint(i)).Cached())
			}
			w.on("cache-199").hears("e", "cache-199", strings.Repeat("x", 10_000))
			kept := 0
			for i := range 199 {
				p := w.on(fmt.Sprint("cache-", i))
				if p.next().Event == "e" {
					kept++
				}
			}
			assert.LessOrEqual(t, kept, 16, "no more than the bound, or one for each part of it")
			assert.Positive(t, w.srv.Stats().CacheEvicted)
		}},
		{name: "35 all that fits is kept", configure: func(c *server.Config) { c.Limits.CacheBytes = 1_000_000 }, test: func(t *testing.T, w *site) {
			for i := range 90 {
				for range 3 { // of which the last one counts
					w.broadcast("e", strings.Repeat("x", 10_000), channel.Public(fmt.Sprint(i)).Cached())
				}
			}
			assert.Zero(t, w.srv.Stats().CacheEvicted)
			for i := range 90 {
				assert.Equal(t, "e", w.on(fmt.Sprint("cache-", i)).next().Event)
			}
		}},
		{name: "35 the newest is kept at any rate", configure: func(c *server.Config) { c.Limits.CacheBytes = 1 }, test: func(t *testing.T, w *site) {
			for i := range 3 {
				w.broadcast("e", fmt.Sprint(i), channel.Public(fmt.Sprint(i)).Cached())
				w.on(fmt.Sprint("cache-", i)).hears("e", fmt.Sprint("cache-", i), fmt.Sprint(i))
			}
		}},
		{name: "36 an encrypted cache channel", test: func(t *testing.T, w *site) {
			w.broadcast("e", `{"a":1}`, channel.Encrypted("c").Cached())
			p := w.on("private-encrypted-cache-c")
			f := p.next()
			assert.NotContains(t, f.data(t), `"a"`)
			master, err := pusherproto.DecodeMasterKey(testApp.EncryptionKey)
			require.NoError(t, err)
			opened, err := pusherproto.Open("private-encrypted-cache-c", &master, f.data(t))
			require.NoError(t, err)
			assert.Equal(t, `{"a":1}`, opened)
		}},
	})
}
