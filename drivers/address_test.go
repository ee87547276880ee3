package drivers_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/drivers"
)

// TestAddresses has hosts as people write them. The scheme's own port is left
// out: there are proxies to which it makes another host.
func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ host, port, scheme, want string }{
		{"ws.example.com", "", "", "ws.example.com"},
		{"ws.example.com", "443", "https", "ws.example.com"},
		{"ws.example.com", "80", "http", "ws.example.com"},
		{"ws.example.com", "", "http", "ws.example.com"},
		{"ws.example.com", "80", "https", "ws.example.com:80"},
		{"ws.example.com", "443", "http", "ws.example.com:443"},
		{"ws.example.com", "65535", "", "ws.example.com:65535"},
		{"10.0.0.1", "8080", "http", "10.0.0.1:8080"},
		{"::1", "", "", "[::1]"},
		{"[::1]", "", "", "[::1]"},
		{"::1", "8080", "http", "[::1]:8080"},
		{"[2001:db8::7]", "8080", "http", "[2001:db8::7]:8080"},
	} {
		got, err := drivers.AddressOf("X", map[string]string{"X_HOST": test.host, "X_PORT": test.port, "X_SCHEME": test.scheme})
		require.NoError(t, err)
		assert.Equal(t, test.want, got)
	}
}

func TestAddressesThatAreNone(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"[::1", "::1]", "x::1]", "[]", "[localhost]", "[[::1]]", "[::1]:8080", "a:b", "::1%eth0", "user@h", "h/path", "h h", "é"} {
		_, err := drivers.AddressOf("X", map[string]string{"X_HOST": host})
		assert.EqualError(t, err, "drivers: environment: X_HOST is not a host name or address; the scheme belongs in X_SCHEME, the port in X_PORT", "host %q", host)
	}
	for _, port := range []string{"0", "65536", "99999999999999999999", "-1", "+1", "x", "80x", " 80", "0x50"} {
		_, err := drivers.AddressOf("X", map[string]string{"X_HOST": "h", "X_PORT": port})
		assert.EqualError(t, err, "drivers: environment: X_PORT is not a number from 1 to 65535", "port %q", port)
	}
}

// TestAlphabetOfHosts tries every byte.
func TestAlphabetOfHosts(t *testing.T) {
	t.Parallel()
	const alphabet = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._"
	for b := range 256 {
		host := "a" + string([]byte{byte(b)}) + "a"
		_, err := drivers.AddressOf("X", map[string]string{"X_HOST": host})
		assert.Equal(t, strings.IndexByte(alphabet, byte(b)) >= 0, err == nil, "host %q: %v", host, err)
	}
}
