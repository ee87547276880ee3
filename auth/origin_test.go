package auth_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
)

const page = "https://app.example"

func TestRequestsOfOtherOrigins(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		origin, site   string
		host           string
		status         int
		allowedOrigins bool // the answer has CORS headers
	}{
		{"no browser", "", "", "api.example", 200, false},
		{"the page's own origin", "https://api.example", "same-origin", "api.example", 200, false},
		{"the page's own origin, an old browser", "https://api.example", "", "api.example", 200, false},
		{"behind a proxy that changes the host", "https://api.example", "same-origin", "internal:8080", 200, false},
		{"typed into the address bar", "", "none", "api.example", 200, false},
		{"a listed origin", page, "cross-site", "api.example", 200, true},
		{"a listed origin, an old browser", page, "", "api.example", 200, true},
		{"a listed origin of the same site", page, "same-site", "api.app.example", 200, true},
		{"another origin", "https://evil.example", "cross-site", "api.example", 403, false},
		{"another origin, an old browser", "https://evil.example", "", "api.example", 403, false},
		{"a neighbour", "https://other.api.example", "same-site", "api.example", 403, false},
		{"another scheme", "http://app.example", "cross-site", "api.example", 403, false},
		{"another port", "https://app.example:8443", "cross-site", "api.example", 403, false},
		{"a longer name", "https://app.example.evil.example", "cross-site", "api.example", 403, false},
		{"a sandboxed frame", "null", "cross-site", "api.example", 403, false},
		{"cross-site without an origin", "", "cross-site", "api.example", 403, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			h := newHandler(auth.WithAllowedOrigins(page, "capacitor://localhost"))
			h.Private("a", allow)
			r := subscribe("private-a")
			r.Host = test.host
			r.Header.Set("Cookie", "session=7")
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			if test.site != "" {
				r.Header.Set("Sec-Fetch-Site", test.site)
			}
			a := ask(t, h, r)
			assert.Equal(t, test.status, a.Status)
			assert.Equal(t, test.status == 200, a.Auth != "")
			assert.Equal(t, "Origin", a.Header.Get("Vary"))
			if test.allowedOrigins {
				assert.Equal(t, test.origin, a.Header.Get("Access-Control-Allow-Origin"))
				assert.Equal(t, "true", a.Header.Get("Access-Control-Allow-Credentials"))
				assert.Equal(t, "Retry-After", a.Header.Get("Access-Control-Expose-Headers"))
			} else {
				assert.Empty(t, a.Header.Values("Access-Control-Allow-Origin"))
				assert.Empty(t, a.Header.Values("Access-Control-Allow-Credentials"))
			}
		})
	}
}

func TestRefusalsCanBeReadByListedOrigins(t *testing.T) {
	t.Parallel()
	h := newHandler(auth.WithAllowedOrigins(page))
	r := subscribe("private-a")
	r.Header.Set("Origin", page)
	a := ask(t, h, r)
	assert.Equal(t, http.StatusForbidden, a.Status)
	assert.Equal(t, page, a.Header.Get("Access-Control-Allow-Origin"))
}

func TestPreflight(t *testing.T) {
	t.Parallel()
	h := newHandler(auth.WithAllowedOrigins(page), auth.WithAllowedHeaders("x-tenant-id", "X-Trace-ID"))
	preflight := func(origin, headers string) answer {
		r := httptest.NewRequest(http.MethodOptions, "/broadcasting/auth", nil)
		r.Header.Set("Origin", origin)
		r.Header.Set("Access-Control-Request-Method", "POST")
		r.Header.Set("Access-Control-Request-Headers", headers)
		return ask(t, h, r)
	}
	a := preflight(page, "content-type,x-csrf-token")
	assert.Equal(t, http.StatusNoContent, a.Status)
	assert.Equal(t, page, a.Header.Get("Access-Control-Allow-Origin"))
	assert.Equal(t, "true", a.Header.Get("Access-Control-Allow-Credentials"))
	assert.Equal(t, "OPTIONS, POST", a.Header.Get("Access-Control-Allow-Methods"))
	assert.Equal(t, "7200", a.Header.Get("Access-Control-Max-Age"))
	assert.Equal(t, "Accept, Authorization, Content-Type, X-CSRF-TOKEN, X-Requested-With, X-Socket-ID, X-XSRF-TOKEN, X-Tenant-Id, X-Trace-Id",
		a.Header.Get("Access-Control-Allow-Headers"))
	assert.Equal(t, a, preflight(page, strings.Repeat(",", 64<<10)), "what the preflight lists is not looked at")

	a = preflight("https://evil.example", strings.Repeat(",", 64<<10))
	assert.Equal(t, http.StatusNoContent, a.Status)
	for name := range a.Header {
		assert.NotContains(t, name, "Access-Control")
	}
}

func TestOriginsThatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"", "*", "null", "app.example", "https://", "https://app.example/", "https://app.example/x", "https://app.example?x", "https://app.example#x",
		"https:", "//app.example", "mailto:a", "https://a\x7fb", "https://*.example", "https://App.example", "https://app.example:443", "http://app.example:80", "https://user@app.example", "://x",
	} {
		assert.Contains(t, panicOf(t, func() { newHandler(auth.WithAllowedOrigins(origin)) }), fmt.Sprintf("auth: NewHandler: allowed origin %q: ", origin))
	}
	for _, origin := range []string{"https://app.example", "http://localhost:5173", "http://app.example:443", "https://app.example:80", "https://app.example:8443", "capacitor://localhost", "https://[::1]:8443"} {
		assert.NotPanics(t, func() { newHandler(auth.WithAllowedOrigins(origin)) }, "origin %q", origin)
	}
	for _, name := range []string{"", "*", "X A", "X,A", "X\n", "é"} {
		assert.Equal(t, fmt.Sprintf("auth: NewHandler: allowed header %q is not a header's name", name), panicOf(t, func() { newHandler(auth.WithAllowedHeaders(name)) }))
	}
}

func TestDevelopmentTellsAboutTheOrigin(t *testing.T) {
	t.Parallel()
	h := newHandler(auth.WithDevelopment(true))
	r := subscribe("private-a")
	r.Header.Set("Origin", "https://app.example")
	assert.Equal(t, "forbidden: the page is from another origin, which WithAllowedOrigins does not list", ask(t, h, r).Message)
}

func TestPagesOfOtherOriginsAreLogged(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l log
		h := newHandler(l.at(slog.LevelInfo), auth.WithAllowedOrigins(page))
		h.Private("a", allow)
		from := func(method, origin string) {
			r := subscribe("private-a")
			r.Method = method
			r.Header.Set("Origin", origin)
			r.Header.Set("Access-Control-Request-Method", "POST")
			ask(t, h, r)
		}
		from(http.MethodOptions, page)
		from(http.MethodPost, page)
		from(http.MethodPost, "http://"+subscribe("").Host)
		assert.Empty(t, l.String())

		from(http.MethodPost, "http://localhost:5173")
		assert.Contains(t, l.String(), "level=WARN")
		assert.Contains(t, l.String(), "origin=http://localhost:5173")
		assert.Contains(t, l.String(), "WithAllowedOrigins")
		said := l.String()
		from(http.MethodPost, "http://localhost:5174")
		assert.Equal(t, said, l.String(), "strangers do not fill the log")

		// A browser asks first, and after the wrong answer it sends no POST.
		time.Sleep(time.Minute)
		from(http.MethodOptions, "http://localhost:5173"+strings.Repeat("x", 1000))
		assert.Equal(t, 2, strings.Count(l.String(), "level=WARN"))
		assert.Less(t, len(l.String())-len(said), 600)
	})
}
