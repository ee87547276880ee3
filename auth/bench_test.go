package auth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	pusher "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

// benchUser is a user; as JSON it is what a presence channel tells.
type benchUser struct {
	ID   string `json:"-"`
	Name string `json:"name"`
}

func benchHandler(options ...auth.Option) *auth.Handler[benchUser] {
	u := &benchUser{"7", "Ada"}
	h := auth.NewHandler(testApp, func(*http.Request) (*benchUser, error) { return u, nil }, options...)
	h.Private("orders.{order}", func(_ context.Context, u *benchUser, s *auth.Subscription) (bool, error) {
		return u.ID == s.Param("order"), nil
	})
	h.Presence("orders.{order}", func(_ context.Context, u *benchUser, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.ID, Info: u}, nil
	})
	return h
}

// benchWriter is an http.ResponseWriter that keeps nothing.
type benchWriter struct {
	header http.Header
	status int
}

func (w *benchWriter) Header() http.Header         { return w.header }
func (w *benchWriter) Write(p []byte) (int, error) { return len(p), nil }
func (w *benchWriter) WriteHeader(status int)      { w.status = status }

const benchSocket = "1234.1234"

// benchmark measures one channel on all levels: the floor (an HMAC whose key is
// set, in hexadecimal), our checks and signature, the whole decision with the
// rule (without and with the default limit of time, which costs a goroutine),
// the whole endpoint, and Pusher's library, which has neither users nor rules.
func benchmark(b *testing.B, ch channel.Channel, member *auth.Member, theirs func(*pusher.Client, []byte) ([]byte, error)) {
	run := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	_, data, err := benchHandler().Sign(benchSocket, ch.String(), member)
	if err != nil {
		b.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(testApp.Secret))
	in := []byte(strings.TrimSuffix(benchSocket+":"+ch.String()+":"+data, ":"))
	sum, out := make([]byte, 0, sha256.Size), make([]byte, 0, 2*sha256.Size)
	run("floor", func() error {
		mac.Reset()
		mac.Write(in)
		out = hex.AppendEncode(out[:0], mac.Sum(sum))
		return nil
	})
	unlimited := benchHandler(auth.WithRuleTimeout(-1))
	run("sign", func() error {
		_, _, err := unlimited.Sign(benchSocket, ch.String(), member)
		return err
	})
	for name, h := range map[string]*auth.Handler[benchUser]{"authorize": unlimited, "authorize in time": benchHandler()} {
		ctx, id := b.Context(), h.As(&benchUser{"7", "Ada"})
		run(name, func() error {
			_, err := h.Authorize(ctx, id, benchSocket, ch)
			return err
		})
	}
	body := "socket_id=" + benchSocket + "&channel_name=" + ch.String()
	h, w := benchHandler(), &benchWriter{header: http.Header{}}
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, "/broadcasting/auth", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.RemoteAddr = "203.0.113.9:1234"
	reader := strings.NewReader(body)
	r.Body = io.NopCloser(reader)
	run("endpoint", func() error {
		reader.Reset(body)
		clear(w.header)
		if h.ServeHTTP(w, r); w.status != http.StatusOK {
			return fmt.Errorf("status %d", w.status)
		}
		return nil
	})
	client := &pusher.Client{AppID: testApp.ID, Key: testApp.Key, Secret: testApp.Secret}
	run("pusher-http-go", func() error {
		_, err := theirs(client, []byte(body))
		return err
	})
}

func BenchmarkPrivate(b *testing.B) {
	benchmark(b, channel.Private("orders.7"), nil, func(c *pusher.Client, body []byte) ([]byte, error) {
		return c.AuthorizePrivateChannel(body)
	})
}

func BenchmarkPresence(b *testing.B) {
	member := &auth.Member{ID: "7", Info: &benchUser{"7", "Ada"}}
	benchmark(b, channel.Presence("orders.7"), member, func(c *pusher.Client, body []byte) ([]byte, error) {
		return c.AuthorizePresenceChannel(body, pusher.MemberData{UserID: "7", UserInfo: map[string]string{"name": "Ada"}})
	})
}

// BenchmarkRules decides with many rules, of which the last one matches.
func BenchmarkRules(b *testing.B) {
	for _, n := range []int{1, 500} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			h := auth.NewHandler(testApp, session("X-User"), auth.WithRuleTimeout(-1))
			for i := 1; i < n; i++ {
				h.Private(fmt.Sprintf("topic%d.{id}", i), allow)
			}
			h.Private("orders.{order}", allow)
			ctx, id, ch := b.Context(), h.As(&user{"7"}), channel.Private("orders.7")
			for b.Loop() {
				if _, err := h.Authorize(ctx, id, benchSocket, ch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
