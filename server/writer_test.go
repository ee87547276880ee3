package server_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/server"
)

// pages returns n pages on the channel news.
func (w *site) pages(n int) []*page {
	pages := make([]*page, n)
	for i := range pages {
		pages[i] = w.on("news")
	}
	return pages
}

// receiveBuffer is the bytes that wait before the pages that connect from now
// on. The site is in a bubble.
func (w *site) receiveBuffer(size int) {
	dial := w.dial
	w.dial = func() (net.Conn, error) {
		conn, err := dial()
		if err != nil {
			return nil, err
		}
		return conn, conn.(*memnet.Conn).SetReadBuffer(size)
	}
}

// A page that takes nothing for five seconds is closed however little waits.
func TestStalledPage(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		w.receiveBuffer(4 << 10)
		watcher, p := w.connect(), w.connect()
		watcher.subscribe("presence-r")
		p.subscribeAs("presence-r", `{"user_id":"u"}`)
		watcher.next()
		p.subscribe("news")
		w.broadcast("e", strings.Repeat("x", 10_000), channel.Public("news"))
		start := time.Now()
		watcher.ws.Timeout = time.Minute
		watcher.hears("pusher_internal:member_removed", "presence-r", `{"user_id":"u"}`)
		assert.InDelta(t, 6, time.Since(start).Seconds(), 1)
		p.next()
		p.closed(4100)
		assert.EqualValues(t, 1, w.srv.Stats().Slow)
	})
}

// A page that is slow and takes something every two seconds is not closed.
func TestSlowPageThatMoves(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		w.receiveBuffer(1 << 10)
		p := w.on("news")
		for i := range 20 {
			w.broadcast("e", fmt.Sprint(i, strings.Repeat("x", 9_000)), channel.Public("news"))
		}
		for i := range 20 {
			pass(2 * time.Second)
			p.hears("e", "news", fmt.Sprint(i, strings.Repeat("x", 9_000)))
		}
		p.lives()
	})
}

// onTLS returns a server on the loopback behind TLS in the same process.
func onTLS(t *testing.T, configure ...func(*server.Config)) *site {
	t.Helper()
	plain, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	listener, dial := withTLS(t, plain)
	return newSite(t, listener, dial, configure...)
}

// withTLS puts TLS in front of the listener, with a certificate of its own.
func withTLS(t testing.TB, plain net.Listener) (net.Listener, func() (net.Conn, error)) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	roots := x509.NewCertPool()
	roots.AddCert(cert)
	listener := tls.NewListener(plain, &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	return listener, func() (net.Conn, error) {
		return tls.Dial("tcp", plain.Addr().String(), &tls.Config{RootCAs: roots})
	}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	w := onTLS(t)
	p, q := w.on("news", "presence-r"), w.on("news")
	for i := range 100 {
		w.broadcast("e", fmt.Sprint(i), channel.Public("news"))
	}
	for i := range 100 {
		p.hears("e", "news", fmt.Sprint(i))
		q.hears("e", "news", fmt.Sprint(i))
	}
	w.open("/app/x?protocol=7").closed(4001)
	require.NoError(t, q.ws.Close())
	p.lives()
}

// Many publish at the same time, to many channels. On every connection the
// events of one publisher come in the order in which they were published, over
// all channels, and all connections get the events of a channel in one order.
func TestOrder(t *testing.T) {
	t.Parallel()
	const publishers, events, channels = 8, 500, 3
	names := []string{"a", "b", "c"}
	for name, w := range map[string]*site{"plain sockets": onTCP(t), "TLS": onTLS(t)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var pages []*page
			for range 12 {
				pages = append(pages, w.on(names...))
			}
			var work sync.WaitGroup
			for id := range publishers {
				work.Go(func() {
					for n := range events {
						m := broadcast.Message{Event: "e", Data: fmt.Sprintf("%d %d", id, n), Channels: []channel.Channel{channel.Public(names[(id+n)%channels])}}
						if n%7 == 0 {
							m.SocketID = pages[0].socketID
						}
						assert.NoError(t, w.srv.Broadcast(t.Context(), []broadcast.Message{m}))
					}
				})
			}
			heard := make([]map[string][]string, len(pages))
			for i, p := range pages {
				heard[i] = make(map[string][]string)
				work.Go(func() { heard[i] = p.hearsAll(publishers, events, i == 0) })
			}
			work.Wait()
			for i := 2; i < len(pages); i++ {
				assert.Equal(t, heard[1], heard[i])
			}
		})
	}
}

// hearsAll reads all events and returns them by channel. excluded says that
// every seventh does not come.
func (p *page) hearsAll(publishers, events int, excluded bool) map[string][]string {
	heard := make(map[string][]string)
	next := make([]int, publishers)
	for range publishers {
		for n := range events {
			if excluded && n%7 == 0 {
				continue
			}
			f := p.next()
			heard[f.Channel] = append(heard[f.Channel], f.data(p.t))
			var id, got int
			_, err := fmt.Sscan(f.data(p.t), &id, &got)
			if !assert.NoError(p.t, err) {
				return nil
			}
			if excluded && next[id]%7 == 0 {
				next[id]++
			}
			if !assert.Equal(p.t, next[id], got, "of publisher %d", id) {
				return nil
			}
			next[id] = got + 1
		}
	}
	return heard
}
