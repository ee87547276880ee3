package auth_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

func TestNewHandlerRefusesBadWiring(t *testing.T) {
	t.Parallel()
	someone := session("X-User")
	for want, build := range map[string]func(){
		`auth: NewHandler: auth: app "": missing ID, Key, Secret`: func() { auth.NewHandler(auth.App{}, someone) },
		`auth: NewHandler: the user function is nil`:              func() { auth.NewHandler[user](testApp, nil) },
		`auth: NewHandler: there are both an app and WithAppResolver; pass App{} or leave the option out`: func() {
			auth.NewHandler(testApp, someone, auth.WithAppResolver(func(*http.Request) (auth.App, error) { return testApp, nil }))
		},
		`auth: NewHandler: allowed origin "*": list the origins one by one`: func() {
			auth.NewHandler(testApp, someone, auth.WithAllowedOrigins("*"))
		},
		`auth: NewHandler: allowed header "X-A, X-B" is not a header's name`: func() {
			auth.NewHandler(testApp, someone, auth.WithAllowedHeaders("X-A, X-B"))
		},
	} {
		assert.PanicsWithValue(t, want, build)
	}
}

func TestEachKindIsSignedAsWhatItIs(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("orders.{order}", allow)
	h.Private("cache-orders.{order}", allow)
	h.Presence("orders.{order}", func(_ context.Context, u *user, s *auth.Subscription) (*auth.Member, error) {
		return &auth.Member{ID: u.id, Info: []string{s.Param("order")}}, nil
	})
	for _, name := range []string{"private-orders.5", "private-cache-orders.5", "private-encrypted-orders.5", "private-encrypted-cache-orders.5"} {
		a := ask(t, h, subscribe(name))
		require.Equal(t, http.StatusOK, a.Status, "%s: %s", name, a.Raw)
		assertSigned(t, name, testApp.Secret, a.Auth, "1234.1234:"+name)
		assert.Empty(t, a.ChannelData)
		assert.Equal(t, strings.Contains(name, "encrypted"), a.SharedSecret != "")
	}
	a := ask(t, h, subscribe("presence-orders.5"))
	require.Equal(t, http.StatusOK, a.Status, a.Raw)
	assert.Equal(t, `{"user_id":"7","user_info":["5"]}`, a.ChannelData)
	assertSigned(t, "presence", testApp.Secret, a.Auth, "1234.1234:presence-orders.5:"+a.ChannelData)
}

func TestARuleIsAskedOnlyAboutItsKind(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", allow)
	h.Presence("b", member)
	assert.Equal(t, http.StatusForbidden, ask(t, h, subscribe("presence-a")).Status)
	assert.Equal(t, http.StatusForbidden, ask(t, h, subscribe("private-b")).Status)
	assert.Equal(t, http.StatusForbidden, ask(t, h, subscribe("private-encrypted-b")).Status)
}

