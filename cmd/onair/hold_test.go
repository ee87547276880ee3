package main_test

import (
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	main "github.com/onairgo/onair/cmd/onair"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// holds are ways to begin what one does not end.
var holds = map[string]func(t *testing.T, conn net.Conn){
	"silence":     func(*testing.T, net.Conn) {},
	"half a head": func(t *testing.T, conn net.Conn) { sends(t, conn, "GET /up HTTP/1.1\r\nHost: h") },
	"no body": func(t *testing.T, conn net.Conn) {
		sends(t, conn, "POST /up HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n")
	},
	"an answer that is not taken": func(t *testing.T, conn net.Conn) {
		many := strings.Repeat("GET /up HTTP/1.1\r\nHost: h\r\n\r\n", 1000)
		for _, err := io.WriteString(conn, many); err == nil; _, err = io.WriteString(conn, many) {
		}
	},
}

// TestNobodyHoldsAConnection has strangers begin what they do not end. Only a
// WebSocket, which the server pings, may stay.
func TestNobodyHoldsAConnection(t *testing.T) {
	t.Parallel()
	for name, hold := range holds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inMemory(t, func(t *testing.T, dial func() net.Conn) {
				conn := dial()
				require.NoError(t, conn.SetDeadline(time.Now().Add(10*time.Minute)))
				start := time.Now()
				hold(t, conn)
				_, _ = io.Copy(io.Discard, conn) // ends with the connection
				assert.LessOrEqual(t, time.Since(start), time.Minute)
			})
		})
	}
	t.Run("a WebSocket", func(t *testing.T) {
		t.Parallel()
		inMemory(t, func(t *testing.T, dial func() net.Conn) {
			c, err := wstest.Dial(dial(), wstest.NewRequest("/app/k?protocol=7"))
			require.NoError(t, err)
			require.Contains(t, next(t, c), "connection_established")
			<-time.After(100 * time.Second)
			require.NoError(t, c.Write(wstest.Text(`{"event":"pusher:ping"}`)))
			require.Contains(t, next(t, c), "pusher:pong")
			require.NoError(t, c.Close())
		})
	})
}

// TestStrangersDoNotHoldUpTheEnd stops the program while somebody begins what is
// never ended. It stops in good order, and in time for process managers.
func TestStrangersDoNotHoldUpTheEnd(t *testing.T) {
	t.Parallel()
	for name, hold := range holds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inMemory(t, func(t *testing.T, dial func() net.Conn) {
				for range 10 {
					conn := dial()
					go hold(t, conn)
				}
				synctest.Wait()
				c, err := wstest.Dial(dial(), wstest.NewRequest("/app/k?protocol=7")) // and does not answer the close frame
				require.NoError(t, err)
				require.Contains(t, next(t, c), "connection_established")
			})
		})
	}
}

func sends(t *testing.T, conn net.Conn, text string) {
	t.Helper()
	_, err := io.WriteString(conn, text)
	require.NoError(t, err)
}

// TestStrangersDoNotFillTheLog has somebody send over and over what is no TLS,
// of which net/http tells each time.
func TestStrangersDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	var log output
	secure := func(l net.Listener) net.Listener { return tls.NewListener(l, &tls.Config{}) }
	logInMemory(t, slog.New(slog.NewTextHandler(&log, nil)), secure, func(t *testing.T, dial func() net.Conn) {
		lines := func() int { return strings.Count(log.String(), "TLS handshake error") }
		comes := func(times int) {
			for range times {
				conn := dial()
				sends(t, conn, "GET / HTTP/1.1\r\n\r\n")
				_, err := io.Copy(io.Discard, conn)
				require.NoError(t, err)
			}
			synctest.Wait()
		}
		comes(500)
		assert.Equal(t, 10, lines())
		<-time.After(time.Minute)
		comes(500)
		assert.Equal(t, 11, lines())
	})
}

// inMemory answers on a network in memory, with a time of its own.
func inMemory(t *testing.T, test func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	plain := func(l net.Listener) net.Listener { return l }
	logInMemory(t, slog.New(slog.DiscardHandler), plain, test)
}

func logInMemory(t *testing.T, log *slog.Logger, listen func(net.Listener) net.Listener, test func(t *testing.T, dial func() net.Conn)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		srv, err := server.New(server.Config{App: auth.App{ID: "1", Key: "k", Secret: "s"}, Logger: log})
		require.NoError(t, err)
		listener := memnet.Listen()
		ctx, stop := context.WithCancel(t.Context())
		stopped := make(chan error)
		go func() { stopped <- main.Serve(ctx, srv, listen(listener), log) }()
		test(t, func() net.Conn {
			conn, err := listener.Dial(t.Context())
			require.NoError(t, err)
			t.Cleanup(func() { _ = conn.Close() })
			return conn
		})
		start := time.Now()
		stop()
		require.NoError(t, <-stopped)
		assert.Less(t, time.Since(start), 9*time.Second)
	})
}
