package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
)

// signsIn is a sign-in that always answers the same.
func signsIn(u *auth.UserData, err error) func(context.Context, *user) (*auth.UserData, error) {
	return func(context.Context, *user) (*auth.UserData, error) { return u, err }
}

func TestSignIn(t *testing.T) {
	t.Parallel()
	ids := func(n int) []string {
		list := make([]string, n)
		for i := range list {
			list[i] = fmt.Sprint(i)
		}
		return list
	}
	for _, test := range []struct {
		name   string
		user   *auth.UserData
		err    error
		status int
		data   string
		logged string
	}{
		{"an id", &auth.UserData{ID: "12345"}, nil, 200, `{"id":"12345"}`, ""},
		{
			"everything", &auth.UserData{ID: "7", Info: map[string]any{"name": "Ada"}, Watchlist: []string{"8", "9"}, Extra: map[string]any{"x": nil, "n": 1}},
			nil, 200, `{"id":"7","user_info":{"name":"Ada"},"watchlist":["8","9"],"x":null,"n":1}`, "",
		},
		{"a watch list of one", &auth.UserData{ID: "7", Watchlist: []string{"8"}}, nil, 200, `{"id":"7","watchlist":["8"]}`, ""},
		{"a watch list of none", &auth.UserData{ID: "7", Watchlist: []string{}}, nil, 200, `{"id":"7"}`, ""},
		{"a watch list of 100", &auth.UserData{ID: "7", Watchlist: ids(100)}, nil, 200, `{"id":"7","watchlist":` + mustMarshal(ids(100)) + `}`, ""},
		{"nobody", nil, nil, 403, "", "the sign-in refused"},
		{"an error", &auth.UserData{ID: "7"}, errors.New("no database"), 500, "", "the sign-in (/"},
		{"Pass has no next", nil, auth.Pass, 403, "", "every rule that matches passed"},
		{"Deny", nil, auth.Deny(423, "locked"), 423, "", "locked"},
		{"no id", &auth.UserData{}, nil, 403, "", "invalid user: id is empty"},
		{"a long id", &auth.UserData{ID: strings.Repeat("7", 129)}, nil, 403, "", "id has 129 bytes, the limit is 128"},
		{"an id that no channel can have", &auth.UserData{ID: "auth0|7"}, nil, 403, "", "has the character '|'"},
		{"info that is no object", &auth.UserData{ID: "7", Info: "Ada"}, nil, 403, "", "info does not encode as a JSON object"},
		{"info that is no JSON", &auth.UserData{ID: "7", Info: func() {}}, nil, 403, "", "invalid user: info: json: unsupported type"},
		{"info that panics", &auth.UserData{ID: "7", Info: panics{}}, nil, 500, "", "panic: no info"},
		{"info too large", &auth.UserData{ID: "7", Info: map[string]string{"x": strings.Repeat("x", 1024)}}, nil, 403, "", "the limit is 1024"},
		{"extra that is no JSON", &auth.UserData{ID: "7", Extra: map[string]any{"x": func() {}}}, nil, 403, "", "invalid user: extra: "},
		{"extra that is the id", &auth.UserData{ID: "7", Extra: map[string]any{"id": "8"}}, nil, 403, "", `extra has the key \"id\"; use the field`},
		{"extra that is the info", &auth.UserData{ID: "7", Extra: map[string]any{"user_info": 1}}, nil, 403, "", `extra has the key \"user_info\"; use the field`},
		{"extra that is a field", &auth.UserData{ID: "7", Extra: map[string]any{"watchlist": 1}}, nil, 403, "", `extra has the key \"watchlist\"; use the field`},
		{"a watch list of 101", &auth.UserData{ID: "7", Watchlist: ids(101)}, nil, 403, "", "watch list has 101 ids, the limit is 100"},
		{"an empty id on the watch list", &auth.UserData{ID: "7", Watchlist: []string{"8", ""}}, nil, 403, "", "watch list [1] is empty"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var l log
			h := newHandler(l.option())
			a := ask(t, h.Users(signsIn(test.user, test.err)), form("socket_id=1234.1234&channel_name=ignored"))
			assert.Equal(t, test.status, a.Status, a.Raw)
			assert.Contains(t, l.String(), test.logged)
			if test.status == 200 {
				assert.JSONEq(t, test.data, a.UserData)
				assertSigned(t, test.name, testApp.Secret, a.Auth, "1234.1234::user::"+a.UserData)
			} else {
				assert.Empty(t, a.Auth+a.UserData)
				fault := test.status == 500 || test.status == 403 && test.user != nil
				assert.Equal(t, fault, strings.Contains(l.String(), "level=ERROR"), "the application is at fault: %s", l.String())
			}
		})
	}
}

