package auth_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"testing"

	pusher "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

type benchUser struct {
	ID   string `json:"-"`
	Name string `json:"name"`
}

var benchApp = auth.App{ID: "1", Key: "278d425bdf160c739803", Secret: "7ad3773142a6692b25b8"}

func benchHandler(options ...auth.Option) *auth.Handler[benchUser] {
	h := auth.NewHandler(benchApp, func(*http.Request) (*benchUser, error) { return &benchUser{"7", "Ada"}, nil }, options...)
	h.Private("orders.{order}", func(_ context.Context, u *benchUser, s *auth.Subscription) (bool, error) {
		return u.ID == s.Param("order"), nil
	})
	h.Presence("chat.{room}", func(_ context.Context, u *benchUser, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.ID, Info: u}, nil
	})
	return h
}

func BenchmarkPrivate(b *testing.B) {
	const socketID, name = "1234.1234", "private-orders.7"
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		mac := hmac.New(sha256.New, []byte(benchApp.Secret))
		in := []byte(socketID + ":" + name)
		sum, out := make([]byte, 0, sha256.Size), make([]byte, 0, 2*sha256.Size)
		for b.Loop() {
			mac.Reset()
			mac.Write(in)
			out = hex.AppendEncode(out[:0], mac.Sum(sum))
		}
	})
	for _, v := range []struct {
		name    string
		options []auth.Option
	}{{"default", nil}, {"no timeout", []auth.Option{auth.WithRuleTimeout(-1)}}} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, h := b.Context(), benchHandler(v.options...)
			id, ch := h.As(&benchUser{ID: "7"}), channel.Private("orders.7")
			for b.Loop() {
				if _, err := h.Authorize(ctx, id, socketID, ch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("pusher-http-go", func(b *testing.B) {
		b.ReportAllocs()
		c := pusher.Client{AppID: benchApp.ID, Key: benchApp.Key, Secret: benchApp.Secret}
		for b.Loop() {
			if _, err := c.AuthorizePrivateChannel([]byte("socket_id=" + socketID + "&channel_name=" + name)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkPresence(b *testing.B) {
	const socketID, name = "1234.1234", "presence-chat.7"
	for _, v := range []struct {
		name    string
		options []auth.Option
	}{{"default", nil}, {"no timeout", []auth.Option{auth.WithRuleTimeout(-1)}}} {
		b.Run(v.name, func(b *testing.B) {
			b.ReportAllocs()
			ctx, h := b.Context(), benchHandler(v.options...)
			id, ch := h.As(&benchUser{"7", "Ada"}), channel.Presence("chat.7")
			for b.Loop() {
				if _, err := h.Authorize(ctx, id, socketID, ch); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("pusher-http-go", func(b *testing.B) {
		b.ReportAllocs()
		c := pusher.Client{AppID: benchApp.ID, Key: benchApp.Key, Secret: benchApp.Secret}
		for b.Loop() {
			if _, err := c.AuthorizePresenceChannel([]byte("socket_id="+socketID+"&channel_name="+name),
				pusher.MemberData{UserID: "7", UserInfo: map[string]string{"name": "Ada"}}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
