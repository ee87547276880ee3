package server_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

// scripted is an authorizer written by hand. Requests say who they are from in
// the header X-User.
type scripted struct {
	identified int
	asked      []string
}

func (s *scripted) Identify(r *http.Request) (auth.Identity, error) {
	s.identified++
	switch user := r.Header.Get("X-User"); user {
	case "fault":
		return nil, errors.New("secret detail")
	case "panic":
		panic("secret detail")
	default:
		return user, nil
	}
}

func (s *scripted) Authorize(ctx context.Context, id auth.Identity, _ string, ch channel.Channel) (*auth.Grant, error) {
	s.asked = append(s.asked, id.(string)+" "+ch.String())
	switch ch.Name() {
	case "slow":
		<-ctx.Done()
		return nil, ctx.Err()
	case "panic":
		panic("secret detail")
	case "nothing":
		return nil, nil
	case "denied":
		return nil, &auth.DenyError{Status: 404, Message: "no such room", Reason: "secret detail"}
	}
	if id == "" {
		return nil, &auth.DenyError{Status: 403}
	}
	grant := &auth.Grant{}
	if ch.Kind() == channel.KindPresence {
		grant.ChannelData = `{"user_id":"` + id.(string) + `","user_info":{"by":"rule"}}`
	}
	return grant, nil
}

func (s *scripted) AuthorizeUser(_ context.Context, id auth.Identity, _ string) (*auth.UserGrant, error) {
	if id == "" {
		return nil, &auth.DenyError{Status: 403}
	}
	return &auth.UserGrant{UserData: `{"id":"` + id.(string) + `"}`}, nil
}

func TestAuthorizer(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		test func(t *testing.T, w *site, s *scripted)
	}{
		{"decides for who opened the connection", func(t *testing.T, w *site, s *scripted) {
			p, guest := w.connect("X-User", "7"), w.connect()
			for _, ch := range []string{"private-a", "private-encrypted-a", "private-cache-a"} {
				p.send("pusher:subscribe", map[string]any{"channel": ch, "auth": ""})
				require.Equal(t, "pusher_internal:subscription_succeeded", p.next().Event)
				guest.send("pusher:subscribe", map[string]any{"channel": ch})
				assert.Equal(t, "forbidden", guest.refused(ch, "AuthError", 403))
			}
			assert.Equal(t, "pusher:cache_miss", p.next().Event)
			assert.Equal(t, []string{"7 private-a", " private-a"}, s.asked[:2])
			assert.Equal(t, 2, s.identified, "once for each connection")
			w.broadcast("e", "1", channel.Private("a"))
			p.hears("e", "private-a", "1")
			guest.lives()
		}},
		{"says who the member is, whatever the page claims", func(t *testing.T, w *site, _ *scripted) {
			p := w.connect("X-User", "7")
			p.send("pusher:subscribe", map[string]any{"channel": "presence-r", "auth": "", "channel_data": `{"user_id":"admin","user_info":{"by":"me"}}`})
			assert.JSONEq(t, `{"presence":{"ids":["7"],"hash":{"7":{"by":"rule"}},"count":1}}`, p.next().data(t))
		}},
		{"is not asked when there is a signature", func(t *testing.T, w *site, s *scripted) {
			p := w.on("private-a")
			p.send("pusher:subscribe", map[string]any{"channel": "private-b", "auth": "k:00"})
			p.refused("private-b", "AuthError", 401)
			assert.Empty(t, s.asked)
		}},
		{"is not asked about public channels and those of users", func(t *testing.T, w *site, s *scripted) {
			p := w.on("news")
			p.send("pusher:subscribe", map[string]any{"channel": "#server-to-user-7"})
			p.refused("#server-to-user-7", "AuthError", 401)
			assert.Empty(t, s.asked)
		}},
		{"signs users in", func(t *testing.T, w *site, _ *scripted) {
			p, guest := w.connect("X-User", "7"), w.connect()
			p.send("pusher:signin", map[string]any{"auth": "", "user_data": `{"id":"admin"}`})
			p.hears("pusher:signin_success", "", `{"user_data":"{\"id\":\"7\"}"}`)
			p.send("pusher:subscribe", map[string]any{"channel": "#server-to-user-7", "auth": ""})
			p.hears("pusher_internal:subscription_succeeded", "#server-to-user-7", "{}")
			guest.send("pusher:signin", map[string]any{})
			code, message := guest.fails()
			assert.Equal(t, 4009, code)
			assert.Equal(t, "forbidden", message)
		}},
		{"keeps the order of a connection while it thinks", func(t *testing.T, w *site, _ *scripted) {
			p, other := w.connect("X-User", "7"), w.connect()
			start := time.Now()
			p.send("pusher:subscribe", map[string]any{"channel": "private-slow"})
			p.send("pusher:subscribe", map[string]any{"channel": "private-a"})
			p.send("pusher:ping", nil)
			other.lives()
			p.ws.Timeout = time.Minute
			p.refused("private-slow", "AuthError", 500)
			assert.Equal(t, 10*time.Second, time.Since(start), "the limit of a rule")
			p.hears("pusher_internal:subscription_succeeded", "private-a", "{}")
			p.hears("pusher:pong", "", "{}")
		}},
		{"shows a refusal and hides a fault", func(t *testing.T, w *site, _ *scripted) {
			p := w.connect("X-User", "7")
			p.send("pusher:subscribe", map[string]any{"channel": "private-denied"})
			assert.Equal(t, "no such room", p.refused("private-denied", "AuthError", 404))
			for _, ch := range []string{"private-panic", "private-nothing"} {
				p.send("pusher:subscribe", map[string]any{"channel": ch})
				assert.NotContains(t, p.refused(ch, "AuthError", 500), "secret")
				assert.Contains(t, w.log.String(), "channel="+ch)
			}
			p.lives()
		}},
		{"turns those away for a while whom it cannot identify", func(t *testing.T, w *site, _ *scripted) {
			for _, user := range []string{"fault", "panic"} {
				w.open(w.path, "X-User", user).closed(4100)
			}
			assert.Contains(t, w.log.String(), "could not identify")
		}},
		{"is not asked about connections that are refused", func(t *testing.T, w *site, s *scripted) {
			w.open("/app/x?protocol=7").closed(4001)
			w.open(w.path, "Origin", "https://evil.example").closed(4009)
			assert.Zero(t, s.identified)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := &scripted{}
			inBubble(t, func(t *testing.T, w *site) { tt.test(t, w, s) }, func(c *server.Config) { c.Authorizer = s })
		})
	}
}

