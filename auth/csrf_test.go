package auth_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
)

// cookieOf returns the one cookie that an answer sets.
func cookieOf(t *testing.T, a answer) *http.Cookie {
	t.Helper()
	cookies := (&http.Response{Header: a.Header}).Cookies()
	require.Len(t, cookies, 1)
	return cookies[0]
}

func TestCSRFCookie(t *testing.T) {
	t.Parallel()
	h := auth.CSRF{}.Cookie()
	a := ask(t, h, httptest.NewRequest(http.MethodGet, "/sanctum/csrf-cookie", nil))
	assert.Equal(t, http.StatusNoContent, a.Status)
	assert.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	c := cookieOf(t, a)
	assert.Equal(t, "XSRF-TOKEN", c.Name)
	assert.Len(t, c.Value, 43)
	assert.Equal(t, "/", c.Path)
	assert.True(t, c.Secure)
	assert.False(t, c.HttpOnly, "scripts of the page must read it")
	assert.Equal(t, http.SameSiteLaxMode, c.SameSite)
	assert.Empty(t, c.Domain)

	again := httptest.NewRequest(http.MethodGet, "/sanctum/csrf-cookie", nil)
	again.AddCookie(c)
	assert.Empty(t, ask(t, h, again).Header.Values("Set-Cookie"), "a cookie that is there stays, for other tabs")
	assert.NotEqual(t, c.Value, cookieOf(t, ask(t, h, httptest.NewRequest(http.MethodGet, "/", nil))).Value)

	planted := httptest.NewRequest(http.MethodGet, "/", nil)
	planted.AddCookie(&http.Cookie{Name: "XSRF-TOKEN", Value: "x"})
	assert.Len(t, cookieOf(t, ask(t, h, planted)).Value, 43, "what is no token is replaced")

	assert.Equal(t, http.StatusNoContent, ask(t, h, httptest.NewRequest(http.MethodHead, "/", nil)).Status)
	a = ask(t, h, httptest.NewRequest(http.MethodPost, "/", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, a.Status)
	assert.Equal(t, "use GET", a.Message)
	assert.Equal(t, "GET, HEAD", a.Header.Get("Allow"))
}

func TestCSRFCookieSettings(t *testing.T) {
	t.Parallel()
	csrf := auth.CSRF{
		CookieName: func(r *http.Request) string { return "XSRF-TOKEN-" + r.Header.Get("X-Tenant-ID") },
		Domain:     "example.com", SameSite: http.SameSiteNoneMode, InsecureCookie: true,
	}
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Header.Set("X-Tenant-ID", "red")
	c := cookieOf(t, ask(t, csrf.Cookie(), r))
	assert.Equal(t, "XSRF-TOKEN-red", c.Name)
	assert.Equal(t, "example.com", c.Domain)
	assert.Equal(t, http.SameSiteNoneMode, c.SameSite)
	assert.False(t, c.Secure)
}

func TestCSRFProtect(t *testing.T) {
	t.Parallel()
	csrf := auth.CSRF{}
	w := httptest.NewRecorder()
	token := csrf.Token(w, httptest.NewRequest(http.MethodGet, "/", nil))
	assert.Contains(t, w.Header().Get("Set-Cookie"), "XSRF-TOKEN="+token)
	assert.NotContains(t, token, "%", "axios decodes the cookie before it sends it")
	other := csrf.Token(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/", nil))
	known := httptest.NewRequest(http.MethodGet, "/", nil)
	known.AddCookie(&http.Cookie{Name: "XSRF-TOKEN", Value: token})
	w = httptest.NewRecorder()
	assert.Equal(t, token, csrf.Token(w, known), "the page repeats the cookie that is there")
	assert.Empty(t, w.Header().Values("Set-Cookie"))

	reached := false
	h := csrf.Protect(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached = r.URL.Path == "/"
		w.WriteHeader(http.StatusNoContent)
	}))
	for _, test := range []struct {
		name           string
		method         string
		cookie         string
		header, value  string
		secondHeader   string
		reached, twice bool
	}{
		{"axios", http.MethodPost, token, "X-XSRF-TOKEN", token, "", true, false},
		{"Echo", http.MethodPost, token, "X-CSRF-TOKEN", token, "", true, false},
		{"reading needs none", http.MethodGet, "", "", "", "", true, false},
		{"nor does asking for the header", http.MethodHead, "", "", "", "", true, false},
		{"a preflight needs none", http.MethodOptions, "", "", "", "", true, false},
		{"nor does a trace", http.MethodTrace, "", "", "", "", true, false},
		{"a method that nobody knows does", "BREW", token, "", "", "", false, false},
		{"no header", http.MethodPost, token, "", "", "", false, false},
		{"no cookie", http.MethodPost, "", "X-XSRF-TOKEN", token, "", false, false},
		{"neither", http.MethodPost, "", "", "", "", false, false},
		{"another token", http.MethodPost, token, "X-XSRF-TOKEN", other, "", false, false},
		{"both headers, the first wrong", http.MethodPost, token, "X-XSRF-TOKEN", other, token, false, false},
		{"half a token", http.MethodDelete, token, "X-XSRF-TOKEN", token[:20], "", false, false},
		{"a cookie that is no token", http.MethodPost, "x", "X-XSRF-TOKEN", "x", "", false, false},
		{"an empty cookie", http.MethodPost, "", "X-XSRF-TOKEN", "", "", false, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			reached = false
			r := httptest.NewRequest(test.method, "/", strings.NewReader(""))
			if test.cookie != "" || test.twice {
				r.AddCookie(&http.Cookie{Name: "XSRF-TOKEN", Value: test.cookie})
			}
			if test.header != "" {
				r.Header.Set(test.header, test.value)
			}
			if test.secondHeader != "" {
				r.Header.Set("X-CSRF-TOKEN", test.secondHeader)
			}
			a := ask(t, h, r)
			assert.Equal(t, test.reached, reached)
			if !test.reached {
				assert.Equal(t, http.StatusForbidden, a.Status)
				assert.Equal(t, "the CSRF token is missing or wrong", a.Message)
			}
		})
	}
}

func TestCSRFNameThatCannotNameACookie(t *testing.T) {
	t.Parallel()
	csrf := auth.CSRF{CookieName: func(*http.Request) string { return "a b" }}
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	token := csrf.Token(httptest.NewRecorder(), r)
	r.Header.Set("X-XSRF-TOKEN", token)
	r.Header.Set("Cookie", "a b="+token)
	h := csrf.Protect(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached") }))
	assert.Equal(t, http.StatusForbidden, ask(t, h, r).Status)
}
