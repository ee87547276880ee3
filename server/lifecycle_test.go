package server_test

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

func TestDrain(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		var ends sync.WaitGroup
		var mu sync.Mutex
		var after []time.Duration
		start := time.Now()
		for range 100 {
			p := w.on("news")
			p.ws.Timeout = time.Minute
			ends.Go(func() {
				for p.next().Event == "e" {
				}
				p.closeFrame(4200)
				mu.Lock()
				defer mu.Unlock()
				after = append(after, time.Since(start))
			})
		}
		down := make(chan error)
		go func() { down <- w.srv.Shutdown(t.Context()) }()
		pass(500 * time.Millisecond)
		w.open(w.path).closed(4100) // who comes now is sent away for a while
		w.broadcast("e", "1", channel.Public("news"))
		mu.Lock()
		assert.InDelta(t, 50, len(after), 2, "half of them after half of the window")
		mu.Unlock()
		require.NoError(t, <-down)
		ends.Wait()
		assert.InDelta(t, 1, time.Since(start).Seconds(), 0.05)
		assert.InDelta(t, 0.25, after[25].Seconds(), 0.05)
		message := broadcast.Message{Event: "e", Channels: []channel.Channel{channel.Public("news")}}
		require.ErrorIs(t, w.srv.Broadcast(t.Context(), []broadcast.Message{message}), server.ErrClosed)
		require.ErrorIs(t, w.srv.Ping(t.Context()), server.ErrClosed)
	}, func(c *server.Config) { c.DrainWindow = time.Second })
}

func TestShutdownThatIsCutShort(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("news")
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		p.ws.Timeout = time.Minute
		start := time.Now()
		// p does not answer the close frame, and is waited for no longer.
		require.ErrorIs(t, w.srv.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, 2*time.Second, time.Since(start))
		p.closed(4200)
		_, err := p.ws.Read()
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, w.srv.Shutdown(t.Context()), "and again waits for what is left")
	}, func(c *server.Config) { c.DrainWindow = time.Hour })
}

func TestShutdownTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("news")
		go func() { p.closed(4200) }()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { assert.NoError(t, w.srv.Shutdown(t.Context())) })
		}
		both.Wait()
		assert.NoError(t, w.srv.Shutdown(t.Context()))
	})
}

// Many pages of few users come and go on a presence channel in every way there
// is, several at the same time. Everybody who watches is told of every user
// exactly once, and nobody is there who is not.
func TestPresenceModel(t *testing.T) {
	t.Parallel()
	for seed := range uint64(8) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *site) { presenceModel(t, w, seed) })
		})
	}
}

func presenceModel(t *testing.T, w *site, seed uint64) {
	const workers, tabs, steps, users = 5, 4, 120, 6
	views := make([]*presenceView, 3)
	var watching sync.WaitGroup
	for i := range views {
		views[i] = watch(w, fmt.Sprint("watcher", i))
		watching.Go(views[i].follow)
	}
	// Each worker has tabs of its own, over users that all share.
	on := make([][tabs]string, workers)
	var work sync.WaitGroup
	for id := range workers {
		work.Go(func() {
			rnd := rand.New(rand.NewPCG(seed, uint64(id)))
			var pages [tabs]*page
			for range steps {
				tab := rnd.IntN(tabs)
				p := pages[tab]
				if p == nil {
					pages[tab] = w.connect()
					continue
				}
				user := fmt.Sprint("u", rnd.IntN(users))
				switch what := rnd.IntN(10); {
				case what < 5 && on[id][tab] == "":
					p.send("pusher:subscribe", p.subscription("presence-r", `{"user_id":"`+user+`"}`))
					on[id][tab] = user
				case what < 6: // again, which changes nothing
					if on[id][tab] != "" {
						p.send("pusher:subscribe", p.subscription("presence-r", `{"user_id":"`+user+`"}`))
					}
				case what < 8:
					p.send("pusher:unsubscribe", map[string]any{"channel": "presence-r"})
					on[id][tab] = ""
				case what == 8: // and come back somewhere else before the server knows
					assert.NoError(t, p.ws.Close())
					pages[tab], on[id][tab] = nil, ""
				default:
					<-time.After(time.Duration(rnd.IntN(1000)) * time.Millisecond)
				}
			}
		})
	}
	work.Wait()
	synctest.Wait()
	want := map[string]bool{}
	for i := range views {
		want[fmt.Sprint("watcher", i)] = true
	}
	for _, tabs := range on {
		for _, user := range tabs {
			if user != "" {
				want[user] = true
			}
		}
	}
	members, err := w.srv.Members(t.Context(), channel.Presence("r"))
	require.NoError(t, err)
	got := map[string]bool{}
	for _, m := range members {
		got[m.ID] = true
	}
	assert.Equal(t, want, got, "the server's own idea")
	for _, v := range views {
		present, changes := v.now()
		assert.Equal(t, want, present, "what %s saw", v.name)
		assert.Positive(t, changes)
	}
	for _, v := range views {
		require.NoError(t, v.page.ws.Close())
	}
	watching.Wait()
}