// TestUserLimit: {"id":"7","user_info":{"x":"…"}} is 31 bytes and the text. The
// watch list does not count.
func TestUserLimit(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ limit, size, status int }{
		{0, auth.DefaultMemberLimit - 31, 200},
		{0, auth.DefaultMemberLimit - 30, 403},
		{100, 69, 200},
		{100, 70, 403},
		{-1, 1 << 20, 200},
	} {
		h := newHandler(auth.WithMemberLimit(test.limit))
		u := &auth.UserData{ID: "7", Info: map[string]string{"x": strings.Repeat("x", test.size)}, Watchlist: []string{strings.Repeat("8", 128)}}
		assert.Equal(t, test.status, ask(t, h.Users(signsIn(u, nil)), form("socket_id=1.1")).Status, "limit %d, text of %d", test.limit, test.size)
	}
}

func TestSignInIsForUsers(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Guard("admin", session("X-Admin"))
	asked := ""
	users := h.Users(func(_ context.Context, u *user) (*auth.UserData, error) {
		asked += u.id
		return &auth.UserData{ID: u.id}, nil
	}, auth.Guards("admin", auth.DefaultGuard))
	guest := form("socket_id=1.1")
	guest.Header.Del("X-User")
	assert.Equal(t, http.StatusForbidden, ask(t, users, guest).Status)
	assert.Empty(t, asked)
	admin := form("socket_id=1.1")
	admin.Header.Set("X-Admin", "99")
	assert.Equal(t, `{"id":"99"}`, ask(t, users, admin).UserData)
	assert.Equal(t, `{"id":"7"}`, ask(t, users, form("socket_id=1.1")).UserData)

	assert.Equal(t, http.StatusBadRequest, ask(t, users, form("socket_id=x")).Status)
	_, err := h.AuthorizeUser(t.Context(), h.As(&user{"7"}), "1.1::user::x")
	deny, ok := errors.AsType[*auth.DenyError](err)
	require.True(t, ok)
	assert.Equal(t, http.StatusBadRequest, deny.Status)
	assert.Equal(t, "997", asked)
}

func TestSignInOfTenants(t *testing.T) {
	t.Parallel()
	h := auth.NewHandler(auth.App{}, session("X-User"), quiet, auth.WithAppResolver(func(r *http.Request) (auth.App, error) {
		if r.Header.Get("X-Tenant-ID") == "" {
			return auth.App{}, auth.Deny(404, "no such tenant")
		}
		return auth.App{ID: "1", Key: "red", Secret: "red-secret"}, nil
	}))
	users := h.Users(signsIn(&auth.UserData{ID: "7"}, nil))
	assert.Equal(t, 404, ask(t, users, form("socket_id=1.1")).Status)
	r := form("socket_id=1.1")
	r.Header.Set("X-Tenant-ID", "red")
	a := ask(t, users, r)
	assert.True(t, strings.HasPrefix(a.Auth, "red:"))
	assertSigned(t, "red", "red-secret", a.Auth, `1.1::user::{"id":"7"}`)
}

func TestSignInGuardFails(t *testing.T) {
	t.Parallel()
	down := errors.New("no directory")
	h := auth.NewHandler(testApp, func(*http.Request) (*user, error) { return nil, down }, quiet)
	users := h.Users(signsIn(&auth.UserData{ID: "7"}, nil))
	assert.Equal(t, http.StatusInternalServerError, ask(t, users, form("socket_id=1.1")).Status)
}

func TestUsersPanics(t *testing.T) {
	t.Parallel()
	h := newHandler()
	assert.Regexp(t, `^auth: sign-in \(.*/userauth_test.go:\d+\): the function is nil$`, panicOf(t, func() { h.Users(nil) }))
	assert.Contains(t, panicOf(t, func() { h.Users(signsIn(nil, nil), auth.Guards("adnim")) }), `unknown guard "adnim"; known guards: default`)
	h.Users(signsIn(nil, nil))
	assert.Regexp(t, `^auth: sign-in \(.*/userauth_test.go:\d+\): already registered at .*/userauth_test.go:\d+$`,
		panicOf(t, func() { h.Users(signsIn(nil, nil)) }))
}
