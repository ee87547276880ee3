package server_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/server"
)

func TestOrigins(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		allowed []string
		any     bool
		yes, no []string
	}{
		{
			name: "the page's own host by default", // the request's host is localhost
			yes:  []string{"http://localhost", "https://localhost", "http://LOCALHOST", "http://localhost:80", "https://localhost:443"},
			no:   []string{"http://localhost:8080", "https://localhost:80", "http://localhost.evil.example", "http://evil.example", "null", "", "http://user@localhost", "http://localhost/", "ftp://localhost", "localhost", "http://", "http://localhost?q", "http://localhost?", "http://localhost#f", "http://localhost#", "http://:80"},
		},
		{
			name:    "those that are listed",
			allowed: []string{"https://good.example", "https://*.sub.example", "http://dev.example:*", "capacitor://localhost", "http://[::1]:3000"},
			yes:     []string{"https://good.example", "https://GOOD.example:443", "https://a.sub.example", "https://a.b.sub.example", "http://dev.example", "http://dev.example:5173", "capacitor://localhost", "http://[::1]:3000"},
			no:      []string{"http://localhost", "http://good.example", "https://good.example:8443", "https://good.example.evil.example", "https://evilgood.example", "https://sub.example", "https://evilsub.example", "https://dev.example", "http://[::1]", "null"},
		},
		{name: "every one when that is wanted", any: true, yes: []string{"https://evil.example", "null", "rubbish"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(t *testing.T, w *site) {
				w.connect().lives() // without an Origin: no page
				for _, origin := range tt.yes {
					w.connect("Origin", origin).lives()
				}
				for _, origin := range tt.no {
					w.open(w.path, "Origin", origin).closed(4009)
				}
				if len(tt.no) > 0 {
					w.open(w.path, "Origin", tt.yes[0], "Origin", tt.no[0]).closed(4009)
					w.open(w.path, "Origin", tt.yes[0], "Origin", tt.yes[0]).closed(4009)
					assert.Contains(t, w.log.String(), "setting=AllowedOrigins")
				}
				if tt.any {
					assert.Contains(t, w.log.String(), "InsecureAnyOrigin")
				}
			}, func(c *server.Config) { c.AllowedOrigins, c.InsecureAnyOrigin = tt.allowed, tt.any })
		})
	}
}
