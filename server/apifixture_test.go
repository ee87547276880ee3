package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// api is a server with an HTTP client for its API, on a network in memory.
type api struct {
	srv      *server.Server
	listener *memnet.Listener
	client   *http.Client
	prefix   string
	log      *logBuffer
}

// newAPI starts a server with the app 1, key k and secret s.
func newAPI(t testing.TB, configure ...func(*server.Config)) *api {
	t.Helper()
	a := &api{listener: memnet.Listen(), log: &logBuffer{}}
	config := server.Config{
		App:         auth.App{ID: "1", Key: "k", Secret: "s"},
		Logger:      slog.New(slog.NewTextHandler(a.log, nil)),
		DrainWindow: -1,
	}
	for _, f := range configure {
		f(&config)
	}
	var err error
	a.srv, err = server.New(config)
	require.NoError(t, err)
	a.prefix = config.Prefix
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			conn, err := a.listener.Dial(ctx)
			if err != nil {
				return nil, err
			}
			return conn, nil
		},
		DisableCompression: true,
	}
	a.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	httpServer := &http.Server{Handler: a.srv, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := httpServer.Serve(a.listener); !errors.Is(err, http.ErrServerClosed) {
			t.Errorf("serve: %v", err)
		}
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		assert.NoError(t, a.srv.Shutdown(context.WithoutCancel(t.Context())))
		assert.NoError(t, httpServer.Close())
		serving.Wait()
	})
	return a
}

// answer is what came back of a request.
type answer struct {
	status int
	header http.Header
	body   string
}

// send sends the request. The query goes out as it is.
func (a *api) send(t testing.TB, method, path, rawQuery string, body []byte, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://api.test"+path, bytes.NewReader(body))
	require.NoError(t, err)
	r.URL.RawQuery = rawQuery
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	return a.do(t, r)
}

func (a *api) do(t testing.TB, r *http.Request) answer {
	t.Helper()
	resp, err := a.client.Do(r)
	require.NoError(t, err)
	defer resp.Body.Close()
	got, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return answer{resp.StatusCode, resp.Header, string(got)}
}

// post sends a signed POST to a path of the app 1, such as "/events".
func (a *api) post(t testing.TB, path, body string, header ...string) answer {
	t.Helper()
	path = a.prefix + "/apps/1" + path
	return a.send(t, "POST", path, sign("k", "s", "POST", path, []byte(body), time.Now()), []byte(body), header...)
}

// get sends a signed GET to a path of the app 1 with the parameters.
func (a *api) get(t testing.TB, path string, params ...string) answer {
	t.Helper()
	path = a.prefix + "/apps/1" + path
	return a.send(t, "GET", path, sign("k", "s", "GET", path, nil, time.Now(), params...), nil)
}

// ok checks that the answer is 200 with the JSON.
func (g answer) ok(t testing.TB, body string) {
	t.Helper()
	assert.Equal(t, 200, g.status, g.body)
	assert.Equal(t, "application/json", g.header.Get("Content-Type"))
	assert.Equal(t, body, g.body)
}

// refused checks that the answer is the status with an error that says all of
// the texts and shows nothing of the inside.
func (g answer) refused(t testing.TB, status int, says ...string) {
	t.Helper()
	assert.Equal(t, status, g.status, g.body)
	assert.Equal(t, "application/json", g.header.Get("Content-Type"))
	var e struct {
		Error string `json:"error"`
		Code  int    `json:"code"`
	}
	require.NoError(t, json.Unmarshal([]byte(g.body), &e), g.body)
	assert.Equal(t, g.status, e.Code)
	assert.NotEmpty(t, e.Error)
	for _, s := range says {
		assert.Contains(t, e.Error, s)
	}
	for _, s := range []string{"server:", "onair", ".go:", "goroutine", "runtime", "nil pointer"} {
		assert.NotContains(t, e.Error, s)
	}
}

// subscriber is a connection that is subscribed to channels.
type subscriber struct {
	ws       *wstest.Client
	socketID string
}