func TestOutcomesOfARule(t *testing.T) {
	t.Parallel()
	boom := errors.New("database is down at 10.0.0.7")
	for _, test := range []struct {
		name    string
		rule    func(context.Context, *user, *auth.Subscription) (bool, error)
		status  int
		message string
		next    bool // the next rule is asked
		logged  string
	}{
		{"true allows", says(true, nil), 200, "", false, ""},
		{"false refuses at once", says(false, nil), 403, "forbidden", false, `the private rule \"a.{id}\" refused`},
		{"Pass asks the next rule", says(false, auth.Pass), 200, "", true, ""},
		{"Pass outweighs true", says(true, auth.Pass), 200, "", true, ""},
		{"Pass may be wrapped", says(false, fmt.Errorf("not mine: %w", auth.Pass)), 200, "", true, ""},
		{"Deny refuses as it says", says(false, auth.Deny(404, "no such order")), 404, "no such order", false, "level=DEBUG"},
		{"Deny outweighs true", says(true, auth.Deny(402, "pay first")), 402, "pay first", false, ""},
		{"Deny may be wrapped", says(false, fmt.Errorf("x: %w", auth.Deny(401, "who?"))), 401, "who?", false, ""},
		{"Deny without a message", says(false, auth.Deny(403, "")), 403, "", false, ""},
		{"what is not found refuses", says(false, fmt.Errorf("order: %w", auth.ErrNotFound)), 403, "forbidden", false, "order: auth: not found"},
		{"a parameter that does not parse refuses", func(_ context.Context, _ *user, s *auth.Subscription) (bool, error) {
			_, err := auth.Param[int](s, "id")
			return true, err
		}, 403, "forbidden", false, `parameter \"id\": \"x\" does not parse as int`},
		{"any other error is a fault", says(false, boom), 500, "server error", false, "database is down"},
		{"an error outweighs true", says(true, boom), 500, "server error", false, "level=ERROR"},
		{"a panic is a fault", func(context.Context, *user, *auth.Subscription) (bool, error) { panic("boom") }, 500, "server error", false, "panic: boom"},
		{"an unknown parameter is a fault", func(_ context.Context, u *user, s *auth.Subscription) (bool, error) {
			return s.Param("order") == u.id, nil
		}, 500, "server error", false, `no parameter \"order\": the pattern \"a.{id}\" has only id`},
		{"runtime.Goexit is a fault", func(context.Context, *user, *auth.Subscription) (bool, error) {
			runtime.Goexit()
			return true, nil
		}, 500, "server error", false, "runtime.Goexit"},
		{"a status that is no refusal is a fault", says(false, &auth.DenyError{Status: 200}), 500, "server error", false, "level=ERROR"},
		{"Deny with such a status panics", func(context.Context, *user, *auth.Subscription) (bool, error) {
			return false, auth.Deny(500, "")
		}, 500, "server error", false, "Deny with status 500; a refusal has a status from 400 to 499"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var l log
			h := newHandler(l.option())
			next := false
			h.Private("a.{id}", test.rule)
			h.Private("a.{other}", func(context.Context, *user, *auth.Subscription) (bool, error) { next = true; return true, nil })
			a := ask(t, h, subscribe("private-a.x"))
			assert.Equal(t, test.status, a.Status)
			assert.Equal(t, test.message, a.Message)
			assert.Equal(t, test.next, next)
			assert.Equal(t, test.status == 200, a.Auth != "")
			assert.Contains(t, l.String(), test.logged)
			if test.status == 500 {
				assert.Contains(t, l.String(), "handler_test.go:", "the log names the rule's line")
				assert.Contains(t, l.String(), `private rule \"a.{id}\"`)
			}
		})
	}
}

func TestEveryRulePasses(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a.{id}", says(true, auth.Pass))
	h.Private("{a}.{b}", says(true, auth.Pass))
	_, err := h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Private("a.1"))
	assert.EqualError(t, err, "auth: refused with status 403: forbidden: every rule that matches passed")
}

func TestEncryptedChannelsNeedAKey(t *testing.T) {
	t.Parallel()
	var l log
	app := testApp
	app.EncryptionKey = ""
	h := auth.NewHandler(app, session("X-User"), l.option())
	h.Private("a.{id}", func(_ context.Context, u *user, s *auth.Subscription) (bool, error) {
		return u.id == s.Param("id"), nil
	})

	_, err := h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Encrypted("a.7"))
	require.ErrorIs(t, err, auth.ErrNoEncryptionKey)
	a := ask(t, h, subscribe("private-encrypted-a.7"))
	assert.Equal(t, 500, a.Status)
	assert.Equal(t, "server error", a.Message)
	assert.Contains(t, l.String(), "set App.EncryptionKey to 32 bytes in base64")
	assert.Equal(t, 403, ask(t, h, subscribe("private-encrypted-a.8")).Status, "who is refused learns nothing about keys")
	assert.Equal(t, 200, ask(t, h, subscribe("private-a.7")).Status)
}

func TestGuestsAreRefusedBeforeAnyRule(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", func(context.Context, *user, *auth.Subscription) (bool, error) {
		t.Error("a rule was asked about a guest")
		return true, nil
	})
	auth.Bind(h, "a", func(context.Context, string) (int, error) { t.Error("something was loaded for a guest"); return 0, nil })
	guest := subscribe("private-a")
	guest.Header.Del("X-User")
	denied := ask(t, h, guest)
	assert.Equal(t, http.StatusForbidden, denied.Status)
	unknown := subscribe("private-b")
	unknown.Header.Del("X-User")
	assert.Equal(t, denied, ask(t, h, unknown), "guests cannot tell which channels there are")
}

func TestAnswersToGuardsThatFail(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		guard  func(*http.Request) (*user, error)
		status int
		body   string
		logged string
	}{
		{"an error is a fault", func(*http.Request) (*user, error) { return &user{"7"}, errors.New("no database") }, 500, "server error", "guard \\\"default\\\": no database"},
		{"a panic is a fault", func(*http.Request) (*user, error) { panic("no cookie") }, 500, "server error", "panic: no cookie"},
		{"a refusal is one", func(*http.Request) (*user, error) { return nil, auth.Deny(401, "log in again") }, 401, "log in again", "level=DEBUG"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var l log
			h := auth.NewHandler(testApp, test.guard, l.option())
			h.Private("a", allow)
			a := ask(t, h, subscribe("private-a"))
			assert.Equal(t, test.status, a.Status)
			assert.Equal(t, test.body, a.Message)
			assert.Contains(t, l.String(), test.logged)
		})
	}
	h := auth.NewHandler(testApp, func(*http.Request) (*user, error) { panic(http.ErrAbortHandler) }, quiet)
	h.Private("a", allow)
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() { h.ServeHTTP(httptest.NewRecorder(), subscribe("private-a")) },
		"the agreed way to cut a connection goes through")
}

