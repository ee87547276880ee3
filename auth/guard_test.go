package auth_test

import (
	"context"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
)

func TestGuards(t *testing.T) {
	t.Parallel()
	whose := func(options ...auth.RuleOption) (*auth.Handler[user], *string) {
		h := newHandler()
		h.Guard("admin", session("X-Admin"))
		got := new(string)
		h.Private("a", func(_ context.Context, u *user, _ *auth.Subscription) (bool, error) { *got = u.id; return true, nil }, options...)
		return h, got
	}
	for _, test := range []struct {
		name        string
		options     []auth.RuleOption
		user, admin string
		want        string // "" is refused
	}{
		{"the default guard without a list", nil, "7", "99", "7"},
		{"only the guards listed", []auth.RuleOption{auth.Guards("admin")}, "7", "", ""},
		{"the first that knows a user", []auth.RuleOption{auth.Guards("admin", auth.DefaultGuard)}, "7", "99", "99"},
		{"or the second", []auth.RuleOption{auth.Guards("admin", auth.DefaultGuard)}, "7", "", "7"},
		{"an empty list is nobody", []auth.RuleOption{auth.Guards()}, "7", "99", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h, got := whose(test.options...)
			r := subscribe("private-a")
			r.Header.Set("X-User", test.user)
			r.Header.Set("X-Admin", test.admin)
			a := ask(t, h, r)
			assert.Equal(t, test.want != "", a.Status == http.StatusOK)
			assert.Equal(t, test.want, *got)
		})
	}
}

func TestARuleWhoseGuardsKnowNobodyIsPassedOver(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Guard("admin", session("X-Admin"))
	h.Private("orders.{order}", func(context.Context, *user, *auth.Subscription) (bool, error) {
		t.Error("asked about a guest")
		return true, nil
	})
	h.Private("{any}.{id}", allow, auth.Guards("admin"))
	r := subscribe("private-orders.1")
	r.Header.Del("X-User")
	r.Header.Set("X-Admin", "99")
	assert.Equal(t, http.StatusOK, ask(t, h, r).Status)
}

func TestGuardsAreAskedOnceAndOnlyWhenNeeded(t *testing.T) {
	t.Parallel()
	h := newHandler()
	asked := 0
	h.Guard("admin", func(*http.Request) (*user, error) { asked++; return nil, nil })
	h.Private("a", allow)
	h.Private("b.{x}", allow, auth.Guards("admin"))
	h.Private("b.{y}", allow, auth.Guards("admin"))
	ask(t, h, subscribe("private-a"))
	ask(t, h, subscribe("public"))
	ask(t, h, subscribe("private-unknown"))
	assert.Zero(t, asked)
	ask(t, h, subscribe("private-b.1"))
	assert.Equal(t, 1, asked)
}

func TestGuardPanics(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Guard("admin", session("X-Admin"))
	for want, register := range map[string]func(){
		`auth: guard "" (`:  func() { h.Guard("", session("X")) },
		`auth: guard "x" (`: func() { h.Guard("x", nil) },
		`auth: there are two guards "admin"; the second is at `:   func() { h.Guard("admin", session("X")) },
		`auth: there are two guards "default"; the second is at `: func() { h.Guard(auth.DefaultGuard, session("X")) },
		`auth: private rule "a" (`:                                func() { h.Private("a", allow, auth.Guards("adnim")) },
	} {
		text := panicOf(t, register)
		assert.Contains(t, text, want)
		assert.Contains(t, text, "guard_test.go:")
	}
	assert.Contains(t, panicOf(t, func() { h.Private("a", allow, auth.Guards("adnim")) }), `unknown guard "adnim"; known guards: default, admin`)
	assert.Empty(t, h.Rules(), "what panicked is not registered")
}

// panicOf returns the text that f panics with.
func panicOf(t *testing.T, f func()) (text string) {
	t.Helper()
	defer func() {
		var ok bool
		if text, ok = recover().(string); !ok {
			t.Error("no panic with a text")
		}
	}()
	f()
	return ""
}
