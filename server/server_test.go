package server_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// get makes a plain request.
func (w *site) get(method, path string) (status int, header http.Header, body string) {
	w.t.Helper()
	conn, err := w.dial()
	require.NoError(w.t, err)
	defer conn.Close()
	_, err = fmt.Fprintf(conn, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", method, path)
	require.NoError(w.t, err)
	answer, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	require.NoError(w.t, err)
	b, err := io.ReadAll(answer.Body)
	require.NoError(w.t, err)
	return answer.StatusCode, answer.Header, string(b)
}

func TestUp(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		status, header, body := w.get("GET", "/ws/up")
		assert.Equal(t, 200, status)
		assert.Equal(t, "{}", body)
		assert.Equal(t, "no-store", header.Get("Cache-Control"))
		status, _, body = w.get("HEAD", "/ws/up")
		assert.Equal(t, 200, status)
		assert.Empty(t, body)
		status, header, _ = w.get("POST", "/ws/up")
		assert.Equal(t, 405, status)
		assert.Equal(t, "GET, HEAD", header.Get("Allow"))
		require.NoError(t, w.srv.Shutdown(t.Context()))
		status, _, _ = w.get("GET", "/ws/up")
		assert.Equal(t, 503, status)
		status, _, _ = w.get("GET", "/ws/app/k?protocol=7")
		assert.Equal(t, 503, status, "nobody is left to take a connection over")
	}, func(c *server.Config) { c.Prefix = "/ws" })
}

func TestUnknownPaths(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		for _, path := range []string{"/", "/ws", "/ws/", "/up", "/app/k?protocol=7", "/ws/application", "/ws/appk", "/wsapp/k"} {
			status, header, body := w.get("GET", path)
			assert.Equal(t, 404, status, path)
			assert.Equal(t, "application/json", header.Get("Content-Type"))
			assert.Contains(t, body, "/ws/app/{key}")
		}
		status, header, _ := w.get("GET", "/ws/app/k?protocol=7")
		assert.Equal(t, 426, status, "not a WebSocket")
		assert.Equal(t, "websocket", header.Get("Upgrade"))
	}, func(c *server.Config) { c.Prefix = "/ws" })
}

// What a client sends without waiting for the handshake is not lost.
func TestFramesAheadOfTheHandshake(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/app/k?protocol=7", "/app/x?protocol=7"} {
		inBubble(t, func(t *testing.T, w *site) {
			conn, err := w.dial()
			require.NoError(t, err)
			ws, err := wstest.Dial(conn, wstest.NewRequest(path),
				wstest.Text(`{"event":"pusher:subscribe","data":{"channel":"news"}}`), wstest.Text(`{"event":"pusher:ping"}`))
			require.NoError(t, err)
			defer ws.Close()
			p := &page{t: t, ws: ws}
			if strings.HasPrefix(path, "/app/x") {
				p.closed(4001)
				return
			}
			p.hello()
			p.hears("pusher_internal:subscription_succeeded", "news", "{}")
			p.hears("pusher:pong", "", "{}")
		})
	}
}

// A client that closes is answered with its own code, which makes the end a clean
// one, and then nothing keeps the socket open.
func TestCloseIsAnswered(t *testing.T) {
	t.Parallel()
	for name, closing := range map[string]struct {
		frame wstest.Frame
		code  int
	}{
		"as browsers do":   {wstest.Close(1000, ""), 1000},
		"with a reason":    {wstest.Close(1001, "going away"), 1001},
		"with an own code": {wstest.Close(4123, ""), 4123},
		"without a code":   {wstest.Frame{Opcode: wstest.OpClose}, 1005},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *site) {
				watcher, p := w.on("presence-r"), w.on("presence-r")
				watcher.next()
				start := time.Now()
				require.NoError(t, p.ws.Write(closing.frame))
				p.closeFrame(closing.code)
				assert.Equal(t, "pusher_internal:member_removed", watcher.next().Event)
				assert.Zero(t, time.Since(start))
				p.ws.Timeout = time.Minute
				_, err := p.ws.Read()
				require.ErrorIs(t, err, io.EOF)
				assert.LessOrEqual(t, time.Since(start), 5*time.Second)
			})
		})
	}
}

func TestUnixSocket(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "socket")
	listener, err := net.Listen("unix", path)
	require.NoError(t, err)
	w := newSite(t, listener, func() (net.Conn, error) { return net.Dial("unix", path) })
	p := w.on("news")
	w.broadcast("e", "1", channel.Public("news"))
	p.hears("e", "news", "1")
}

// When the server is behind by as much as it buffers, publishers and clients
// wait, and nothing is lost.
func TestBackPressure(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("news")
		synctest.Wait()
		release := server.Occupy(w.srv)
		for i := range server.MaxQueuedTasks {
			w.broadcast("e", fmt.Sprint(i), channel.Public("news"))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, w.srv.Broadcast(ctx, news("late")), context.DeadlineExceeded)
		waiting := make(chan error, 1)
		go func() { waiting <- w.srv.Broadcast(t.Context(), news("last")) }()
		p.send("pusher:ping", map[string]any{})
		synctest.Wait()
		require.Empty(t, waiting)
		release()
		for i := range server.MaxQueuedTasks {
			p.hears("e", "news", fmt.Sprint(i))
		}
		got := []string{p.next().Event, p.next().Event}
		assert.ElementsMatch(t, []string{"e", "pusher:pong"}, got)
		require.NoError(t, <-waiting)
		p.lives()
	})
}

// After a Shutdown that is cut short nobody is left.
func TestCutOff(t *testing.T) {
	t.Parallel()
	w := onTCP(t, func(c *server.Config) { c.DrainWindow = time.Hour })
	for range 200 { // of which few are closed in good order within the time
		w.on("news")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, w.srv.Shutdown(ctx), context.DeadlineExceeded)
	again, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	require.NoError(t, w.srv.Shutdown(again))
	assert.Zero(t, w.srv.Stats().Open)
}
