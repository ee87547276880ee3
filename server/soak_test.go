package server_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// The tests of this file are not parallel: they count what the process has.

// holdings is what connections cost the process.
type holdings struct {
	goroutines, descriptors int
	heap                    uint64
}

func (h holdings) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %d KiB of heap", h.goroutines, h.descriptors, h.heap>>10)
}

// count counts all but the heap. It leaves the collector alone, which would
// close what the server forgot to.
func (h *holdings) count() {
	fds, _ := os.ReadDir("/proc/self/fd") // on Linux only; elsewhere there are always none
	h.goroutines, h.descriptors = runtime.NumGoroutine(), len(fds)
}

func (h *holdings) weigh() {
	runtime.GC()
	runtime.GC() // empties the pools
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	h.heap = m.HeapAlloc
}

func measure() (h holdings) {
	h.weigh()
	h.count()
	return h
}

// givenBack waits until the process has no more than before.
func givenBack(t *testing.T, before holdings) {
	t.Helper()
	percent := debug.SetGCPercent(-1)
	var now holdings
	now.count()
	poll := time.NewTicker(10 * time.Millisecond) // Eventually has goroutines of its own
	defer poll.Stop()
	for range 2000 {
		if now.goroutines <= before.goroutines && now.descriptors <= before.descriptors {
			break
		}
		<-poll.C
		now.count()
	}
	debug.SetGCPercent(percent)
	now.weigh()
	t.Logf("before: %s; after: %s", before, now)
	assert.LessOrEqual(t, now.goroutines, before.goroutines)
	assert.LessOrEqual(t, now.descriptors, before.descriptors)
	assert.LessOrEqual(t, now.heap, before.heap+256<<10)
}

// What connections take is given back: goroutines, descriptors and memory.
func TestCycles(t *testing.T) {
	w := onTCP(t, func(c *server.Config) { c.WatchlistGrace = -1 })
	cycle := func(n int) {
		var work sync.WaitGroup
		for worker := range 10 {
			work.Go(func() {
				for i := range n / 10 {
					p := w.visit(w.path)
					p.hello()
					for _, ch := range []string{"news", fmt.Sprint("private-", worker), fmt.Sprint("presence-", worker, "-", i)} {
						p.subscribe(ch)
					}
					switch i % 3 {
					case 0: // in good order
						p.send("pusher:unsubscribe", map[string]any{"channel": "news"})
						p.lives()
					case 1:
						p.signIn(fmt.Sprintf(`{"id":"u%d-%d","watchlist":["v%[1]d-%[2]d"]}`, worker, i))
					}
					assert.NoError(t, p.ws.Close())
				}
			})
		}
		work.Wait()
		require.Eventually(t, func() bool { return w.srv.Stats().Open == 0 }, 10*time.Second, time.Millisecond)
	}
	cycle(500)
	before := measure()
	cycle(5000)
	givenBack(t, before)
	assert.Empty(t, slices.Collect(w.srv.Channels()))
	assert.EqualValues(t, 5500, w.srv.Stats().Connections)
}

// failures are the ways in which a connection comes to nothing. w has room for
// connections and full has none.
func failures(w, full *site) []func(nc net.Conn) error {
	shake := func(nc net.Conn, path string, header ...string) (*wstest.Client, error) {
		r := wstest.NewRequest(path)
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		return wstest.Dial(nc, r)
	}
	turnedAway := func(nc net.Conn, path string, header ...string) error {
		ws, err := shake(nc, path, header...)
		for err == nil {
			_, err = ws.ReadText() // up to the close frame, which it answers
		}
		if _, closed := err.(*wstest.ClosedError); !closed {
			return err
		}
		return nil
	}
	sends := func(nc net.Conn, text string) error {
		_, err := io.WriteString(nc, text)
		return err
	}
	then := func(nc net.Conn, frame []byte) error {
		ws, err := shake(nc, w.path)
		if err == nil {
			err = ws.WriteRaw(frame)
		}
		return err
	}
	return []func(net.Conn) error{
		func(nc net.Conn) error { return turnedAway(nc, "/app/unknown?protocol=7") },
		func(nc net.Conn) error { return turnedAway(nc, w.path, "Origin", "https://evil.example") },
		func(nc net.Conn) error { return turnedAway(nc, "/app/k") },
		func(net.Conn) error {
			nc, err := full.dial()
			if err == nil {
				err = turnedAway(nc, full.path)
				_ = nc.Close()
			}
			return err
		},
		func(nc net.Conn) error { _, err := shake(nc, "/app/unknown?protocol=7"); return err }, // and goes without reading why
		func(net.Conn) error { return nil },
		func(nc net.Conn) error { return sends(nc, "GET "+w.path+" HTTP/1.1\r\nHost: h\r\nUpgra") },
		func(nc net.Conn) error {
			if err := sends(nc, "GET "+w.path+" HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"); err != nil {
				return err
			}
			_, err := io.Copy(io.Discard, nc)
			return err
		},
		func(nc net.Conn) error { return then(nc, []byte{0x81}) },
		func(nc net.Conn) error {
			return then(nc, wstest.Frame{Opcode: wstest.OpText, Unmasked: true}.Append(nil))
		},
		func(nc net.Conn) error {
			return then(nc, wstest.Text(`{"event":"pusher:subscribe","data":{"channel":"news"}}`).Append(nil))
		},
		func(nc net.Conn) error { return then(nc, nil) },
	}
}

