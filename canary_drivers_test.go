package onair_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers"
	"github.com/onairgo/onair/drivers/log"
	"github.com/onairgo/onair/drivers/memory"
	"github.com/onairgo/onair/drivers/null"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/event"
)

// canaryEvents are an event in the clear, one to be sealed, and one for a user.
func canaryEvents() []event.Event {
	plain := map[string]any{"word": canaryPlain, "list": []string{canaryPlain}}
	return []event.Event{
		event.Of("plain", plain, channel.Private("a"), channel.Public("b"), channel.Presence("c")),
		event.Of("sealed", map[string]string{"word": canarySealed}, channel.Encrypted("a")),
		event.Of("user", plain, channel.User("7")),
		event.Of("all", plain, channel.Private("a"), channel.Encrypted("a"), channel.User("7")),
	}
}

// canaryServices are a Pusher Channels service that fails in every way, and
// repeats all that it was sent wherever it can.
func canaryServices() map[string]http.HandlerFunc {
	services := make(map[string]http.HandlerFunc)
	status := func(code int, body func(echo string) string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			sent, _ := io.ReadAll(r.Body)
			echo := fmt.Sprintf("%s %s %s %s", r.Method, r.URL, sent, canaryData(sent))
			w.Header().Set("Content-Type", "text/html; signed="+r.URL.Query().Get("auth_signature"))
			w.Header().Set("Location", "https://"+canarySession+":"+canaryBearer+"@other.example/?"+r.URL.RawQuery)
			w.Header().Set("Retry-After", r.URL.RawQuery)
			w.Header().Set("Date", r.URL.RawQuery)
			w.WriteHeader(code)
			io.WriteString(w, body(echo))
		}
	}
	plain := func(echo string) string { return echo }
	for _, code := range []int{200, 301, 307, 400, 401, 403, 404, 413, 422, 429, 500, 502, 503} {
		services[fmt.Sprintf("%d in plain text", code)] = status(code, plain)
		services[fmt.Sprintf("%d in JSON", code)] = status(code, func(echo string) string {
			text, _ := json.Marshal(map[string]string{"error": echo})
			return string(text)
		})
	}
	services["200 and nothing"] = status(200, func(string) string { return "" })
	services["500 and 1 MiB"] = status(500, func(echo string) string { return echo + strings.Repeat(echo, 1<<20/len(echo)) })
	services["an echo of the end"] = status(500, func(echo string) string { return "…" + echo[len(echo)-40:] })
	services["reset"] = func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	services["silence"] = func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // until then, nobody notices that the client goes
		<-r.Context().Done()
	}
	return services
}

// canaryData is what a service understands of a request: the data of its first
// event.
func canaryData(sent []byte) string {
	var body struct {
		Data  string
		Batch []struct{ Data string }
	}
	if json.Unmarshal(sent, &body) == nil && len(body.Batch) > 0 {
		return body.Batch[0].Data
	}
	return body.Data
}

// sendCanaries sends all that a driver can send, and looks at what comes back.
func sendCanaries(t *testing.T, w *watch, where string, d broadcast.Driver) {
	t.Helper()
	b := broadcast.New(d, broadcast.WithLogger(w.logger()))
	w.held(b) // now, while nothing in it changes
	w.held(d)
	failed := 0
	for _, e := range canaryEvents() {
		if err := b.Dispatch(t.Context(), e); err != nil {
			failed++
			w.err(where, err)
		}
	}
	if p, ok := d.(*pusher.Driver); ok {
		_, err := p.Channels(t.Context(), "presence-", pusher.UserCount)
		_, err2 := p.Users(t.Context(), channel.Presence("c"))
		for _, err := range []error{err, err2, p.Ping(t.Context()), p.TerminateUser(t.Context(), "7")} {
			if err != nil {
				failed++
				w.err(where, err)
			}
		}
	}
	if failed == 0 && where != "200 in JSON" && where != "works" {
		t.Errorf("%s: nothing failed", where)
	}
}

func TestCanariesInPusherDriver(t *testing.T) {
	t.Parallel()
	for name, service := range canaryServices() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWatch(t)
			s := httptest.NewUnstartedServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
				w.secret(r.URL.Query().Get("auth_signature"))
				service(out, r)
			}))
			s.Config.ErrorLog = slog.NewLogLogger(w.logger().Handler(), slog.LevelError)
			s.Start()
			t.Cleanup(s.Close)
			c := pusher.Config{App: canaryApp(), Host: s.Listener.Addr().String(), Insecure: true}
			if name == "silence" {
				c.Timeout = time.Millisecond
			}
			sendCanaries(t, w, name, newPusher(t, c))
			c.Insecure, c.Timeout = false, time.Second
			sendCanaries(t, w, "no TLS", newPusher(t, c))
			w.value(c)
		})
	}
}

// pickyError is a comparable error without a pointer, whose fields every print
// of what wraps it can reach.
type pickyError string

func (e pickyError) Error() string { return string(e) }

