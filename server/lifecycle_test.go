package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
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
				p.closeFrame(4100)
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
		assert.InDelta(t, 1, after[99].Seconds(), 0.05)
		message := broadcast.Message{Event: "e", Channels: []channel.Channel{channel.Public("news")}}
		require.ErrorIs(t, w.srv.Broadcast(t.Context(), []broadcast.Message{message}), server.ErrClosed)
		assert.EqualValues(t, 1, w.srv.Stats().Published, "what was refused does not count")
		require.ErrorIs(t, w.srv.Ping(t.Context()), server.ErrClosed)
	}, func(c *server.Config) { c.DrainWindow = time.Second })
}

// A page that comes back within the second that 4100 asks for is told it again.
func TestShutdownTurnsAwayThoseWhoComeBack(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		first, last := w.on("news"), w.on("news")
		last.ws.Timeout = time.Minute
		down := make(chan error, 1)
		go func() { down <- w.srv.Shutdown(t.Context()) }()
		first.closed(4100)
		for _, query := range []string{"client=js&version=8.6.0", "client=js&version=10.0.0", "client=java-client&version=2.4.0", "client=js&version=next", ""} {
			w.open("/app/k?protocol=7&" + query).closed(4100)
		}
		w.open("/app/k?protocol=7&client=js&version=7.6.0", "User-Agent", "Mozilla/5.0 (X11; Linux x86_64)").closed(4100)
		// These would take it for the second fault of the network, and give up.
		for _, version := range []string{"4.4.0", "7.6.0"} {
			conn, err := w.dial()
			require.NoError(t, err)
			_, err = wstest.Dial(conn, wstest.NewRequest("/app/k?protocol=7&client=js&version="+version))
			var refused *wstest.RefusedError
			require.ErrorAs(t, err, &refused)
			assert.Equal(t, 503, refused.Status)
			require.NoError(t, conn.Close())
		}
		last.closed(4100)
		require.NoError(t, first.ws.Close())
		require.NoError(t, last.ws.Close())
		require.NoError(t, <-down)
	}, func(c *server.Config) { c.DrainWindow = time.Second })
	inBubble(t, func(t *testing.T, w *site) {
		start := time.Now()
		require.NoError(t, w.srv.Shutdown(t.Context()))
		assert.Zero(t, time.Since(start), "nobody is there to wait for")
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
		p.closed(4100)
		_, err := p.ws.Read()
		require.ErrorIs(t, err, io.EOF)
		require.NoError(t, w.srv.Shutdown(t.Context()), "and again waits for what is left")
	}, func(c *server.Config) { c.DrainWindow = time.Hour })
}

// A page that does not answer is waited for, but not one after the other of those
// who come meanwhile, or strangers could hold a shutdown up for as long as it
// takes and more.
func TestShutdownIsNotHeldUpByNewcomers(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		w.on("news") // and is silent from now on
		start := time.Now()
		down := make(chan error)
		go func() { down <- w.srv.Shutdown(t.Context()) }()
		for range 48 {
			pass(100 * time.Millisecond)
			w.open(w.path) // and so is this
		}
		require.NoError(t, <-down)
		assert.LessOrEqual(t, time.Since(start), 6*time.Second)
	})
}

func TestShutdownTwice(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("news")
		go func() { p.closed(4100) }()
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() { assert.NoError(t, w.srv.Shutdown(t.Context())) })
		}
		both.Wait()
		assert.NoError(t, w.srv.Shutdown(t.Context()))
	})
}

// A server that ends while a request to publish arrives says so, and does not
// take for published what nobody was told.
func TestShutdownWhileBodiesArrive(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t)
		bodies := map[string]string{
			"/apps/1/events":               `{"name":"e","channel":"a","data":"","info":"subscription_count"}`,
			"/apps/1/batch_events":         `{"batch":[{"name":"e","channel":"a","data":""},{"name":"e","channel":"b","data":""}]}`,
			"/apps/1/channels/news/events": `raw`,
		}
		conns := make(map[string]net.Conn)
		for path, body := range bodies {
			conn, err := a.dial()
			require.NoError(t, err)
			defer conn.Close()
			query := sign("k", "s", "POST", path, []byte(body), time.Now(), "name", "e")
			_, err = fmt.Fprintf(conn, "POST %s?%s HTTP/1.1\r\nHost: api.test\r\nContent-Length: %d\r\n\r\n", path, query, len(body))
			require.NoError(t, err)
			conns[path] = conn
		}
		synctest.Wait() // until only the bodies are missing
		require.NoError(t, a.srv.Shutdown(t.Context()))
		for path, body := range bodies {
			_, err := io.WriteString(conns[path], body)
			require.NoError(t, err)
			answer, err := http.ReadResponse(bufio.NewReader(conns[path]), nil)
			require.NoError(t, err)
			assert.Equal(t, 503, answer.StatusCode, path)
			assert.Equal(t, "1", answer.Header.Get("Retry-After"), path)
			text, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			assert.Contains(t, string(text), "shutting down", path)
		}
	})
}

// Users are terminated while their connections, the last of the server, end by
// themselves: nothing begins any more that Shutdown does not wait for, which is
// for the race detector to see.
func TestShutdownDuringTerminate(t *testing.T) {
	t.Parallel()
	for range 60 {
		inBubble(t, func(t *testing.T, w *site) {
			var all sync.WaitGroup
			for range 20 {
				p := w.connect()
				p.signIn(`{"id":"u"}`)
				all.Go(func() { _ = p.ws.Close() })
			}
			for range 4 {
				all.Go(func() {
					for {
						n, err := w.srv.Terminate(t.Context(), "u")
						assert.NoError(t, err)
						if n == 0 {
							return
						}
					}
				})
			}
			require.NoError(t, w.srv.Shutdown(t.Context()))
			all.Wait()
		})
	}
}
