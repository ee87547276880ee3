package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
)

// CSRF protects handlers that trust cookies by the double-submit method, which
// axios and Laravel's front ends follow by themselves: a cookie that scripts of
// the page's own site can read, and a header that must repeat it. It is a
// second line; the channel endpoint refuses requests of other origins anyhow.
//
// The zero value is ready to use. Who can set cookies for the site, such as a
// page on a neighbouring subdomain, can defeat the method.
type CSRF struct {
	// CookieName names the cookie, which may depend on the request: tenants
	// often have one each. nil is "XSRF-TOKEN" for all. Where it returns what
	// cannot name a cookie, no request passes.
	CookieName func(*http.Request) string
	// Domain is the cookie's Domain attribute, needed when pages and handlers
	// are on different subdomains. Empty means this host only.
	Domain string
	// SameSite is the cookie's SameSite attribute; zero is Lax. Pages of
	// another site need None.
	SameSite http.SameSite
	// InsecureCookie lets the cookie travel without TLS: for development on
	// hosts other than localhost.
	InsecureCookie bool
}

// tokenSize is the number of random bytes in a token.
const tokenSize = 32

// Cookie returns the handler of /sanctum/csrf-cookie: it sets the cookie where
// there is none and answers 204. Pages of other origins need CORS headers from
// the application.
func (c CSRF) Cookie() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			writeJSON(w, http.StatusMethodNotAllowed, message{"use GET"})
			return
		}
		c.Token(w, r)
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(http.StatusNoContent)
	})
}

// Token returns the token of the request's cookie, and sets the cookie first
// where there is none. Put it where Echo looks for it:
// <meta name="csrf-token" content="…">. Call it before the answer's header is
// written.
func (c CSRF) Token(w http.ResponseWriter, r *http.Request) string {
	if token, ok := c.cookie(r); ok {
		return token
	}
	var raw [tokenSize]byte
	rand.Read(raw[:]) // never fails; the runtime aborts instead
	token := base64.RawURLEncoding.EncodeToString(raw[:])
	sameSite := c.SameSite
	if sameSite == 0 {
		sameSite = http.SameSiteLaxMode
	}
	http.SetCookie(w, &http.Cookie{
		Name: c.name(r), Value: token, Path: "/", Domain: c.Domain, SameSite: sameSite, Secure: !c.InsecureCookie,
	})
	return token
}

// Protect returns the handler behind the check: requests by GET, HEAD, OPTIONS
// and TRACE pass, all others need the cookie's token in the header X-XSRF-TOKEN
// or X-CSRF-TOKEN. Others are answered with status 403.
func (c CSRF) Protect(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Method {
		case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		default:
			if !c.valid(r) {
				writeJSON(w, http.StatusForbidden, message{"the CSRF token is missing or wrong"})
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// valid reports in constant time whether a header repeats the cookie.
func (c CSRF) valid(r *http.Request) bool {
	token, ok := c.cookie(r)
	if !ok {
		return false
	}
	given := r.Header.Get("X-XSRF-TOKEN")
	if given == "" {
		given = r.Header.Get("X-CSRF-TOKEN")
	}
	return subtle.ConstantTimeCompare([]byte(token), []byte(given)) == 1
}

// cookie returns the token in the request's cookie. One that is not ours, too
// short to be a secret, counts as none.
func (c CSRF) cookie(r *http.Request) (string, bool) {
	cookie, err := r.Cookie(c.name(r))
	if err != nil {
		return "", false
	}
	raw, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	return cookie.Value, err == nil && len(raw) == tokenSize
}

func (c CSRF) name(r *http.Request) string {
	if c.CookieName == nil {
		return "XSRF-TOKEN"
	}
	return c.CookieName(r)
}