func TestOnlyNamesThatNeedItAreSigned(t *testing.T) {
	t.Parallel()
	h := newHandler()
	for _, pattern := range []string{"{a}", "{a}.{b}", "cache-{a}"} {
		h.Private(pattern, allow)
		h.Presence(pattern, member)
	}
	for _, name := range []string{"orders", "cache-orders", "PRIVATE-orders", "private_orders", "privateer", "presence", "private.orders"} {
		a := ask(t, h, subscribe(name))
		assert.Equal(t, http.StatusForbidden, a.Status, name)
		assert.Equal(t, "forbidden", a.Message, name)
	}
	for _, name := range []string{"%23server-to-user-7"} {
		assert.Equal(t, http.StatusForbidden, ask(t, h, subscribe(name)).Status, name)
	}
}

func TestAuthorizeChecksWhatItIsGiven(t *testing.T) {
	t.Parallel()
	h := newHandler()
	for _, pattern := range []string{"{a}", "{a}.{b}"} {
		h.Private(pattern, allow)
		h.Presence(pattern, member)
	}
	id := h.As(&user{"7"})
	for _, ch := range []channel.Channel{
		channel.Private(""), channel.Private("a b"), channel.Private(`a:{"user_id":"1"}`), channel.Presence("é"),
		channel.Private(strings.Repeat("a", 193)), channel.Private("encrypted-a"), channel.Private("cache-a"),
	} {
		_, err := h.Authorize(t.Context(), id, "1.1", ch)
		deny, ok := errors.AsType[*auth.DenyError](err)
		require.True(t, ok, "channel %q: %v", ch, err)
		assert.Equal(t, http.StatusBadRequest, deny.Status)
	}
	for _, ch := range []channel.Channel{channel.Public("a"), channel.User("7"), channel.Public("a").Cached()} {
		_, err := h.Authorize(t.Context(), id, "1.1", ch)
		deny, ok := errors.AsType[*auth.DenyError](err)
		require.True(t, ok, "channel %q: %v", ch, err)
		assert.Equal(t, http.StatusForbidden, deny.Status)
		assert.Equal(t, ch.Kind().String()+" channels need no authorisation", deny.Reason)
	}
	for _, socketID := range []string{"", "1", "1.1:private-a", "1.1\n"} {
		_, err := h.Authorize(t.Context(), id, socketID, channel.Private("a"))
		deny, ok := errors.AsType[*auth.DenyError](err)
		require.True(t, ok, "socket id %q: %v", socketID, err)
		assert.Equal(t, http.StatusBadRequest, deny.Status)
	}
	for _, stranger := range []auth.Identity{nil, "7", &user{"7"}, newHandler().As(&user{"7"})} {
		_, err := h.Authorize(t.Context(), stranger, "1.1", channel.Private("a"))
		require.ErrorContains(t, err, "is from another handler")
		_, err = h.AuthorizeUser(t.Context(), stranger, "1.1")
		require.ErrorContains(t, err, "is from another handler")
	}
}

func TestIdentifyLetsGoOfTheRequest(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Guard("admin", session("X-Admin"))
	h.Private("a", allow)
	h.Private("b", allow, auth.Guards("admin"))
	r := subscribe("private-a")
	id, err := h.Identify(r)
	require.NoError(t, err)
	request := weak.Make(r)
	r = nil
	runtime.GC()
	assert.Nil(t, request.Value())

	h.Guard("late", session("X-User"))
	h.Private("c", allow, auth.Guards("late"))
	for name, ok := range map[string]bool{"a": true, "b": false, "c": false} {
		_, err = h.Authorize(t.Context(), id, "1.1", channel.Private(name))
		assert.Equal(t, ok, err == nil, "channel %s: %v", name, err)
	}
}

func TestIdentifyKeepsTheErrorOfAGuard(t *testing.T) {
	t.Parallel()
	h := newHandler()
	down := errors.New("no directory service")
	h.Guard("admin", func(*http.Request) (*user, error) { return nil, down })
	h.Private("a", allow)
	h.Private("b", allow, auth.Guards("admin"))
	id, err := h.Identify(subscribe(""))
	require.NoError(t, err, "who does not need the guard is not harmed")
	_, err = h.Authorize(t.Context(), id, "1.1", channel.Private("a"))
	require.NoError(t, err)
	_, err = h.Authorize(t.Context(), id, "1.1", channel.Private("b"))
	require.ErrorIs(t, err, down)
}

