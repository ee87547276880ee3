package memnet_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/memnet"
)

// bubble runs test in a bubble with two ends of a connection, closed at its end.
func bubble(t *testing.T, test func(t *testing.T, a, b *memnet.Conn)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := memnet.Pipe()
		test(t, a, b)
		assert.NoError(t, a.Close())
		assert.NoError(t, b.Close())
	})
}

// result is what a read or write returned.
type result struct {
	n   int
	err error
}

// inBackground calls op in a goroutine; the channel is filled when op returns.
func inBackground(op func([]byte) (int, error), b []byte) <-chan result {
	done := make(chan result, 1)
	go func() {
		n, err := op(b)
		done <- result{n, err}
	}()
	return done
}

func requireWaiting(t *testing.T, done <-chan result) {
	t.Helper()
	synctest.Wait()
	select {
	case r := <-done:
		require.Fail(t, "did not wait", "%d, %v", r.n, r.err)
	default:
	}
}

func requireDone(t *testing.T, done <-chan result) result {
	t.Helper()
	synctest.Wait()
	select {
	case r := <-done:
		return r
	default:
		require.Fail(t, "still waits")
		return result{}
	}
}

func TestBytesWaitToBeRead(t *testing.T) {
	bubble(t, func(t *testing.T, a, b *memnet.Conn) {
		for _, part := range []string{"one ", "two ", "three"} {
			n, err := io.WriteString(a, part) // no reader, and yet it returns
			require.NoError(t, err)
			require.Equal(t, len(part), n)
		}
		buf := make([]byte, 6)
		n, err := b.Read(buf)
		require.NoError(t, err)
		assert.Equal(t, "one tw", string(buf[:n]))
		n, err = b.Read(buf)
		require.NoError(t, err)
		assert.Equal(t, "o thre", string(buf[:n]))
	})
}

func TestReadWaitsForBytes(t *testing.T) {
	bubble(t, func(t *testing.T, a, b *memnet.Conn) {
		done := inBackground(a.Read, make([]byte, 10))
		requireWaiting(t, done)
		_, err := b.Write([]byte("x"))
		require.NoError(t, err)
		assert.Equal(t, result{1, nil}, requireDone(t, done))
	})
}

func TestSlowReaderFillsTheBuffer(t *testing.T) {
	for _, end := range []string{"set by the reader", "set by the writer"} {
		t.Run(end, func(t *testing.T) {
			bubble(t, func(t *testing.T, a, b *memnet.Conn) {
				if end == "set by the reader" {
					require.NoError(t, b.SetReadBuffer(10))
				} else {
					require.NoError(t, a.SetWriteBuffer(10))
				}
				done := inBackground(a.Write, []byte(strings.Repeat("x", 25)))
				buf := make([]byte, 100)
				for range 2 {
					requireWaiting(t, done)
					n, err := b.Read(buf)
					require.NoError(t, err)
					assert.Equal(t, 10, n)
				}
				assert.Equal(t, result{25, nil}, requireDone(t, done))

				other := inBackground(b.Write, make([]byte, memnet.DefaultBuffer))
				assert.Equal(t, result{memnet.DefaultBuffer, nil}, requireDone(t, other), "the other direction is as it was")
			})
		})
	}
	t.Run("a larger buffer lets the writer go on", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b *memnet.Conn) {
			done := inBackground(a.Write, make([]byte, memnet.DefaultBuffer+1))
			requireWaiting(t, done)
			require.NoError(t, b.SetReadBuffer(memnet.DefaultBuffer+1))
			requireDone(t, done)
		})
	})
}

func TestConcurrentWritesDoNotMix(t *testing.T) {
	bubble(t, func(t *testing.T, a, b *memnet.Conn) {
		require.NoError(t, b.SetReadBuffer(7))
		var writers sync.WaitGroup
		for _, letter := range []string{"a", "b", "c"} {
			writers.Go(func() {
				_, err := io.WriteString(a, strings.Repeat(letter, 20))
				assert.NoError(t, err)
			})
		}
		all := make([]byte, 60)
		_, err := io.ReadFull(b, all)
		require.NoError(t, err)
		writers.Wait()
		for i := range 3 {
			part := string(all[20*i : 20*i+20])
			assert.Equal(t, strings.Repeat(part[:1], 20), part)
		}
	})
}

