package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// BenchmarkFanOut broadcasts one event of 200 bytes to all pages at a time, and
// waits until they have it. Client and server share the process: what a
// delivery costs beside a bare write, make bench tells.
func BenchmarkFanOut(b *testing.B) {
	for _, network := range []string{"plain", "TLS"} {
		for _, pages := range []int{1, 100, 1000} {
			b.Run(fmt.Sprintf("%s/%d", network, pages), func(b *testing.B) {
				got := &receipt{all: make(chan struct{}, 1)}
				srv := crowd(b, network == "TLS", pages, got)
				message := news(strings.Repeat("x", 200))
				size := int64(len(`{"event":"e","channel":"news","data":""}`) + 200 + 4)
				b.ReportAllocs()
				for b.Loop() {
					got.missing.Add(size * int64(pages))
					if err := srv.Broadcast(b.Context(), message); err != nil {
						b.Fatal(err)
					}
					<-got.all
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*pages), "ns/delivery")
			})
		}
	}
}

// receipt counts what pages receive, down from what they are to.
type receipt struct {
	missing atomic.Int64
	all     chan struct{}
}

func (r *receipt) Write(p []byte) (int, error) {
	if r.missing.Add(-int64(len(p))) == 0 {
		r.all <- struct{}{}
	}
	return len(p), nil
}

// crowd serves that many pages on the channel news, whose events go to got.
func crowd(b *testing.B, secure bool, pages int, got *receipt) *server.Server {
	srv, err := server.New(server.Config{App: testApp, DrainWindow: -1, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(b, err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	dial := func() (net.Conn, error) { return net.Dial("tcp", listener.Addr().String()) }
	accept := net.Listener(listener)
	if secure {
		accept, dial = withTLS(b, listener)
	}
	web := &http.Server{Handler: srv, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go web.Serve(accept)
	b.Cleanup(func() {
		require.NoError(b, srv.Shutdown(context.WithoutCancel(b.Context())))
		require.NoError(b, web.Close())
	})
	for range pages {
		conn, err := dial()
		require.NoError(b, err)
		ws, err := wstest.Dial(conn, wstest.NewRequest("/app/k?protocol=7"))
		require.NoError(b, err)
		require.NoError(b, ws.Write(wstest.Text(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)))
		for text := ""; !strings.Contains(text, "subscription_succeeded"); {
			text, err = ws.ReadText()
			require.NoError(b, err)
		}
		require.NoError(b, conn.SetDeadline(time.Time{}))
		go func() {
			_, _ = io.Copy(got, conn) // until the server closes
			_ = conn.Close()
		}()
	}
	return srv
}
