package server

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// origins are the patterns of Config.AllowedOrigins.
type origins []origin

// origin is the origin of a page, or a pattern that matches several.
type origin struct {
	scheme string
	host   string // lower case; in a pattern, what follows a leading "*."
	port   string // the scheme's default if there was none; in a pattern, "*" is any
	below  bool   // in a pattern: every host below host
}

func parseOrigins(patterns []string) (origins, error) {
	var list origins
	var errs []error
	for _, p := range patterns {
		if p == "*" {
			errs = append(errs, errors.New(`server: allowed origin "*" is every site on the web; if that is meant, set InsecureAnyOrigin`))
			continue
		}
		anyPort := strings.HasSuffix(p, ":*")
		o, err := parseOrigin(strings.TrimSuffix(p, ":*"))
		if err != nil {
			errs = append(errs, fmt.Errorf("server: allowed origin %q: %w; write it as https://app.example.com", p, err))
			continue
		}
		if anyPort {
			o.port = "*"
		}
		o.host, o.below = strings.CutPrefix(o.host, "*.")
		if strings.Contains(o.host, "*") {
			errs = append(errs, fmt.Errorf("server: allowed origin %q: * stands only for whole names at the front, or for the port", p))
			continue
		}
		list = append(list, o)
	}
	return list, errors.Join(errs...)
}

// parseOrigin reads what a browser sends as Origin: a scheme, a host and a
// port, and nothing else.
func parseOrigin(s string) (origin, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return origin{}, errors.New("it is not a URL")
	case u.Scheme == "" || u.Host == "" || u.Hostname() == "":
		return origin{}, errors.New("scheme or host is missing")
	case strings.HasSuffix(u.Host, ":") || u.User != nil || u.Path != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(s, "#"):
		return origin{}, errors.New("it is more than scheme, host and port")
	}
	o := origin{scheme: strings.ToLower(u.Scheme), host: strings.ToLower(u.Hostname()), port: u.Port()}
	if o.port == "" {
		o.port = defaultPort(o.scheme)
	}
	return o, nil
}

func defaultPort(scheme string) string {
	switch scheme {
	case "http":
		return "80"
	case "https":
		return "443"
	}
	return ""
}

// allows reports whether o, which may be a pattern, lets the page connect.
func (o origin) allows(page origin) bool {
	host := page.host == o.host
	if o.below {
		host = strings.HasSuffix(page.host, "."+o.host)
	}
	return host && page.scheme == o.scheme && (o.port == "*" || page.port == o.port)
}

// allowsOrigin reports whether the page that sent the request may connect. A
// client that sends no Origin is not a page.
func (s *Server) allowsOrigin(r *http.Request) (sent string, ok bool) {
	values := r.Header.Values("Origin")
	if len(values) == 0 || s.config.InsecureAnyOrigin {
		return "", true
	}
	if len(values) > 1 {
		return strings.Join(values, ", "), false
	}
	o, err := parseOrigin(values[0])
	if err != nil {
		return values[0], false
	}
	if len(s.origins) == 0 {
		return values[0], o.isHost(r.Host)
	}
	for _, pattern := range s.origins {
		if pattern.allows(o) {
			return values[0], true
		}
	}
	return values[0], false
}

// isHost reports whether the origin is that of the host that a request is for.
// Behind a proxy one cannot tell whether the request came over TLS, so the
// default port is that of the origin's scheme.
func (o origin) isHost(host string) bool {
	u, err := url.Parse("//" + host)
	if err != nil || u.Hostname() == "" || (o.scheme != "http" && o.scheme != "https") {
		return false
	}
	port := u.Port()
	if port == "" {
		port = defaultPort(o.scheme)
	}
	return o.host == strings.ToLower(u.Hostname()) && o.port == port
}
