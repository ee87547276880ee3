package server_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

func TestHints(t *testing.T) {
	t.Parallel()
	nobody := func(w *site) int { return strings.Count(w.log.String(), "event reaches nobody") }
	for _, tt := range []struct {
		name string
		test func(t *testing.T, w *site)
	}{
		{"an event on the public channel while the private one is occupied", func(t *testing.T, w *site) {
			w.on("private-mentor.1")
			w.broadcast("session.started", "{}", channel.Public("mentor.1"))
			assert.Contains(t, w.log.String(), "event=session.started channel=mentor.1 occupied=private-mentor.1")
		}},
		{"every kind finds every other", func(t *testing.T, w *site) {
			kinds := []channel.Channel{
				channel.Public("x"), channel.Private("x"), channel.Presence("x"), channel.Encrypted("x"),
				channel.Public("x").Cached(), channel.Private("x").Cached(), channel.Presence("x").Cached(), channel.Encrypted("x").Cached(),
			}
			for i, occupied := range kinds {
				p := w.connect()
				p.subscribe(occupied.String())
				for _, empty := range kinds {
					if empty != occupied {
						w.broadcast("e", "{}", empty)
						assert.Contains(t, w.log.String(), "channel="+empty.String()+" occupied="+occupied.String(), "%d", i)
					}
				}
				assert.NoError(t, p.ws.Close())
				pass(2 * time.Minute)
			}
		}},
		{"given once a minute for a channel", func(t *testing.T, w *site) {
			w.on("private-x", "private-y")
			for range 10 {
				w.broadcast("e", "{}", channel.Public("x"))
			}
			assert.Equal(t, 1, nobody(w))
			w.broadcast("e", "{}", channel.Public("y"))
			assert.Equal(t, 2, nobody(w))
			pass(time.Minute)
			w.broadcast("e", "{}", channel.Public("x"))
			assert.Equal(t, 3, nobody(w))
		}},
		{"silent when somebody hears it, or nobody is anywhere", func(t *testing.T, w *site) {
			w.on("x", "private-x", "private-user.1")
			w.broadcast("e", "{}", channel.Public("x"), channel.Public("z"), channel.User("x"))
			assert.Zero(t, nobody(w))
		}},
		{"a page with two prefixes", func(t *testing.T, w *site) {
			p := w.connect()
			for range 3 {
				p.send("pusher:subscribe", map[string]any{"channel": "private-private-user.5"})
				p.refused("private-private-user.5", "AuthError", 401)
			}
			w.on("presence-r", "private-encrypted-x", "mentor..", "private-cache-x")
			assert.Equal(t, 1, strings.Count(w.log.String(), "two prefixes"))
			assert.Contains(t, w.log.String(), "channel=private-private-user.5")
		}},
		{"an event of another program to a channel with two prefixes", func(t *testing.T, w *site) {
			w.on("private-user.5")
			twice, err := channel.Parse("private-private-user.5")
			require.NoError(t, err)
			require.NoError(t, server.Publish(t.Context(), w.srv, "e", "{}", twice))
			assert.Contains(t, w.log.String(), "channel=private-private-user.5 occupied=private-user.5")
		}},
		{"a page of an origin that may not connect, and the setting that would let it", func(t *testing.T, w *site) {
			refused := func() int { return strings.Count(w.log.String(), "setting=AllowedOrigins") }
			for range 3 {
				w.open(w.path, "Origin", "https://other.example:8443").closed(4009)
			}
			assert.Equal(t, 1, refused())
			assert.Contains(t, w.log.String(), "origin=https://other.example:8443 host=localhost")
			w.open(w.path, "Origin", "https://third.example").closed(4009)
			assert.Equal(t, 2, refused())
			pass(time.Minute)
			w.open(w.path, "Origin", "https://third.example").closed(4009)
			assert.Equal(t, 3, refused())
		}},
		{"a handshake that a proxy or middleware has spoilt, once a minute", func(t *testing.T, w *site) {
			handshake := func(spoil func(*http.Request)) {
				r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, w.path, nil)
				for name, value := range map[string]string{
					"Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
				} {
					r.Header.Set(name, value)
				}
				spoil(r)
				w.srv.ServeHTTP(httptest.NewRecorder(), r)
			}
			said := func(text string) int {
				return strings.Count(w.log.String(), "level=WARN msg=\"connection not upgraded\" error=\"websocket: handshake answered with status "+text)
			}
			for range 3 {
				handshake(func(r *http.Request) { r.ProtoMinor = 0 })
				handshake(func(r *http.Request) { r.Header.Del("Upgrade") })
				handshake(func(*http.Request) {}) // the recorder hides the connection as middleware does
				handshake(func(r *http.Request) { r.Header.Del("Sec-WebSocket-Key") })
			}
			assert.Equal(t, 1, said("400: a WebSocket handshake needs HTTP/1.1"))
			assert.Equal(t, 1, said("426: not a WebSocket handshake"), "the one without a key is no WebSocket's")
			assert.Equal(t, 1, said("500: connection cannot be taken over; middleware"))
			pass(time.Minute)
			handshake(func(r *http.Request) { r.ProtoMinor = 0 })
			assert.Equal(t, 2, said("400: a WebSocket handshake needs HTTP/1.1"))
		}},
		{"an auth endpoint with another secret", func(t *testing.T, w *site) {
			refused := func() int { return strings.Count(w.log.String(), "level=WARN msg=\"signature refused") }
			p := w.connect()
			for range 3 {
				p.send("pusher:subscribe", map[string]any{"channel": "private-x", "auth": "k:" + strings.Repeat("0", 64)})
				p.refused("private-x", "AuthError", 401)
			}
			assert.Equal(t, 1, refused())
			assert.Contains(t, w.log.String(), "of=subscription")
			pass(time.Minute)
			p.send("pusher:signin", map[string]any{"auth": "k:" + strings.Repeat("0", 64), "user_data": `{"id":"1"}`})
			p.fails()
			assert.Equal(t, 2, refused())
			assert.Contains(t, w.log.String(), "of=sign-in")
			assert.NotContains(t, w.log.String(), "00000000")
		}},
		{"a path at which there is no WebSocket", func(t *testing.T, w *site) {
			for range 3 {
				for _, key := range []string{"AAAAAAAAAAAAAAAAAAAAAA==", ""} {
					r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/realtime/app/k?protocol=7", nil)
					r.Header.Set("Sec-WebSocket-Key", key)
					w.srv.ServeHTTP(httptest.NewRecorder(), r)
				}
			}
			assert.Equal(t, 1, strings.Count(w.log.String(), "nothing is at this path"))
			assert.Contains(t, w.log.String(), `path=/realtime/app/k prefix="" setting=Prefix`)
		}},
		{"so many strangers that no more is said for a minute", func(t *testing.T, w *site) {
			unknown := func() int { return strings.Count(w.log.String(), "no app has the key") }
			for i := range 1100 {
				require.NoError(t, w.visit(fmt.Sprintf("/app/stranger-%d?protocol=7", i)).ws.Close())
			}
			assert.Equal(t, 1000, unknown())
			pass(time.Minute)
			w.open("/app/stranger-1?protocol=7").closed(4001)
			assert.Equal(t, 1001, unknown())
		}},
		{"an event with two prefixes, as other programs publish it", func(t *testing.T, w *site) {
			w.on("private-user.5")
			ch, err := channel.Parse("private-private-user.5")
			assert.NoError(t, err)
			for range 3 {
				assert.NoError(t, server.Publish(t.Context(), w.srv, "e", "{}", ch))
			}
			assert.Equal(t, 1, strings.Count(w.log.String(), "two prefixes"))
			assert.Contains(t, w.log.String(), "channel=private-private-user.5")
		}},
		{"keys of strangers do not fill the log", func(t *testing.T, w *site) {
			for range 3 {
				w.open("/app/" + strings.Repeat("x", 500) + "?protocol=7").closed(4001)
			}
			assert.Equal(t, 1, strings.Count(w.log.String(), "no app has the key"))
			assert.Less(t, len(w.log.String()), 400)
			assert.NotContains(t, w.log.String(), "closest")
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, tt.test)
		})
	}
}