func TestRulesWithoutALimit(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.connect("X-User", "7")
		p.send("pusher:subscribe", map[string]any{"channel": "private-slow"})
		p.quiet(time.Hour)
		w.connect().lives()
		// Their context ends when Shutdown is cut short, and with it they do.
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		require.ErrorIs(t, w.srv.Shutdown(ctx), context.DeadlineExceeded)
		require.NoError(t, w.srv.Shutdown(t.Context()))
	}, func(c *server.Config) { c.Authorizer, c.RuleTimeout, c.ActivityTimeout = &scripted{}, -1, -1 })
}

func TestAuthorizerInDevelopment(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.connect("X-User", "7")
		p.send("pusher:subscribe", map[string]any{"channel": "private-denied"})
		assert.Equal(t, "no such room: secret detail", p.refused("private-denied", "AuthError", 404))
	}, func(c *server.Config) { c.Authorizer, c.Development = &scripted{}, true })
}

type customer struct{ id string }

// The rules of package auth decide in process as they do by HTTP, and the
// signatures that they make are taken.
func TestAuthHandlerInProcess(t *testing.T) {
	t.Parallel()
	h := auth.NewHandler(testApp, func(r *http.Request) (*customer, error) {
		if id := r.Header.Get("X-User"); id != "" {
			return &customer{id}, nil
		}
		return nil, nil
	})
	h.Private("orders.{id}", func(_ context.Context, u *customer, s *auth.Subscription) (bool, error) {
		return u.id == s.Param("id"), nil
	})
	h.Presence("room.{id}", func(_ context.Context, u *customer, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.id, Info: map[string]string{"name": "U" + u.id}}, nil
	})
	w := onTCP(t, func(c *server.Config) { c.Authorizer = h })
	p, guest := w.connect("X-User", "7"), w.connect()
	p.send("pusher:subscribe", map[string]any{"channel": "private-orders.7"})
	p.hears("pusher_internal:subscription_succeeded", "private-orders.7", "{}")
	p.send("pusher:subscribe", map[string]any{"channel": "private-orders.8"})
	p.refused("private-orders.8", "AuthError", 403)
	guest.send("pusher:subscribe", map[string]any{"channel": "private-orders.7"})
	guest.refused("private-orders.7", "AuthError", 403)
	p.send("pusher:subscribe", map[string]any{"channel": "presence-room.1"})
	p.hears("pusher_internal:subscription_succeeded", "presence-room.1", `{"presence":{"ids":["7"],"hash":{"7":{"name":"U7"}},"count":1}}`)

	id, err := h.Identify(&http.Request{Header: http.Header{"X-User": {"9"}}})
	require.NoError(t, err)
	grant, err := h.Authorize(t.Context(), id, guest.socketID, channel.Presence("room.1"))
	require.NoError(t, err)
	guest.send("pusher:subscribe", map[string]any{"channel": "presence-room.1", "auth": grant.Auth, "channel_data": grant.ChannelData})
	require.Equal(t, "pusher_internal:subscription_succeeded", guest.next().Event)
	p.hears("pusher_internal:member_added", "presence-room.1", `{"user_id":"9","user_info":{"name":"U9"}}`)
}
