package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
)

type purchase struct{ owner string }

// purchases is a table.
var purchases = map[string]*purchase{"1": {"7"}, "2": {"8"}}

func findPurchase(_ context.Context, raw string) (*purchase, error) {
	switch raw {
	case "down":
		return nil, errors.New("no database")
	case "panic":
		panic("no database")
	case "missing":
		return nil, fmt.Errorf("purchase %s: %w", raw, auth.ErrNotFound)
	case "odd":
		return nil, &auth.ParamError{Name: "purchase", Value: raw, Type: "purchase"}
	}
	return purchases[raw], nil // nil for what is not there
}

func TestBind(t *testing.T) {
	t.Parallel()
	h := newHandler()
	auth.Bind(h, "purchase", findPurchase)
	asked := 0
	h.Private("shop.{shop}.{purchase}", func(_ context.Context, u *user, s *auth.Subscription) (bool, error) {
		asked++
		return auth.Bound[*purchase](s, "purchase").owner == u.id, nil
	})
	h.Private("{a}.{b}.{c}", func(context.Context, *user, *auth.Subscription) (bool, error) {
		t.Error("the rule after a binding that found nothing was asked")
		return true, nil
	})
	for name, want := range map[string]struct{ status, asked int }{
		"1": {http.StatusOK, 1}, "2": {http.StatusForbidden, 1}, "3": {http.StatusForbidden, 0},
		"missing": {http.StatusForbidden, 0}, "odd": {http.StatusForbidden, 0},
		"down": {http.StatusInternalServerError, 0}, "panic": {http.StatusInternalServerError, 0},
	} {
		asked = 0
		assert.Equal(t, want.status, ask(t, h, subscribe("private-shop.1."+name)).Status, name)
		assert.Equal(t, want.asked, asked, name)
	}
}

func TestBindAfterTheRule(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Presence("a.{x}.{y}", func(_ context.Context, u *user, s *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.id, Info: auth.Bound[string](s, "x") + auth.Bound[string](s, "y")}, nil
	})
	auth.Bind(h, "x", func(_ context.Context, raw string) (string, error) { return "<" + raw, nil })
	auth.Bind(h, "y", func(_ context.Context, raw string) (string, error) { return raw + "!", nil })
	assert.Equal(t, `{"user_id":"7","user_info":"\u003c12!"}`, ask(t, h, subscribe("presence-a.1.2")).ChannelData)
}

func TestBoundPanics(t *testing.T) {
	t.Parallel()
	h := newHandler()
	auth.Bind(h, "purchase", findPurchase)
	h.Private("a.{purchase}.{other}", func(_ context.Context, _ *user, s *auth.Subscription) (bool, error) {
		assert.PanicsWithValue(t, `auth: nothing is bound to the parameter "other"; call auth.Bind first`, func() { auth.Bound[int](s, "other") })
		assert.PanicsWithValue(t, `auth: the parameter "purchase" is bound to a *auth_test.purchase, not to a int`, func() { auth.Bound[int](s, "purchase") })
		assert.PanicsWithValue(t, `auth: no parameter "third": the pattern "a.{purchase}.{other}" has only purchase, other`, func() { auth.Bound[int](s, "third") })
		return true, nil
	})
	assert.Equal(t, http.StatusOK, ask(t, h, subscribe("private-a.1.1")).Status)
}

func TestBindPanics(t *testing.T) {
	t.Parallel()
	h := newHandler()
	auth.Bind(h, "purchase", findPurchase)
	assert.Regexp(t, `^auth: "purchase" is bound twice: .*/bind_test.go:\d+ and .*/bind_test.go:\d+$`,
		panicOf(t, func() { auth.Bind(h, "purchase", findPurchase) }))
	assert.Regexp(t, `^auth: binding "x" \(.*/bind_test.go:\d+\): the function is nil$`,
		panicOf(t, func() { auth.Bind[int](h, "x", nil) }))
}