func TestAs(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Guard("admin", session("X-Admin"))
	h.Private("a", allow)
	h.Private("b", allow, auth.Guards("admin"))
	allowed := func(id auth.Identity, name string) bool {
		_, err := h.Authorize(t.Context(), id, "1.1", channel.Private(name))
		return err == nil
	}
	assert.True(t, allowed(h.As(&user{"7"}), "a"))
	assert.False(t, allowed(h.As(&user{"7"}), "b"))
	assert.True(t, allowed(h.As(&user{"7"}, "admin"), "b"))
	assert.False(t, allowed(h.As(&user{"7"}, "admin"), "a"))
	assert.True(t, allowed(h.As(&user{"7"}, "admin", auth.DefaultGuard), "a"))
	assert.False(t, allowed(h.As(nil), "a"))
	assert.PanicsWithValue(t, `auth: As: unknown guard "adnim"`, func() { h.As(&user{}, "adnim") })

	tenants := auth.NewHandler(auth.App{}, session("X-User"), auth.WithAppResolver(func(*http.Request) (auth.App, error) { return testApp, nil }))
	assert.PanicsWithValue(t, "auth: As: the handler finds its app by the request; use Identify", func() { tenants.As(&user{}) })
}

func TestTenantsSignWithTheirOwnKeys(t *testing.T) {
	t.Parallel()
	var l log
	h := auth.NewHandler(auth.App{}, session("X-User"), l.option(), auth.WithAppResolver(func(r *http.Request) (auth.App, error) {
		switch tenant := r.Header.Get("X-Tenant-ID"); tenant {
		case "none":
			return auth.App{}, nil
		case "unknown":
			return auth.App{}, auth.Deny(404, "no such tenant")
		case "panic":
			panic("no tenant")
		default:
			return auth.App{ID: tenant, Key: "key-" + tenant, Secret: "secret-" + tenant}, nil
		}
	}))
	h.Private("a", allow)
	for range 2 { // the second time with kept credentials
		for _, tenant := range []string{"red", "blue"} {
			r := subscribe("private-a")
			r.Header.Set("X-Tenant-ID", tenant)
			a := ask(t, h, r)
			require.Equal(t, 200, a.Status)
			assert.True(t, strings.HasPrefix(a.Auth, "key-"+tenant+":"))
			assertSigned(t, tenant, "secret-"+tenant, a.Auth, "1234.1234:private-a")

			id, err := h.Identify(r)
			require.NoError(t, err)
			grant, err := h.Authorize(t.Context(), id, "1234.1234", channel.Private("a"))
			require.NoError(t, err)
			assert.Equal(t, a.Auth, grant.Auth)
		}
	}
	for tenant, status := range map[string]int{"none": 500, "unknown": 404, "panic": 500} {
		r := subscribe("private-a")
		r.Header.Set("X-Tenant-ID", tenant)
		assert.Equal(t, status, ask(t, h, r).Status, tenant)
		_, err := h.Identify(r)
		assert.Error(t, err, tenant)
	}
	assert.NotContains(t, l.String(), "secret-")
}

// TestTenantsMayChangeTheirSecrets has an app whose id and key stay.
func TestTenantsMayChangeTheirSecrets(t *testing.T) {
	t.Parallel()
	app := testApp
	h := auth.NewHandler(auth.App{}, session("X-User"), quiet, auth.WithAppResolver(func(*http.Request) (auth.App, error) { return app, nil }))
	h.Private("a", allow)
	first := ask(t, h, subscribe("private-encrypted-a"))
	app.Secret = "another"
	second := ask(t, h, subscribe("private-encrypted-a"))
	assertSigned(t, "secret", "another", second.Auth, "1234.1234:private-encrypted-a")
	assert.Equal(t, first.SharedSecret, second.SharedSecret)
	app.EncryptionKey = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="
	assert.NotEqual(t, second.SharedSecret, ask(t, h, subscribe("private-encrypted-a")).SharedSecret)
}

func TestAnAppBesideAResolverIsRefused(t *testing.T) {
	t.Parallel()
	for _, app := range []auth.App{{ID: "1"}, {Key: "k"}, {Secret: "s"}} {
		assert.PanicsWithValue(t, "auth: NewHandler: there are both an app and WithAppResolver; pass App{} or leave the option out", func() {
			auth.NewHandler(app, session("X-User"), auth.WithAppResolver(func(*http.Request) (auth.App, error) { return testApp, nil }))
		})
	}
}