func TestDeadlines(t *testing.T) {
	t.Run("a read ends at its time", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, _ *memnet.Conn) {
			start := time.Now()
			require.NoError(t, a.SetReadDeadline(start.Add(3*time.Second)))
			_, err := a.Read(make([]byte, 1))
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
			timeout, ok := errors.AsType[net.Error](err)
			require.True(t, ok)
			assert.True(t, timeout.Timeout())
			assert.Equal(t, 3*time.Second, time.Since(start))
		})
	})
	t.Run("a write ends at its time with what it could write", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, _ *memnet.Conn) {
			require.NoError(t, a.SetWriteBuffer(10))
			require.NoError(t, a.SetWriteDeadline(time.Now().Add(time.Second)))
			n, err := a.Write(make([]byte, 15))
			assert.Equal(t, 10, n)
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded)
		})
	})
	t.Run("a deadline in the past wakes who waits", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, _ *memnet.Conn) {
			done := inBackground(a.Read, make([]byte, 1))
			requireWaiting(t, done)
			require.NoError(t, a.SetDeadline(time.Unix(1, 0)))
			assert.ErrorIs(t, requireDone(t, done).err, os.ErrDeadlineExceeded)
		})
	})
	t.Run("a deadline can be moved and taken away", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b *memnet.Conn) {
			require.NoError(t, a.SetReadDeadline(time.Now().Add(time.Second)))
			done := inBackground(a.Read, make([]byte, 1))
			require.NoError(t, a.SetReadDeadline(time.Now().Add(time.Minute)))
			<-time.After(2 * time.Second)
			requireWaiting(t, done)
			require.NoError(t, a.SetReadDeadline(time.Time{}))
			<-time.After(time.Hour)
			requireWaiting(t, done)
			_, err := b.Write([]byte("x"))
			require.NoError(t, err)
			require.NoError(t, requireDone(t, done).err)
		})
	})
	t.Run("after a deadline reading can go on", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b *memnet.Conn) {
			require.NoError(t, a.SetDeadline(time.Now().Add(-1)))
			_, err := b.Write([]byte("x"))
			require.NoError(t, err)
			_, err = a.Read(make([]byte, 1))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded, "even if there is something to read")
			_, err = a.Write([]byte("x"))
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			require.NoError(t, a.SetDeadline(time.Time{}))
			_, err = a.Read(make([]byte, 1))
			require.NoError(t, err)
		})
	})
}

func TestClose(t *testing.T) {
	t.Run("the peer reads to the end", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b *memnet.Conn) {
			_, err := io.WriteString(a, "last words")
			require.NoError(t, err)
			require.NoError(t, a.Close())
			all, err := io.ReadAll(b)
			require.NoError(t, err)
			assert.Equal(t, "last words", string(all))
			_, err = b.Write([]byte("x"))
			assert.ErrorIs(t, err, io.ErrClosedPipe)
		})
	})
	t.Run("who waits at the other end is woken", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, b *memnet.Conn) {
			reading := inBackground(b.Read, make([]byte, 1))
			writing := inBackground(b.Write, make([]byte, memnet.DefaultBuffer+5))
			requireWaiting(t, reading)
			requireWaiting(t, writing)
			require.NoError(t, a.Close())
			assert.Equal(t, result{0, io.EOF}, requireDone(t, reading))
			assert.ErrorIs(t, requireDone(t, writing).err, io.ErrClosedPipe)
		})
	})
	t.Run("who waits at this end is woken", func(t *testing.T) {
		bubble(t, func(t *testing.T, a, _ *memnet.Conn) {
			reading := inBackground(a.Read, make([]byte, 1))
			writing := inBackground(a.Write, make([]byte, memnet.DefaultBuffer+5))
			requireWaiting(t, reading)
			requireWaiting(t, writing)
			require.NoError(t, a.Close())
			assert.ErrorIs(t, requireDone(t, reading).err, net.ErrClosed)
			got := requireDone(t, writing)
			assert.ErrorIs(t, got.err, net.ErrClosed)
			assert.Equal(t, memnet.DefaultBuffer, got.n)
			assert.ErrorIs(t, a.SetDeadline(time.Now()), net.ErrClosed)
		})
	})
}

