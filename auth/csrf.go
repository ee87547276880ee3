package auth

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
)

// CSRF protects handlers that rely on cookies by the double-submit method,
// which axios and Laravel's front ends follow without further setup: a cookie
// that scripts of the site's own pages can read, and a header that must repeat
// its value. It is a second line of defence and is not needed for the channel
// endpoint, which refuses requests from other origins anyway.
//
// The zero value is ready to use. The method gives no protection against anyone
// who can set cookies for the site, such as a page on a sibling subdomain.
type CSRF struct {
	// CookieName returns the name of the cookie, which may depend on the request,
	// since tenants often have one each. If CookieName is nil, the name is
	// "XSRF-TOKEN". If it returns an invalid cookie name, every request that needs
	// the token is refused.
	CookieName func(*http.Request) string
	// Domain is the cookie's Domain attribute. Set it if pages and handlers are on
	// different subdomains. If it is empty, the cookie is for this host only.
	Domain string
	// SameSite is the cookie's SameSite attribute; zero means Lax. Pages on
	// another site need None.
	SameSite http.SameSite
	// InsecureCookie lets the cookie travel without TLS. Use it only for
	// development on hosts other than localhost.
	InsecureCookie bool
}

// tokenSize is the number of random bytes in a token.
const tokenSize = 32

// Cookie returns the handler for /sanctum/csrf-cookie. It sets the cookie
// unless the request already has a valid one, and responds with status 204. The
// application must add CORS headers for pages of other origins.
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

// Token returns the token in the request's cookie. If there is none, it makes a
// new token and sets the cookie on w, so it must be called before the response
// header is written. Put the token where Echo looks for it: <meta
// name="csrf-token" content="…">.
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

// Protect wraps next with the check. GET, HEAD, OPTIONS and TRACE requests
// pass. Any other request must repeat the cookie's token in its X-XSRF-TOKEN or
// X-CSRF-TOKEN header; otherwise it is refused with status 403.
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

// valid reports, in constant time, whether a header repeats the cookie's token.
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

// cookie returns the token in the request's cookie. A value that Token cannot
// have made counts as none, since it may be too short to be a secret.
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
