package server_test

import (
	"context"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

func TestAcceptance58Drain(t *testing.T) {
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
		assert.InDelta(t, 1.5, time.Since(start).Seconds(), 0.05, "the window, and the wait for those who come back at once")
		assert.InDelta(t, 0.25, after[25].Seconds(), 0.05)
		assert.InDelta(t, 1, after[99].Seconds(), 0.05)
		message := broadcast.Message{Event: "e", Channels: []channel.Channel{channel.Public("news")}}
		require.ErrorIs(t, w.srv.Broadcast(t.Context(), []broadcast.Message{message}), server.ErrClosed)
		require.ErrorIs(t, w.srv.Ping(t.Context()), server.ErrClosed)
	}, func(c *server.Config) { c.DrainWindow = time.Second })
}

// Pages come back at once from 4200. One that finds nobody there would stay away
// for 15 seconds, and one that is told 4100 asks again after a second.
func TestShutdownAwaitsThoseWhoComeBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("news")
		down := make(chan error, 1)
		start := time.Now()
		go func() { down <- w.srv.Shutdown(t.Context()) }()
		p.closed(4200)
		require.NoError(t, p.ws.Close())
		pass(400 * time.Millisecond)
		for _, path := range []string{w.path, "/app/k?protocol=5", "/app/k?protocol=7&client=js&version=10.0.0", "/app/k?protocol=5&client=java-client&version=2.4.0"} {
			w.open(path).closed(4100)
		}
		w.open("/app/k?protocol=7&client=js&version=7.6.0", "User-Agent", "Mozilla/5.0 (X11; Linux x86_64)").closed(4100)
		// These would count the second short connection as the last one.
		for _, version := range []string{"4.4.0", "7.6.0", "7.0"} {
			conn, err := w.dial()
			require.NoError(t, err)
			_, err = wstest.Dial(conn, wstest.NewRequest("/app/k?protocol=7&client=js&version="+version))
			var refused *wstest.RefusedError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, 503, refused.Status)
			require.NoError(t, conn.Close())
		}
		require.NoError(t, <-down)
		assert.InDelta(t, 0.5, time.Since(start).Seconds(), 0.1)
	}, func(c *server.Config) { c.DrainWindow = 0 })
	inBubble(t, func(t *testing.T, w *site) {
		start := time.Now()
		require.NoError(t, w.srv.Shutdown(t.Context()))
		assert.Zero(t, time.Since(start), "nobody is there to come back")
	}, func(c *server.Config) { c.DrainWindow = 0 })
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("news")
		go func() {
			p.closed(4200)
			_ = p.ws.Close() // nobody is there to tell
		}()
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		start := time.Now()
		require.NoError(t, w.srv.Shutdown(ctx), "all are gone, in time")
		assert.LessOrEqual(t, time.Since(start), 200*time.Millisecond)
	}, func(c *server.Config) { c.DrainWindow = 0 })
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