// An http.Server and its client live in a bubble: requests, kept connections, a
// hijack, a timeout by the clock, and an orderly end.
func TestServeHTTP(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		listener := memnet.Listen()
		mux := http.NewServeMux()
		mux.HandleFunc("GET /from", func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.RemoteAddr) })
		mux.HandleFunc("GET /hijack", func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := http.NewResponseController(w).Hijack()
			if assert.NoError(t, err) {
				_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\nraw")
				assert.NoError(t, conn.Close())
			}
		})
		server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second}
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()

		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return listener.Dial(ctx) }}
		client := &http.Client{Transport: transport}
		get := func(path string) string {
			answer, err := client.Get("http://" + listener.Addr().String() + path)
			require.NoError(t, err)
			defer answer.Body.Close()
			body, err := io.ReadAll(answer.Body)
			require.NoError(t, err)
			return string(body)
		}
		first := get("/from")
		host, port, err := net.SplitHostPort(first)
		require.NoError(t, err)
		assert.Equal(t, "127.0.0.1", host)
		assert.Equal(t, "1024", port)
		assert.Equal(t, first, get("/from"), "the connection is kept")
		assert.Equal(t, "raw", get("/hijack"))
		assert.Equal(t, "127.0.0.1:1025", get("/from"), "and this is another")

		silent, err := listener.Dial(t.Context())
		require.NoError(t, err)
		start := time.Now()
		_, err = silent.Read(make([]byte, 1))
		assert.ErrorIs(t, err, io.EOF, "the server closes who sends no request")
		assert.Equal(t, 5*time.Second, time.Since(start))

		transport.CloseIdleConnections()
		require.NoError(t, server.Shutdown(t.Context()))
		assert.ErrorIs(t, <-served, http.ErrServerClosed)
	})
}

func TestDial(t *testing.T) {
	t.Parallel()
	t.Run("waits for Accept, as long as the context allows", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			listener := memnet.Listen()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_, err := listener.Dial(ctx)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		})
	})
	t.Run("a closed listener refuses and ends Accept", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			listener := memnet.Listen()
			accepted := make(chan error, 1)
			go func() {
				_, err := listener.Accept()
				accepted <- err
			}()
			synctest.Wait()
			require.NoError(t, listener.Close())
			require.NoError(t, listener.Close())
			assert.ErrorIs(t, <-accepted, net.ErrClosed)
			_, err := listener.Dial(t.Context())
			assert.ErrorIs(t, err, net.ErrClosed)
		})
	})
}

// Outside of bubbles a connection is as good as any other to the conformance of
// net.Conn: bytes arrive whole and in order, whatever the sizes.
func TestTransfer(t *testing.T) {
	t.Parallel()
	a, b := memnet.Pipe()
	require.NoError(t, b.SetReadBuffer(1000))
	sent := make([]byte, 300_000)
	for i := range sent {
		sent[i] = byte(i * i >> 3)
	}
	go func() {
		for rest := sent; len(rest) > 0; {
			n := min(len(rest), 777)
			if _, err := a.Write(rest[:n]); err != nil {
				break
			}
			rest = rest[n:]
		}
		_ = a.Close()
	}()
	got, err := io.ReadAll(b)
	require.NoError(t, err)
	assert.Equal(t, sent, got)
	require.NoError(t, b.Close())
}
