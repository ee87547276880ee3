package server_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/onairgo/onair/server"
)

// FuzzOrigin looks for an origin of a stranger that passes for one of ours, in
// whatever way it is written.
func FuzzOrigin(f *testing.F) {
	for _, origin := range []string{
		"https://example.com", "https://a.example.com", "http://example.com:8080", "null", "https://example.com.evil.test", "https://evil.test/.example.com",
		"https://evil.test#.example.com", "https://evil.test?.example.com", "https://a.example.com@evil.test", "https://evil.test\\.example.com", "https://[::1].example.com",
		"HTTPS://A.EXAMPLE.COM:443", "https://.example.com", "HTTPS://.EXAMPLE.COM:", "https://evil.test%00.example.com", "https://evil.test:443.example.com", "file://.example.com",
	} {
		f.Add(origin)
	}
	below := regexp.MustCompile(`^https://[^/?#@:\\]*\.example\.com(:443)?$`)
	own := regexp.MustCompile(`^(http://example\.com:8080|https://example\.com:8080)$`)
	f.Fuzz(func(t *testing.T, origin string) {
		if ok, err := server.AllowsOrigin(origin, "ignored", "https://*.example.com"); err != nil || ok && !below.MatchString(strings.ToLower(origin)) {
			t.Errorf("%q is taken for a page below example.com (error %v)", origin, err)
		}
		if ok, err := server.AllowsOrigin(origin, "example.com:8080"); err != nil || ok && !own.MatchString(strings.ToLower(origin)) {
			t.Errorf("%q is taken for a page of example.com:8080 (error %v)", origin, err)
		}
		_, _ = server.AllowsOrigin("https://example.com", "example.com", origin) // a pattern that is none must not panic
		_, _ = server.AllowsOrigin("https://example.com", origin)
	})
}
