package server_test

import (
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/server"
)

// Pages that do not read vanish while events wait for them, which the goroutine
// that reads and the one that writes find out at the same time. Nobody else is
// held up by it.
func TestSlowPagesThatVanish(t *testing.T) {
	t.Parallel()
	w := onTCP(t)
	var sockets []*net.TCPConn
	dial := w.dial
	w.dial = func() (net.Conn, error) {
		nc, err := dial()
		if err == nil {
			sockets = append(sockets, nc.(*net.TCPConn))
		}
		return nc, err
	}
	w.pages(50)
	quick := w.on("end")
	data := strings.Repeat("x", 10_000)
	for i, nc := range sockets[:50] {
		require.NoError(t, nc.SetLinger(0)) // closing resets the connection
		for range 500 / (i + 1) {
			w.broadcast("e", data, channel.Public("news"))
		}
		require.NoError(t, nc.Close())
	}
	w.broadcast("end", "", channel.Public("end"))
	quick.hears("end", "end", "")
}

// thinLine is a connection that carries ten kilobytes a second.
type thinLine struct{ *memnet.Conn }

func (l thinLine) Read(b []byte) (int, error) {
	<-time.After(100 * time.Millisecond)
	return l.Conn.Read(b[:min(len(b), 1000)])
}

// What a page takes counts while the event is not over: it takes ten seconds
// for one, and moves all the time.
func TestSlowPageWithLargeEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen()
		w := newSite(t, listener, func() (net.Conn, error) {
			conn, err := listener.Dial(t.Context())
			if err != nil {
				return nil, err
			}
			return thinLine{conn}, conn.SetReadBuffer(1 << 10)
		}, func(c *server.Config) { c.Limits.EventData = 100_000 })
		p := w.on("news")
		p.ws.Timeout = time.Minute
		start := time.Now()
		data := strings.Repeat("x", 100_000)
		w.broadcast("e", data, channel.Public("news"))
		p.hears("e", "news", data)
		assert.Greater(t, time.Since(start), 9*time.Second)
		p.lives()
	})
}
