package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/server"
)

// api is a server with a client for its HTTP API.
type api struct {
	*site
	client *http.Client
	prefix string
}

// newAPI returns a server on a network in memory.
func newAPI(t *testing.T, configure ...func(*server.Config)) *api {
	t.Helper()
	listener := memnet.Listen()
	dial := func() (net.Conn, error) { return listener.Dial(t.Context()) }
	prefix := ""
	a := apiOf(newSite(t, listener, dial, append(configure, func(c *server.Config) { prefix = c.Prefix })...))
	a.prefix, a.path = prefix, prefix+a.path
	return a
}

// apiOf returns the site with a client for its HTTP API.
func apiOf(w *site) *api {
	dial := w.dial
	transport := &http.Transport{
		DialContext:        func(context.Context, string, string) (net.Conn, error) { return dial() },
		DisableCompression: true,
	}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &api{site: w, client: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
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
	assert.Equal(t, "nosniff", g.header.Get("X-Content-Type-Options"))
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

// subscribe connects and subscribes, to a presence channel as the user "u".
func (a *api) subscribe(channels ...string) *page {
	a.t.Helper()
	p := a.connect()
	for _, ch := range channels {
		if strings.HasPrefix(ch, "presence-") {
			p.subscribeAs(ch, `{"user_id":"u"}`)
		} else {
			p.subscribe(ch)
		}
		if strings.Contains(ch, "cache-") {
			p.hears("pusher:cache_miss", ch, "{}")
		}
	}
	return p
}

// hearsNothing checks that nothing was delivered so far on any of the channels,
// by an event that is.
func (p *page) hearsNothing(a *api, channels ...string) {
	p.t.Helper()
	a.post(p.t, "/events", `{"name":"later","data":"","channels":`+jsonText(p.t, channels)+`}`).ok(p.t, `{}`)
	for range channels {
		f := p.next()
		require.Equal(p.t, "later", f.Event, "on %s: %s", f.Channel, f.Data)
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