func TestCanariesInTransports(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	c := pusher.Config{App: canaryApp(), Cluster: "eu"}
	for name, fail := range map[string]func(*http.Request) error{
		"url.Error": func(r *http.Request) error {
			return &url.Error{Op: "Post", URL: r.URL.String(), Err: io.ErrUnexpectedEOF}
		},
		"told":         func(r *http.Request) error { return fmt.Errorf("sending %s: %w", r.URL, io.ErrUnexpectedEOF) },
		"a string":     func(r *http.Request) error { return pickyError(r.URL.String() + " " + canarySecret) },
		"told of that": func(r *http.Request) error { return fmt.Errorf("x: %w", pickyError(r.URL.RawQuery+canarySecret)) },
	} {
		c.Transport = transportFunc(func(r *http.Request) (*http.Response, error) { return nil, fail(r) })
		sendCanaries(t, w, name, newPusher(t, c))
	}
	c.Transport = nil
	for name, broken := range map[string]func(*pusher.Config){
		"a URL":         func(c *pusher.Config) { c.Cluster, c.Host = "", "https://user:"+canaryBearer+"@ws.example" },
		"a login":       func(c *pusher.Config) { c.Cluster, c.Host = "", "user:"+canaryBearer+"@ws.example" },
		"a key":         func(c *pusher.Config) { c.App.EncryptionKey = canaryMaster },
		"a line break":  func(c *pusher.Config) { c.App.Secret += "\n" },
		"no key":        func(c *pusher.Config) { c.App.Key = "" },
		"cluster, host": func(c *pusher.Config) { c.Host = "ws.example" },
	} {
		c := c
		broken(&c)
		_, err := pusher.New(c)
		w.err(name, err)
	}
	_, err := pusher.Ably(canarySecret)
	w.err("Ably", err)
	ably, err := pusher.Ably(canaryAbly)
	if err != nil {
		t.Fatal(err)
	}
	w.value(ably)
	hook, err := pusher.NewWebhook(canaryApp(), func(context.Context, pusher.WebhookBatch) error { return errInside }, pusher.WithLogger(w.logger()))
	if err != nil {
		t.Fatal(err)
	}
	w.held(hook)
	for _, signature := range []string{"", canarySecret, strings.Repeat("0", 64)} {
		answer := httptest.NewRecorder()
		r := canaryRequest(http.MethodPost, "/webhook", "", jsonType, `{"time_ms":1,"events":[{"name":"client_event","data":"`+canaryPlain+`"}]}`)
		r.Header.Set("X-Pusher-Key", canaryApp().Key)
		r.Header.Set("X-Pusher-Signature", signature)
		hook.ServeHTTP(answer, r)
		w.client("a webhook", answer.Body.String())
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func newPusher(t *testing.T, c pusher.Config) *pusher.Driver {
	t.Helper()
	d, err := pusher.New(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return d
}

// TestCanariesInLocalDrivers has the drivers fail that send nothing. The log
// driver writes payloads, which is what it is for, and not those to be sealed.
func TestCanariesInLocalDrivers(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	written := &watch{t: t}
	sendCanaries(t, w, "works", null.New())
	sendCanaries(t, w, "works", log.New(written.logger()))
	if !strings.Contains(written.logged(), canaryPlain) || strings.Contains(written.logged(), canarySealed) {
		t.Errorf("the log driver wrote %s", written.logged())
	}
	sendCanaries(t, w, "works", memory.New())

	full := log.New(slog.New(slog.NewTextHandler(brokenWriter{}, nil)))
	sendCanaries(t, w, "a log that cannot be written", full)
	closed := memory.New()
	if err := closed.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	sendCanaries(t, w, "closed", closed)
	_, err := closed.Subscribe(t.Context(), channel.Private("a"))
	w.err("subscribe", err)
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("no space left") }

// TestCanariesInEnvironment breaks an environment full of secrets in many ways.
func TestCanariesInEnvironment(t *testing.T) {
	t.Parallel()
	w := newWatch(t)
	good := map[string]string{"ABLY_KEY": canaryAbly}
	for _, service := range []string{"PUSHER", "REVERB"} {
		good[service+"_APP_ID"], good[service+"_APP_KEY"], good[service+"_APP_SECRET"] = "1", "k", canarySecret
		good[service+"_ENCRYPTION_MASTER_KEY"] = canaryApp().EncryptionKey
		good[service+"_HOST"], good[service+"_PORT"], good[service+"_SCHEME"] = "ws.example", "6001", "https"
	}
	for _, name := range []string{"pusher", "reverb", "ably", "log", "null"} {
		good["BROADCAST_CONNECTION"] = name
		connection, err := drivers.FromEnv(drivers.WithLookup(lookup(good)))
		if err != nil {
			t.Fatal(err)
		}
		w.value(connection)
		w.held(connection.Driver)
		for variable := range good {
			values := []string{"", "?"}
			switch {
			case strings.HasSuffix(variable, "_HOST"):
				values = []string{"user:" + canaryBearer + "@host", "https://" + canaryBearer + "@host:1"}
			case strings.HasSuffix(variable, "_SECRET"), strings.HasSuffix(variable, "_KEY") && !strings.HasSuffix(variable, "APP_KEY"):
				values = []string{"", canarySecret, canarySecret + "\n", canaryBearer + ":" + canarySecret}
			}
			for _, value := range values {
				broken := maps.Clone(good)
				broken[variable] = value
				if _, err := drivers.FromEnv(drivers.WithLookup(lookup(broken))); err != nil {
					w.err(name+" with a broken "+variable, err)
				}
			}
		}
	}
	_, err := drivers.FromEnv(drivers.WithLookup(lookup(map[string]string{"BROADCAST_CONNECTION": "own"})),
		drivers.WithConnection("own", func(func(string) string) (drivers.Connection, error) {
			return drivers.Connection{App: auth.App{Secret: canarySecret}}, nil
		}))
	w.err("a connection without a driver", err)
}

func lookup(env map[string]string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		value, ok := env[name]
		return value, ok
	}
}