// Connections that are refused, broken off at any point, or that go dead without
// a word cost nothing for long either.
func TestCyclesOfFailures(t *testing.T) {
	w := onTCP(t, func(c *server.Config) { c.ActivityTimeout, c.PongWait = time.Second, time.Second })
	full := onTCP(t, func(c *server.Config) { c.Limits.Connections = 1 })
	only := full.connect()
	ways := failures(w, full)
	cycle := func(n, deads int) {
		var dead []net.Conn
		for range deads {
			nc, err := w.dial()
			require.NoError(t, err)
			_, err = wstest.Dial(nc, wstest.NewRequest(w.path))
			require.NoError(t, err)
			dead = append(dead, nc) // which neither reads nor closes
		}
		var work sync.WaitGroup
		for worker := range 10 {
			work.Go(func() {
				for i := worker; i < n; i += 10 {
					nc, err := w.dial()
					if !assert.NoError(t, err) {
						return
					}
					way := i / 10 % len(ways)
					assert.NoError(t, ways[way](nc), "way %d", way)
					if i/10/len(ways)%2 == 0 {
						assert.NoError(t, nc.(*net.TCPConn).SetLinger(0)) // ends with a reset
					}
					_ = nc.Close()
				}
			})
		}
		work.Wait()
		// The dead ones are pinged, closed and in the end cut off.
		require.Eventually(t, func() bool { return w.srv.Stats().Open == 0 }, 20*time.Second, 10*time.Millisecond)
		for _, nc := range dead {
			assert.NoError(t, nc.SetReadDeadline(time.Now().Add(20*time.Second)))
			_, err := io.Copy(io.Discard, nc)
			assert.NoError(t, err, "up to the end that the server makes")
			assert.NoError(t, nc.Close())
		}
	}
	cycle(500, 0)
	before := measure()
	cycle(5000, 100)
	givenBack(t, before)
	require.NoError(t, only.ws.Close())
	require.Eventually(t, func() bool { return full.open(full.path).next().Event == "pusher:connection_established" }, 20*time.Second, 10*time.Millisecond,
		"the place of the only one is free, whoever was refused")
}

// undecided is an authorizer that comes to no decision.
type undecided struct{}

func (undecided) Identify(*http.Request) (auth.Identity, error) { return nil, nil }

func (undecided) Authorize(ctx context.Context, _ auth.Identity, _ string, _ channel.Channel) (*auth.Grant, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (undecided) AuthorizeUser(ctx context.Context, _ auth.Identity, _ string) (*auth.UserGrant, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

// After Shutdown nothing of the server is left, whatever the pages were doing:
// those that read came to know why, and those that do not were not waited for
// longer than they may take.
func TestShutdownGivesBack(t *testing.T) {
	before := measure()
	w := onTCP(t, func(c *server.Config) {
		c.DrainWindow, c.WatchlistGrace = 300*time.Millisecond, -1
		c.Authorizer, c.RuleTimeout, c.Limits.PresenceMembers = undecided{}, time.Second, -1
	})
	var told sync.WaitGroup
	for i := range 150 {
		p := w.on("news", "presence-r")
		switch i % 3 {
		case 0: // does not read, with more than its socket takes waiting
			p.subscribe("deaf")
		case 1:
			p.send("pusher:subscribe", map[string]any{"channel": "private-a"}) // is being decided
			fallthrough
		default:
			p.ws.Timeout = 20 * time.Second
			told.Go(func() {
				text, err := "", error(nil)
				for err == nil {
					text, err = p.ws.ReadText()
				}
				closed, ok := err.(*wstest.ClosedError)
				if assert.True(t, ok, "%v after %s", err, text) {
					assert.EqualValues(t, 4100, closed.Code)
				}
			})
		}
	}
	for range 80 {
		w.broadcast("e", strings.Repeat("x", 10_000), channel.Public("deaf"))
	}
	require.NoError(t, w.srv.Shutdown(t.Context()))
	told.Wait()
	assert.Zero(t, w.srv.Stats().Open)
	require.ErrorIs(t, w.srv.Broadcast(t.Context(), news("late")), server.ErrClosed)
	after := measure()
	// The http.Server has its listener and one goroutine, and the pages their
	// ends of the connections.
	assert.LessOrEqual(t, after.goroutines, before.goroutines+1)
	if after.descriptors > 0 {
		assert.LessOrEqual(t, after.descriptors, before.descriptors+150+1)
	}
}
