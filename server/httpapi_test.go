package server_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/server"
)

// The data of an event goes out as the bytes that came in, whatever they are.
func TestPublishKeepsData(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("news")
	for _, data := range []string{
		`{"a":"<b>&amp;</b>"}`, `{"a":"\u00e9é\u2028"}`, `{"n":12345678901234567890,"f":1.0,"e":1e2}`, `{not json`, `"`, `\`, " ", "\x00\x1f\x7f", "😀\u2028\u2029", "null", `{"a":1} {"b":2}`,
	} {
		a.post(t, "/events", jsonText(t, map[string]any{"name": "e", "channels": []string{"news"}, "data": data})).ok(t, `{}`)
		sub.hears("e", "news", data)
	}
}

func TestPublishExcludesTheSocket(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sender, other := a.subscribe("news"), a.subscribe("news")
	a.post(t, "/events", `{"name":"e","channel":"news","data":"1","socket_id":"`+sender.socketID+`"}`).ok(t, `{}`)
	other.hears("e", "news", "1")
	sender.hearsNothing(a, "news")
}

// A channel that stands twice gets the event once.
func TestPublishOncePerChannel(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("a", "b")
	a.post(t, "/events", `{"name":"e","channels":["a","b","a"],"data":"1"}`).ok(t, `{}`)
	sub.hears("e", "a", "1")
	sub.hears("e", "b", "1")
	sub.hearsNothing(a, "a", "b")
}

func TestBatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("a", "b")
	a.post(t, "/batch_events", `{"batch":[{"name":"e1","channel":"a","data":"1"},{"name":"e2","channel":"b","data":"2"},{"name":"e3","channel":"a","data":"3"}]}`).ok(t, `{}`)
	sub.hears("e1", "a", "1")
	sub.hears("e2", "b", "2")
	sub.hears("e3", "a", "3")
	a.post(t, "/batch_events", `{"batch":[{"name":"e1","channel":"a","data":"1"},{"name":"pusher:x","channel":"b","data":"2"}]}`).refused(t, 400, "event 1 ")
	sub.hearsNothing(a, "a", "b")
}

func TestChannelsOfUsersAreHidden(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("news")
	sub.signIn(`{"id":"7"}`)
	sub.subscribe("#server-to-user-7")
	a.post(t, "/events", `{"name":"e","channels":["#server-to-user-7"],"data":"1"}`).ok(t, `{}`)
	sub.hears("e", "#server-to-user-7", "1")
	a.get(t, "/channels").ok(t, `{"channels":{"news":{}}}`)
	a.get(t, "/channels", "filter_by_prefix", "#").ok(t, `{"channels":{}}`)
	const path = "/apps/1/channels/#server-to-user-7"
	a.send(t, "GET", "/apps/1/channels/%23server-to-user-7", sign("k", "s", "GET", path, nil, time.Now()), nil).refused(t, 400, "not asked about")
}

func TestCacheOfAChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newAPI(t, func(c *server.Config) { c.Limits.CacheTTL = time.Minute })
		a.get(t, "/channels/cache-score", "info", "cache").ok(t, `{"occupied":false,"cache":null}`)
		a.post(t, "/events", `{"name":"e","channel":"cache-score","data":"{\"a\":1}"}`).ok(t, `{}`)
		a.get(t, "/channels/cache-score", "info", "cache,subscription_count").ok(t, `{"occupied":false,"subscription_count":0,"cache":{"data":"{\"a\":1}","ttl":60}}`)
		<-time.After(59*time.Second + time.Millisecond)
		a.get(t, "/channels/cache-score", "info", "cache").ok(t, `{"occupied":false,"cache":{"data":"{\"a\":1}","ttl":1}}`)
		<-time.After(time.Second)
		a.get(t, "/channels/cache-score", "info", "cache").ok(t, `{"occupied":false,"cache":null}`)
		a.get(t, "/channels/score", "info", "cache").refused(t, 400, "not a cache channel")
		a.get(t, "/channels", "info", "cache").refused(t, 400, "single channel")
	})
}

func TestDeprecatedCalls(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("presence-room")
	body := `{"raw":"<as it is>"}`
	raw := func(body string, params ...string) answer {
		const path = "/apps/1/channels/presence-room/events"
		return a.send(t, "POST", path, sign("k", "s", "POST", path, []byte(body), time.Now(), params...), []byte(body))
	}
	got := raw(body, "name", "e")
	assert.Equal(t, 202, got.status)
	assert.Equal(t, `{}`, got.body)
	sub.hears("e", "presence-room", body)
	raw("", "name", "e", "socket_id", sub.socketID)
	raw(body).refused(t, 400, "name is missing")
	raw(body, "name", "pusher:e").refused(t, 400, "keeps for its own")
	raw(body, "name", "e", "socket_id", "x").refused(t, 400, "socket_id")
	raw("\xff", "name", "e").refused(t, 400, "UTF-8")
	raw(strings.Repeat("x", 10_241), "name", "e").refused(t, 413, "content of this event")
	sub.hearsNothing(a, "presence-room")
	a.get(t, "/channels/presence-room/stats").ok(t, `{"occupied":true,"user_count":1}`)
	a.get(t, "/channels/news/stats").ok(t, `{"occupied":false}`)
}

func TestTerminateConnections(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub, other := a.subscribe(), a.subscribe("news")
	sub.signIn(`{"id":"a b"}`)
	other.signIn(`{"id":"c"}`)
	path := "/apps/1/users/a b/terminate_connections"
	a.send(t, "POST", "/apps/1/users/a%20b/terminate_connections", sign("k", "s", "POST", path, []byte(`{}`), time.Now()), []byte(`{}`)).ok(t, `{}`)
	sub.closed(4009)
	a.send(t, "POST", "/apps/1/users/%ff/terminate_connections", sign("k", "s", "POST", "/apps/1/users/\xff/terminate_connections", nil, time.Now()), nil).refused(t, 400, "UTF-8")
	a.post(t, "/users/nobody/terminate_connections", `{}`).ok(t, `{}`)
	a.post(t, "/users/nobody/terminate_connections", ``).ok(t, `{}`)
	other.hearsNothing(a, "news")
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	tests := []struct {
		method, path string
		status       int
		allow        string
	}{
		{"GET", "/apps/1/events", 405, "POST"},
		{"PUT", "/apps/1/batch_events", 405, "POST"},
		{"POST", "/apps/1/channels", 405, "GET"},
		{"DELETE", "/apps/1/channels/news", 405, "GET"},
		{"OPTIONS", "/apps/1/channels/presence-a/users", 405, "GET"},
		{"GET", "/apps/1/users/7/terminate_connections", 405, "POST"},
		{"GET", "/users/7/terminate_connections", 405, "POST"},
		{"post", "/apps/1/events", 405, "POST"},
		{"GET", "/apps/1/channels/", 404, ""},
		{"POST", "/apps/1/events/", 404, ""},
		{"POST", "/apps/1//events", 404, ""},
		{"POST", "/apps//events", 404, ""},
		{"POST", "/apps/1/event", 404, ""},
		{"POST", "/apps/1/Events", 404, ""},
		{"GET", "/apps/1", 404, ""},
		{"GET", "/apps/1/users", 404, ""},
		{"POST", "/apps/1/users//terminate_connections", 404, ""},
		{"GET", "/apps/1/channels/a/b/users", 404, ""},
		{"GET", "/apps/1/channels/a%2Fb", 404, ""},
		{"GET", "/apps/1/channels/..", 404, ""},
		{"GET", "/apps/1/channels/%2e%2e", 404, ""},
		{"POST", "/apps/./1/events", 404, ""},
		{"POST", "/apps/1/channels/../events", 404, ""},
	}
	for _, tt := range tests {
		body := []byte(nil)
		if tt.method == "POST" {
			body = []byte(`{"name":"e","channel":"news","data":""}`)
		}
		path, err := url.PathUnescape(tt.path)
		require.NoError(t, err)
		got := a.send(t, tt.method, tt.path, sign("k", "s", tt.method, path, body, time.Now()), body)
		assert.Equal(t, tt.status, got.status, "%s %s", tt.method, tt.path)
		assert.Equal(t, tt.allow, got.header.Get("Allow"), "%s %s", tt.method, tt.path)
		got.refused(t, tt.status)
	}
}

func TestPrefix(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(c *server.Config) { c.Prefix = "/realtime" })
	sub := a.subscribe("news")
	body := []byte(`{"name":"e","channel":"news","data":"1"}`)
	send := func(path, signed string) answer {
		return a.send(t, "POST", path, sign("k", "s", "POST", signed, body, time.Now()), body)
	}
	send("/realtime/apps/1/events", "/realtime/apps/1/events").ok(t, `{}`)
	sub.hears("e", "news", "1")
	send("/realtime/apps/1/events", "/apps/1/events").ok(t, `{}`)
	sub.hears("e", "news", "1")
	send("/realtime/apps/1/events", "/other/apps/1/events").refused(t, 401, `POST\n/realtime/apps/1/events\n`)
	got := send("/realtime/users/7/terminate_connections", "/users/7/terminate_connections")
	got.ok(t, `{}`)
	assert.Equal(t, 404, send("/apps/1/events", "/apps/1/events").status, "outside the prefix")
	sub.hearsNothing(a, "news")
}

func TestBodyLimits(t *testing.T) {
	t.Parallel()
	const event = `{"name":"e","channel":"news","data":"x"}`
	t.Run("a body without a length", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		sub := a.subscribe("news")
		chunked := func(body string) answer {
			r, err := http.NewRequestWithContext(t.Context(), "POST", "http://api.test/apps/1/events?"+sign("k", "s", "POST", "/apps/1/events", []byte(body), time.Now()), struct{ io.Reader }{strings.NewReader(body)})
			require.NoError(t, err)
			require.Zero(t, r.ContentLength)
			return a.do(t, r)
		}
		chunked(event).ok(t, `{}`)
		sub.hears("e", "news", "x")
		chunked(event+strings.Repeat(" ", 1<<20)).refused(t, 413, "content of this event")
		sub.hearsNothing(a, "news")
	})
	t.Run("a body that ends early", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t)
		conn, err := a.dial()
		require.NoError(t, err)
		defer conn.Close()
		_, err = fmt.Fprintf(conn, "POST /apps/1/events?%s HTTP/1.1\r\nHost: api.test\r\nTransfer-Encoding: chunked\r\n\r\nnot a length\r\n",
			sign("k", "s", "POST", "/apps/1/events", []byte(event), time.Now()))
		require.NoError(t, err)
		assert.Equal(t, 400, readStatus(t, conn))
	})
	t.Run("limits of one's own", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t, func(c *server.Config) {
			c.Limits = server.Limits{EventData: 4, EventName: 3, ChannelName: 5, Channels: 2, Batch: 1}
		})
		a.post(t, "/events", `{"name":"abc","channels":["abcde","b"],"data":"1234"}`).ok(t, `{}`)
		a.post(t, "/events", `{"name":"abcd","channel":"a","data":""}`).refused(t, 400, "limit is 3")
		a.post(t, "/events", `{"name":"e","channel":"abcdef","data":""}`).refused(t, 400, "limit is 5")
		a.post(t, "/events", `{"name":"e","channel":"a","data":"12345"}`).refused(t, 413, "limit is 4")
		a.post(t, "/events", `{"name":"e","channels":["a","b","c"],"data":""}`).refused(t, 400, "limit is 2")
		a.post(t, "/batch_events", `{"batch":[{"name":"e","channel":"a","data":""},{"name":"e","channel":"a","data":""}]}`).refused(t, 400, "limit is 1")
		a.get(t, "/channels/abcdef").refused(t, 400, "limit is 5")
	})
	t.Run("no limits", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t, func(c *server.Config) {
			c.Limits = server.Limits{EventData: -1, EventName: -1, Channels: -1, Batch: -1}
		})
		sub := a.subscribe("c0")
		name, data := strings.Repeat("e", 1_000), strings.Repeat("x", 200<<10)
		a.post(t, "/events", jsonText(t, map[string]any{"name": name, "channels": numbered("c%d", 1_000), "data": data})).ok(t, `{}`)
		sub.hears(name, "c0", data)
	})
	t.Run("the largest limits", func(t *testing.T) {
		t.Parallel()
		a := newAPI(t, func(c *server.Config) {
			c.Limits = server.Limits{EventData: math.MaxInt, Channels: math.MaxInt, Batch: math.MaxInt}
		})
		sub := a.subscribe("news")
		data := strings.Repeat("x", 200<<10)
		a.post(t, "/events", jsonText(t, map[string]any{"name": "e", "channel": "news", "data": data})).ok(t, `{}`)
		sub.hears("e", "news", data)
	})
}

func TestKeysAndApps(t *testing.T) {
	t.Parallel()
	a := newAPI(t, func(c *server.Config) {
		c.App.Former = []auth.KeyPair{{Key: "old-k", Secret: "old-s"}}
		c.Apps = []auth.App{{ID: "2", Key: "k2", Secret: "s2"}}
		c.Resolve = func(_ context.Context, q server.AppQuery) (auth.App, error) {
			switch {
			case q.ID == "3" || q.Key == "k3":
				return auth.App{ID: "3", Key: "k3", Secret: "s3"}, nil
			case q.ID == "4" || q.Key == "k4":
				return auth.App{}, server.ErrAppDisabled
			case q.ID == "5":
				return auth.App{}, errors.New("database password is hunter2")
			}
			return auth.App{}, server.ErrUnknownApp
		}
	})
	get := func(app, key, secret string) answer {
		path := "/apps/" + app + "/channels"
		return a.send(t, "GET", path, sign(key, secret, "GET", path, nil, time.Now()), nil)
	}
	get("1", "k", "s").ok(t, `{"channels":{}}`)
	get("1", "old-k", "old-s").ok(t, `{"channels":{}}`)
	get("2", "k2", "s2").ok(t, `{"channels":{}}`)
	get("3", "k3", "s3").ok(t, `{"channels":{}}`)
	get("1", "old-k", "s").refused(t, 401, "auth_signature")
	get("1", "k", "old-s").refused(t, 401, "auth_signature")
	get("1", "k2", "s2").refused(t, 401, `"k2"`, `"1"`, "belong together")
	get("3", "k", "s").refused(t, 401, "belong together")
	get("1", "nope", "s").refused(t, 401, "belong together")
	get("9", "k", "s").refused(t, 404, `"9"`, "app id")
	get("4", "k4", "s4").refused(t, 403, "disabled")
	failed := get("5", "k5", "s5")
	failed.refused(t, 500, "log")
	assert.NotContains(t, failed.body, "hunter2")

	terminate := func(key, secret string) answer {
		const path = "/users/7/terminate_connections"
		return a.send(t, "POST", path, sign(key, secret, "POST", path, []byte(`{}`), time.Now()), []byte(`{}`))
	}
	terminate("k2", "s2").ok(t, `{}`)
	terminate("old-k", "old-s").ok(t, `{}`)
	terminate("k3", "s3").ok(t, `{}`)
	terminate("nope", "s").refused(t, 401, "auth_key")
	terminate("k4", "s4").refused(t, 403, "disabled")
	terminate("k", "s2").refused(t, 401, "auth_signature")
}

func TestSkewIsLogged(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sent := time.Now().Add(-time.Hour)
	path := "/apps/1/channels"
	a.send(t, "GET", path, sign("k", "s", "GET", path, nil, sent), nil).refused(t, 401, sent.UTC().Format(time.RFC3339), "clock")
	assert.Contains(t, a.log.String(), sent.UTC().Format(time.RFC3339))
	assert.Contains(t, a.log.String(), "server_time=")
	before := a.log.String()
	a.send(t, "GET", path, sign("k", "s", "GET", path, nil, sent), nil).refused(t, 401, "clock")
	assert.Equal(t, before, a.log.String(), "once a minute is enough")
	a.send(t, "GET", path, sign("k", "wrong", "GET", path, nil, sent), nil).refused(t, 401, "auth_signature")
	assert.Equal(t, before, a.log.String(), "a stranger writes nothing into the log")
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	sub := a.subscribe("a", "b")
	const event = `{"name":"e","channel":"a","data":"1","info":"subscription_count"}`
	const first = `{"channels":{"a":{"subscription_count":1}}}`
	got := a.post(t, "/events", event, "X-Idempotency-Key", "k-1")
	got.ok(t, first)
	assert.Empty(t, got.header.Get(server.IdempotencyReplayed))
	sub.hears("e", "a", "1")

	a.subscribe("a") // would count in a new answer
	got = a.post(t, "/events", event, "X-Idempotency-Key", "k-1")
	got.ok(t, first)
	assert.Equal(t, "true", got.header.Get(server.IdempotencyReplayed))
	sub.hearsNothing(a, "a")

	a.post(t, "/events", `{"name":"e","channel":"b","data":"1"}`, "X-Idempotency-Key", "k-1").refused(t, 422, "key of its own")
	a.post(t, "/batch_events", event, "X-Idempotency-Key", "k-1").refused(t, 422)
	sub.hearsNothing(a, "a", "b")

	a.post(t, "/events", `{"name":"e","channel":"a"}`, "X-Idempotency-Key", "k-2").refused(t, 400, "data is missing")
	a.post(t, "/events", `{"name":"e","channel":"a","data":"2"}`, "X-Idempotency-Key", "k-2").ok(t, `{}`)
	sub.hears("e", "a", "2")

	batch := `{"batch":[{"name":"e","channel":"a","data":"3"},{"name":"e","channel":"b","data":"4"}]}`
	for range 3 {
		a.post(t, "/batch_events", batch, "X-Idempotency-Key", "k-3").ok(t, `{}`)
	}
	sub.hears("e", "a", "3")
	sub.hears("e", "b", "4")

	for _, bad := range []string{"", "a b", "é", strings.Repeat("x", 256)} {
		a.post(t, "/events", event, "X-Idempotency-Key", bad).refused(t, 400, "X-Idempotency-Key")
	}
	a.post(t, "/events", event, "X-Idempotency-Key", "a", "X-Idempotency-Key", "b").refused(t, 400, "once")
	sub.hearsNothing(a, "a", "b")
	for range 2 {
		a.post(t, "/events", `{"name":"e","channel":"a","data":"5"}`).ok(t, `{}`)
		sub.hears("e", "a", "5")
	}
}

func TestDraining(t *testing.T) {
	t.Parallel()
	a := newAPI(t)
	require.NoError(t, a.srv.Shutdown(t.Context()))
	got := a.post(t, "/events", `{"name":"e","channel":"a","data":""}`)
	got.refused(t, 503, "shutting down")
	assert.Equal(t, "1", got.header.Get("Retry-After"))
}

// FuzzHTTPAPI sends signed requests: the server neither panics nor takes the
// blame, and always answers in JSON.
func FuzzHTTPAPI(f *testing.F) {
	srv, err := server.New(server.Config{App: auth.App{ID: "1", Key: "k", Secret: "s"}})
	require.NoError(f, err)
	f.Cleanup(func() { assert.NoError(f, srv.Shutdown(context.Background())) })
	f.Add(true, "events", "", "", []byte(`{"name":"e","channels":["a","presence-b","private-cache-c"],"data":"x","info":"user_count"}`))
	f.Add(true, "batch_events", "", "", []byte(`{"batch":[{"name":"e","channel":"cache-a","data":"x","info":"subscription_count"},{"name":"e","channel":"b","data":""}]}`))
	f.Add(false, "channels", "filter_by_prefix", "presence-", []byte(nil))
	f.Add(false, "channels/cache-a", "info", "cache,subscription_count", []byte(nil))
	f.Add(false, "channels/presence-a/users", "info", "user_count", []byte(nil))
	f.Add(false, "channels/a/stats", "x", "&=%", []byte(nil))
	f.Add(true, "channels/a/events", "name", "e", []byte(`raw`))
	f.Add(true, "users/7/terminate_connections", "", "", []byte(`{}`))
	f.Fuzz(func(t *testing.T, post bool, call, name, value string, body []byte) {
		method := http.MethodGet
		if post {
			method = http.MethodPost
		}
		target := &url.URL{Path: "/apps/1/" + call}
		r := httptest.NewRequest(method, "/", strings.NewReader(string(body)))
		r.URL.Path, r.URL.RawPath = target.Path, ""
		r.URL.RawQuery = sign("k", "s", method, target.Path, body, time.Now(), name, value)
		w := httptest.NewRecorder()
		srv.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code == 401 && !strings.Contains(strings.ToLower(name), "auth_") && !strings.EqualFold(name, "body_md5") && !strings.Contains(target.Path, "%") {
			t.Fatalf("status %d, body %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) {
			t.Fatalf("not JSON: %q", w.Body)
		}
	})
}
