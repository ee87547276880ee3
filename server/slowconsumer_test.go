package server_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

// narrow is a listener on the loopback whose connections buffer little in the
// operating system, so that a page which does not read is soon seen to be slow.
type narrow struct{ net.Listener }

func (l narrow) Accept() (net.Conn, error) {
	nc, err := l.Listener.Accept()
	if err == nil {
		err = nc.(*net.TCPConn).SetWriteBuffer(4 << 10)
	}
	return nc, err
}

// onNarrow returns a server on plain sockets that buffer little, or on TLS over
// such.
func onNarrow(t *testing.T, secure bool, configure ...func(*server.Config)) *site {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener, dial := net.Listener(narrow{plain}), func() (net.Conn, error) { return net.Dial("tcp", plain.Addr().String()) }
	if secure {
		listener, dial = withTLS(t, listener)
	}
	return newSite(t, listener, dial, configure...)
}

// Ten of a hundred pages stop reading. They are closed, counted and logged, the
// others get everything, and who publishes is not held up.
func TestAcceptance59SlowConsumers(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain sockets": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gone := departures{}
			w := onNarrow(t, secure, gone.hook, func(c *server.Config) {
				c.Limits.EventData, c.Limits.Overflow, c.Limits.OverflowTime = 1<<20, 256<<10, time.Minute
			})
			longest := slowConsumers(t, w, &gone, 200_000)
			assert.Less(t, longest, time.Minute/2, "less than a slow page is waited for")
		})
	}
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		gone := departures{}
		inBubble(t, func(t *testing.T, w *site) {
			assert.Zero(t, slowConsumers(t, w, &gone, 10_000), "who publishes does not wait at all")
		}, gone.hook)
	})
}

// departures says of pages when the server is done with them.
type departures struct{ pages sync.Map } // channels to close, by socket id

func (d *departures) hook(c *server.Config) {
	c.Hooks.Disconnected = func(_ context.Context, c server.Connection) {
		if gone, ok := d.pages.Load(c.SocketID); ok {
			close(gone.(chan struct{}))
		}
	}
}

func (d *departures) of(p *page) <-chan struct{} {
	gone := make(chan struct{})
	d.pages.Store(p.socketID, gone)
	return gone
}

// slowConsumers publishes until the slow ones are closed, and returns the
// longest time that it took to publish one event.
func slowConsumers(t *testing.T, w *site, departed *departures, size int) (longest time.Duration) {
	slow, quick := w.pages(10), w.pages(90)
	var ends sync.WaitGroup
	for _, p := range slow {
		gone := departed.of(p)
		ends.Go(func() {
			<-gone // now, since what is left waits for a while only
			p.readsUpTo4100()
		})
	}
	data := strings.Repeat("x", size)
	for events := 0; w.srv.Stats().Slow < 10; events++ {
		require.Less(t, events, 1000)
		begun := time.Now()
		w.broadcast("e", fmt.Sprintf("%d %s", events, data), channel.Public("news"))
		longest = max(longest, time.Since(begun))
		var reading sync.WaitGroup
		for _, p := range quick {
			reading.Go(func() { assert.Equal(t, fmt.Sprint(events), p.number()) })
		}
		reading.Wait()
	}
	ends.Wait()
	for _, p := range quick {
		p.lives()
	}
	assert.EqualValues(t, 10, w.srv.Stats().Slow)
	assert.Equal(t, 10, strings.Count(w.log.String(), "takes events too slowly"))
	assert.Contains(t, w.log.String(), "Limits.Overflow")
	return longest
}

// number reads an event and returns the number that its data begins with, or
// "error".
func (p *page) number() string {
	text, err := p.ws.ReadText()
	if !assert.NoError(p.t, err) {
		return ""
	}
	if strings.Contains(text, "pusher:error") {
		assert.Contains(p.t, text, "4100")
		return "error"
	}
	_, text, _ = strings.Cut(text, `"data":"`)
	text, _, _ = strings.Cut(text, " ")
	return text
}

// readsUpTo4100 reads on where the page stopped: events without a gap, and then
// that it was too slow.
func (p *page) readsUpTo4100() {
	for n := 0; ; n++ {
		switch got := p.number(); got {
		case fmt.Sprint(n):
		case "error":
			f, err := p.ws.Read()
			if assert.NoError(p.t, err) {
				code, _ := f.CloseStatus()
				assert.EqualValues(p.t, 4100, code)
			}
			return
		default:
			assert.Fail(p.t, "a gap", "%q instead of %d", got, n)
			return
		}
	}
}

