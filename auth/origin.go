package auth

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"
)

// origins decides which pages may call an endpoint: those of the endpoint's own
// origin and of a fixed list of others.
type origins struct {
	protection *http.CrossOriginProtection
	allowed    map[string]bool
	headers    string // Access-Control-Allow-Headers
}

// newOrigins checks the lists and returns the origins.
func newOrigins(list, headers []string) (*origins, error) {
	o := &origins{
		protection: http.NewCrossOriginProtection(),
		allowed:    make(map[string]bool),
		headers:    "Accept, Authorization, Content-Type, X-CSRF-TOKEN, X-Requested-With, X-Socket-ID, X-XSRF-TOKEN",
	}
	for _, origin := range list {
		if strings.Contains(origin, "*") {
			return nil, fmt.Errorf("allowed origin %q: list the origins one by one", origin)
		}
		u, err := url.Parse(origin)
		if err != nil || u.Scheme == "" || u.Host == "" || u.String() != u.Scheme+"://"+u.Host || origin != strings.ToLower(origin) ||
			u.Scheme == "https" && u.Port() == "443" || u.Scheme == "http" && u.Port() == "80" {
			return nil, fmt.Errorf("allowed origin %q: write it as browsers send it, scheme://host or scheme://host:port in lower case, without a default port, path or trailing slash", origin)
		}
		if err := o.protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("allowed origin: %w", err)
		}
		o.allowed[origin] = true
	}
	for _, name := range headers {
		if name == "" || strings.ContainsFunc(name, func(r rune) bool {
			return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", r)
		}) {
			return nil, fmt.Errorf("allowed header %q is not a header's name", name)
		}
		o.headers += ", " + textproto.CanonicalMIMEHeaderKey(name)
	}
	return o, nil
}

// errPreflight is the error for a preflight request from a page that may not
// ask.
var errPreflight = errors.New("preflight of another origin")

// answer sets the CORS headers of the response. It returns an error if the
// request comes from a page that may not send it. A preflight always gets the
// same list of allowed headers, whichever it asks for.
func (o *origins) answer(w http.ResponseWriter, r *http.Request) error {
	h := w.Header()
	h.Add("Vary", "Origin")
	origin := r.Header.Get("Origin")
	if o.allowed[origin] {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		if r.Method == http.MethodOptions {
			h.Set("Access-Control-Allow-Methods", allowedMethods)
			h.Set("Access-Control-Allow-Headers", o.headers)
			h.Set("Access-Control-Max-Age", "7200")
		} else {
			h.Set("Access-Control-Expose-Headers", "Retry-After")
		}
	} else if origin != "" && r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		return errPreflight // browsers send preflights only to origins other than the page's
	}
	return o.protection.Check(r)
}
