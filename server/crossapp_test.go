package server_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

type tenantUser struct{ id string }

// tenantRules is the handler of one tenant, whose users name themselves in X-User.
func tenantRules(app auth.App) *auth.Handler[tenantUser] {
	h := auth.NewHandler(app, func(r *http.Request) (*tenantUser, error) {
		if id := r.Header.Get("X-User"); id != "" {
			return &tenantUser{id}, nil
		}
		return nil, nil
	})
	h.Private("user.{id}", func(_ context.Context, u *tenantUser, s *auth.Subscription) (bool, error) {
		return u.id == s.Param("id"), nil
	})
	h.Presence("room", func(_ context.Context, u *tenantUser, _ *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.id}, nil
	})
	h.Users(func(_ context.Context, u *tenantUser) (*auth.UserData, error) { return &auth.UserData{ID: u.id}, nil })
	return h
}

// TestAuthorizerOfAnotherApp has a user of one tenant connect to the app of
// another, whose key every visitor can read in its pages. The user with the
// same id there is somebody else.
func TestAuthorizerOfAnotherApp(t *testing.T) {
	t.Parallel()
	other := auth.App{ID: "2", Key: "other", Secret: "another"}
	inBubble(t, func(t *testing.T, w *site) {
		own := w.connect("X-User", "5")
		own.send("pusher:subscribe", map[string]any{"channel": "private-user.5"})
		own.hears("pusher_internal:subscription_succeeded", "private-user.5", "{}")

		foreign := w.open("/app/other?protocol=7", "X-User", "5")
		foreign.hello()
		foreign.send("pusher:subscribe", map[string]any{"channel": "private-user.5"})
		foreign.refused("private-user.5", "AuthError", http.StatusInternalServerError)
		foreign.send("pusher:subscribe", map[string]any{"channel": "presence-room"})
		foreign.refused("presence-room", "AuthError", http.StatusInternalServerError)
		foreign.send("pusher:signin", map[string]any{"auth": "", "user_data": ""})
		code, _ := foreign.fails()
		assert.Equal(t, 4009, code)

		require.NoError(t, w.srv.For("2").Broadcast(t.Context(), []broadcast.Message{{
			Event: "secret", Data: "{}", Channels: []channel.Channel{channel.Private("user.5"), channel.Presence("room")},
		}}))
		foreign.lives()
		assert.Contains(t, w.log.String(), "does it decide for another app")
	}, func(c *server.Config) {
		c.Apps = []auth.App{other}
		c.Authorizer = tenantRules(testApp)
	})
}
