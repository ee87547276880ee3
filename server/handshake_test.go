package server_test

import (
	"encoding/json"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// row is a line of the protocol's acceptance checklist, by its number there.
type row struct {
	name      string
	test      func(t *testing.T, w *site)
	configure func(*server.Config)
}

func runRows(t *testing.T, rows []row) {
	t.Parallel()
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, r.test, func(c *server.Config) {
				if r.configure != nil {
					r.configure(c)
				}
			})
		})
	}
}

func TestAcceptanceHandshake(t *testing.T) {
	runRows(t, []row{
		{name: "01 protocol 5 6 and 7 are accepted and others refused with their code", test: func(t *testing.T, w *site) {
			for _, query := range []string{
				"protocol=5", "protocol=6", "protocol=7", "protocol=7&client=js&version=8.6.0&flash=false", "protocol=7&client=js&version=4.4.0&flash=false&unheard=of",
				"protocol=5&client=java-client&version=2.4.4", "protocol=7&client=js&version=7.6.0-beta", "client=dotnet-client&protocol=5&version=",
			} {
				w.path = "/app/k?" + query
				w.connect().lives()
			}
			for query, code := range map[string]int{
				"?protocol=4": 4007, "?protocol=8": 4007, "?protocol=99999999999999999999": 4007,
				"?protocol=seven": 4006, "?protocol=": 4008, "": 4008, "?protocol=7.0": 4006,
			} {
				w.open("/app/k" + query).closed(code)
			}
		}},
		{name: "02 an unknown key gets error and close with 4001", test: func(t *testing.T, w *site) {
			w.open("/app/kk?protocol=7").closed(4001)
			assert.Contains(t, w.log.String(), "key=kk closest=k")
		}},
		{name: "03 the first frame never has code null", test: func(t *testing.T, w *site) {
			for path, code := range map[string]int{
				"/app?protocol=7": 4005, "/app/?protocol=7": 4005, "/app/k/?protocol=7": 4005, "/app/k/more?protocol=7": 4005, "/app/k%2Fmore?protocol=7": 4005,
				"/app/x?protocol=7": 4001, "/app/K?protocol=7": 4001, "/app/k": 4008, "/app/k?protocol=1": 4007, "/app/k?protocol=-7": 4007, "/app/k?protocol=abc": 4006,
			} {
				w.open(path).closed(code)
			}
			w.open("/app/k?protocol=7", "Origin", "https://evil.example").closed(4009)
		}},
		{name: "04 mounted below a prefix", configure: func(c *server.Config) { c.Prefix = "/realtime/ws" }, test: func(t *testing.T, w *site) {
			w.path = "/realtime/ws/app/k?protocol=7"
			p := w.on("news")
			w.broadcast("e", "1", channel.Public("news"))
			p.hears("e", "news", "1")
			w.open("/realtime/ws/app/?protocol=7").closed(4005)
		}},
		{name: "05 the socket id is digits a dot and digits", test: func(t *testing.T, w *site) {
			seen := map[string]bool{}
			for range 50 {
				id := w.connect().socketID
				assert.Regexp(t, regexp.MustCompile(`^\d+\.\d+$`), id)
				assert.True(t, pusherproto.ValidSocketID(id))
				assert.False(t, seen[id])
				seen[id] = true
			}
		}},
		{name: "06 the activity timeout is at least one second", test: func(t *testing.T, w *site) {
			assert.JSONEq(t, `120`, activityTimeout(t, w))
		}},
		{name: "06 the activity timeout is told when liveness is off", configure: func(c *server.Config) { c.ActivityTimeout = -1 }, test: func(t *testing.T, w *site) {
			assert.JSONEq(t, `120`, activityTimeout(t, w))
		}},
		{name: "06 the activity timeout is the configured one", configure: func(c *server.Config) { c.ActivityTimeout = 30 * time.Second }, test: func(t *testing.T, w *site) {
			assert.JSONEq(t, `30`, activityTimeout(t, w))
		}},
	})
}

func activityTimeout(t *testing.T, w *site) string {
	t.Helper()
	var data struct {
		ActivityTimeout json.RawMessage `json:"activity_timeout"`
	}
	require.NoError(t, json.Unmarshal([]byte(w.open(w.path).next().data(t)), &data))
	return string(data.ActivityTimeout)
}