// frame is a message of the server.
type frame struct {
	Event   string          `json:"event"`
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
}

// data returns the event's data, which is a string on the wire.
func (f frame) data(t testing.TB) string {
	t.Helper()
	var s string
	require.NoError(t, json.Unmarshal(f.Data, &s), "%s", f.Data)
	return s
}

// subscribe connects and subscribes; to a presence channel as the user "u".
func (a *api) subscribe(t testing.TB, channels ...string) *subscriber {
	t.Helper()
	conn, err := a.listener.Dial(t.Context())
	require.NoError(t, err)
	ws, err := wstest.Dial(conn, wstest.NewRequest("http://api.test"+a.prefix+"/app/k?protocol=7&client=js"))
	require.NoError(t, err)
	t.Cleanup(func() { _ = ws.Close() })
	s := &subscriber{ws: ws}
	var hello struct {
		SocketID string `json:"socket_id"`
	}
	first := s.read(t)
	require.Equal(t, "pusher:connection_established", first.Event)
	require.NoError(t, json.Unmarshal([]byte(first.data(t)), &hello))
	s.socketID = hello.SocketID
	for _, ch := range channels {
		data := map[string]string{"channel": ch}
		if strings.HasPrefix(ch, "presence-") {
			data["channel_data"] = `{"user_id":"u"}`
			data["auth"] = "k:" + hmacHex("s", s.socketID+":"+ch+":"+data["channel_data"])
		} else if strings.HasPrefix(ch, "private-") {
			data["auth"] = "k:" + hmacHex("s", s.socketID+":"+ch)
		}
		s.write(t, "pusher:subscribe", data)
		require.Equal(t, "pusher_internal:subscription_succeeded", s.read(t).Event, ch)
		if strings.Contains(ch, "cache-") {
			require.Equal(t, "pusher:cache_miss", s.read(t).Event, ch)
		}
	}
	return s
}

// signIn signs the connection in as the user.
func (s *subscriber) signIn(t testing.TB, id string) {
	t.Helper()
	user := jsonText(t, map[string]string{"id": id})
	s.write(t, "pusher:signin", map[string]string{"auth": "k:" + hmacHex("s", s.socketID+"::user::"+user), "user_data": user})
	require.Equal(t, "pusher:signin_success", s.read(t).Event)
}

func (s *subscriber) write(t testing.TB, event string, data any) {
	t.Helper()
	require.NoError(t, s.ws.Write(wstest.Text(jsonText(t, map[string]any{"event": event, "data": data}))))
}

func (s *subscriber) read(t testing.TB) frame {
	t.Helper()
	text, err := s.ws.ReadText()
	require.NoError(t, err)
	var f frame
	require.NoError(t, json.Unmarshal([]byte(text), &f), text)
	return f
}

// hears checks that the next frame is the event on the channel.
func (s *subscriber) hears(t testing.TB, channel, event, data string) {
	t.Helper()
	f := s.read(t)
	assert.Equal(t, []string{channel, event, data}, []string{f.Channel, f.Event, f.data(t)})
}

// hearsNothing checks that nothing was delivered so far on any of the channels,
// by an event that is.
func (s *subscriber) hearsNothing(t testing.TB, a *api, channels ...string) {
	t.Helper()
	a.post(t, "/events", `{"name":"later","data":"","channels":`+jsonText(t, channels)+`}`).ok(t, `{}`)
	for range channels {
		f := s.read(t)
		require.Equal(t, "later", f.Event, "on %s: %s", f.Channel, f.Data)
	}
}

// logBuffer takes the log of a server.
type logBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// isTerminated checks that the server closes the connection for good.
func (s *subscriber) isTerminated(t testing.TB) {
	t.Helper()
	last := s.read(t)
	assert.Equal(t, "pusher:error", last.Event)
	assert.Contains(t, string(last.Data), "4009")
	_, err := s.ws.ReadText()
	closed, ok := errors.AsType[*wstest.ClosedError](err)
	require.True(t, ok, "%v", err)
	assert.EqualValues(t, 4009, closed.Code)
}
