package server

import "net/http"

// AllowsOrigin reports whether a page of the origin may connect to the host,
// when the patterns are allowed.
func AllowsOrigin(origin, host string, patterns ...string) (bool, error) {
	list, err := parseOrigins(patterns)
	if err != nil {
		return false, err
	}
	s := &Server{origins: list}
	_, ok := s.allowsOrigin(&http.Request{Host: host, Header: http.Header{"Origin": {origin}}})
	return ok, nil
}