// A page that takes nothing is closed after OverflowTime also where the server
// writes to the socket itself. Until then it is there for the others.
func TestStalledPageOnSockets(t *testing.T) {
	t.Parallel()
	w := onNarrow(t, false, func(c *server.Config) { c.Limits.OverflowTime = time.Second })
	watcher, p := w.connect(), w.connect()
	watcher.subscribe("presence-r")
	p.subscribeAs("presence-r", `{"user_id":"u"}`)
	watcher.next()
	p.subscribe("news")
	begun := time.Now()
	for range 60 { // more than a socket takes, and less than Overflow
		w.broadcast("e", strings.Repeat("x", 10_000), channel.Public("news"))
	}
	watcher.ws.Timeout = 20 * time.Second
	watcher.hears("pusher_internal:member_removed", "presence-r", `{"user_id":"u"}`)
	assert.Greater(t, time.Since(begun), time.Second)
	assert.EqualValues(t, 1, w.srv.Stats().Slow)
	watcher.lives()
}

// However much is published to pages that do not read, what is kept for them is
// bounded. Each has a channel of its own, since they share what is kept of one.
func TestMemoryOfSlowConsumers(t *testing.T) { // not parallel: it counts what the process has
	const pages, events, size = 40, 400, 10_000
	w := onNarrow(t, false, func(c *server.Config) { c.Limits.Overflow, c.Limits.OverflowTime = 100_000, -1 })
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	names := make([]channel.Channel, pages)
	for i := range names {
		names[i] = channel.Public(fmt.Sprint("own-", i))
		w.on(names[i].String())
	}
	before, most := heap(), 0
	for n := range events {
		for _, ch := range names {
			w.broadcast("e", strings.Repeat("x", size), ch)
		}
		if n < 12 || n%40 == 0 {
			most = max(most, heap())
		}
	}
	most = max(most, heap())
	assert.EqualValues(t, pages, w.srv.Stats().Slow+uint64(openPages(w)))
	t.Logf("%d KiB kept at most, of %d KiB published", (most-before)>>10, pages*events*size>>10)
	// What is kept, as much again where slices grow, and what the queues hold.
	assert.Less(t, most-before, pages*2*100_000+8<<20)
}

func openPages(w *site) (n int) {
	for range w.srv.Connections() {
		n++
	}
	return n
}

// Pages that do not read vanish while events wait for them, which the goroutine
// that reads and the one that writes find out at the same time. Nobody else is
// held up by it.
func TestSlowPagesThatVanish(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"plain sockets": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onTCP(t)
			if secure {
				w = onTLS(t)
			}
			var sockets []*net.TCPConn
			dial := w.dial
			w.dial = func() (net.Conn, error) {
				nc, err := dial()
				if err != nil {
					return nil, err
				}
				socket, plain := nc.(*net.TCPConn)
				if !plain {
					socket = nc.(*tls.Conn).NetConn().(*net.TCPConn)
				}
				sockets = append(sockets, socket)
				return nc, nil
			}
			w.pages(50)
			quick := w.on("end")
			data := strings.Repeat("x", 10_000)
			for i, socket := range sockets[:50] {
				require.NoError(t, socket.SetLinger(0)) // closing resets the connection
				for range 500 / (i + 1) {
					w.broadcast("e", data, channel.Public("news"))
				}
				require.NoError(t, socket.Close())
			}
			w.broadcast("end", "", channel.Public("end"))
			quick.hears("end", "end", "")
		})
	}
}

// thinLine is a connection that carries ten kilobytes a second.
type thinLine struct{ net.Conn }

func (l thinLine) Read(b []byte) (int, error) {
	<-time.After(100 * time.Millisecond)
	return l.Conn.Read(b[:min(len(b), 1000)])
}

// What a page takes counts while the event is not over: it takes ten seconds
// for one, and moves all the time.
func TestSlowPageWithLargeEvent(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		w.receiveBuffer(1 << 10)
		dial := w.dial
		w.dial = func() (net.Conn, error) {
			conn, err := dial()
			return thinLine{conn}, err
		}
		p := w.on("news")
		p.ws.Timeout = time.Minute
		start := time.Now()
		data := strings.Repeat("x", 100_000)
		w.broadcast("e", data, channel.Public("news"))
		p.hears("e", "news", data)
		assert.Greater(t, time.Since(start), 9*time.Second)
		p.lives()
	}, func(c *server.Config) { c.Limits.EventData = 100_000 })
}

// TestMessageLargerThanTheOverflow sends pages that read more in one message than
// may wait for them, which would close them each time that they come back.
func TestMessageLargerThanTheOverflow(t *testing.T) {
	t.Parallel()
	const size = 2 << 20
	for name, secure := range map[string]bool{"plain sockets": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := onNarrow(t, secure, func(c *server.Config) { c.Limits.EventData, c.Limits.Overflow = size, 64<<10 })
			p := w.on("a")
			w.broadcast("e", strings.Repeat("x", size), channel.Public("a"))
			w.broadcast("e", strings.Repeat("y", 32<<10), channel.Public("a"))
			assert.Len(t, p.next().data(t), size)
			assert.Len(t, p.next().data(t), 32<<10)
			p.lives()
		})
	}
}