func TestAcceptanceFrames(t *testing.T) {
	runRows(t, []row{
		{name: "07 every non-error frame has string data", configure: func(c *server.Config) { c.SubscriptionCounts = true }, test: func(t *testing.T, w *site) {
			// next fails on any that does not.
			p := w.connect()
			p.lives()
			p.subscribe("news")
			assert.Equal(t, "pusher_internal:subscription_count", p.next().Event)
			p.subscribe("presence-r")
			p.subscribe("cache-c")
			assert.Equal(t, "pusher:cache_miss", p.next().Event)
			assert.Equal(t, "pusher_internal:subscription_count", p.next().Event)
			p.signIn(`{"id":"u","watchlist":["v"]}`)
			assert.Equal(t, "pusher_internal:watchlist_events", p.next().Event)
			q := w.on("presence-r")
			assert.Equal(t, "pusher_internal:member_added", p.next().Event)
			q.whisper("client-x", "presence-r", map[string]any{"a": 1})
			assert.Equal(t, "client-x", p.next().Event)
			require.NoError(t, q.ws.Close())
			assert.Equal(t, "pusher_internal:member_removed", p.next().Event)
			p.send("pusher:subscribe", map[string]any{"channel": "private-x"})
			p.refused("private-x", "AuthError", 401)
		}},
		{name: "08 the data of an error is an object", test: func(t *testing.T, w *site) {
			p := w.connect()
			p.sendText("rubbish")
			code, message := p.fails()
			assert.Zero(t, code)
			assert.Contains(t, message, "JSON")
		}},
		{name: "09 a ping without data is answered", test: func(t *testing.T, w *site) {
			p := w.connect()
			for _, ping := range []string{`{"event":"pusher:ping"}`, `{"event":"pusher:ping","data":{}}`, `{"event":"pusher:ping","data":"{}"}`, `{"event":"pusher:ping","data":null}`} {
				p.sendText(ping)
				p.hears("pusher:pong", "", "{}")
			}
			p.sendText(`{"event":"pusher:pong","data":{}}`)
			p.lives()
		}},
		{name: "10 bad JSON unknown events and binary are answered and the connection still works", test: func(t *testing.T, w *site) {
			p := w.on("news")
			for _, frames := range []wstest.Frame{wstest.Text("{"), wstest.Text(""), wstest.Text(`{"event":"pusher:nonsense"}`), wstest.Text(`{"event":"x","data":{}}`), wstest.Binary([]byte(`{"event":"pusher:ping"}`))} {
				require.NoError(t, p.ws.Write(frames))
				code, _ := p.fails()
				assert.Zero(t, code)
				p.lives()
			}
			w.broadcast("e", "1", channel.Public("news"))
			p.hears("e", "news", "1")
		}},
		{name: "11 the publisher's bytes arrive unchanged", test: func(t *testing.T, w *site) {
			p := w.on("news")
			for _, data := range []string{
				`{"html":"<b>&amp; > &</b>"}`, `"\u00e9 é \/ /"`, `12345678901234567890`, `{"n":1.0,"e":1e25}`, `{"a":1,"a":2}`,
				`not JSON at all {`, "", "line\nline\ttab\x00\x1f", " {} ", "\u2028\u2029\ufeff", `\`, `"`, "😀",
			} {
				w.broadcast("e", data, channel.Public("news"))
				p.hears("e", "news", data)
			}
		}},
	})
}

// The network in memory is not what makes the other tests pass: the same first
// steps over TCP.
func TestAcceptanceOnTCP(t *testing.T) {
	t.Parallel()
	w := onTCP(t)
	p, q := w.on("news", "private-a", "presence-r"), w.on("private-a")
	w.broadcast("e", "1", channel.Public("news"))
	p.hears("e", "news", "1")
	q.whisper("client-x", "private-a", 1)
	p.hears("client-x", "private-a", "1")
	w.open("/app/x?protocol=7").closed(4001)
	p.signIn(`{"id":"u"}`)
	n, err := w.srv.Terminate(t.Context(), "u")
	require.NoError(t, err)
	assert.Equal(t, 1, n)
	p.closed(4009)
	q.lives()
}
