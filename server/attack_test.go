package server_test

import (
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/server"
)

// from makes connections that come from an address.
type from struct {
	net.Listener
	address chan string
}

func (l from) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return addressed{conn, net.TCPAddrFromAddrPort(netip.MustParseAddrPort(<-l.address))}, nil
}

type addressed struct {
	net.Conn
	remote net.Addr
}

func (c addressed) RemoteAddr() net.Addr { return c.remote }

// TestConnectionsPerNetwork has somebody come from ever new addresses of the
// network that every customer of a provider is given, and others from theirs.
func TestConnectionsPerNetwork(t *testing.T) {
	t.Parallel()
	inner := memnet.Listen()
	listener := from{inner, make(chan string, 1)}
	w := newSite(t, listener, func() (net.Conn, error) { return inner.Dial(t.Context()) }, func(c *server.Config) { c.Limits.ConnectionsPerIP = 2 })
	comes := func(address string) *page {
		t.Helper()
		listener.address <- address
		return w.open(w.path)
	}
	comes("[2001:db8:1:1::1]:1").hello()
	comes("[2001:db8:1:1::2]:1").hello()
	comes("[2001:db8:1:1:ffff::3]:1").closed(4100)
	comes("[2001:db8:1:2::1]:1").hello()
	comes("192.0.2.1:1").hello()
	comes("[::ffff:192.0.2.1]:1").hello()
	comes("192.0.2.1:2").closed(4100)
	comes("192.0.2.2:1").hello()
}

// TestRefusalsLogLittle has strangers send what is as long as net/http allows.
func TestRefusalsLogLittle(t *testing.T) {
	t.Parallel()
	w := onTCP(t)
	long := strings.Repeat("a", 100_000)
	for _, change := range []func(r *http.Request){
		func(r *http.Request) { r.Host, r.URL.Path = long, "/app/k" },
		func(r *http.Request) { r.URL.Path = "/app/" + long },
		func(r *http.Request) { r.URL.Path = "/app/k"; r.Header.Set("Origin", "https://"+long) },
		func(r *http.Request) { r.URL.Path = "/apps/" + long + "/events" },
		func(r *http.Request) { r.URL.Path = "/app/k"; r.URL.RawQuery = "protocol=" + long },
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://host/app/k?protocol=7", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://evil.example")
		change(r)
		answer := httptest.NewRecorder()
		w.srv.ServeHTTP(answer, r)
		assert.Less(t, answer.Body.Len(), 2_000)
	}
	assert.Less(t, len(w.log.String()), 5_000)
	assert.Contains(t, w.log.String(), "connection refused")
}

// TestDangerousSettingsAreTold looks for what weakens the server in its log.
func TestDangerousSettingsAreTold(t *testing.T) {
	t.Parallel()
	for setting, set := range map[string]func(*server.Config){
		"InsecureAnyOrigin": func(c *server.Config) { c.InsecureAnyOrigin = true },
		"Development":       func(c *server.Config) { c.Development = true },
	} {
		var told logBuffer
		c := server.Config{App: testApp, Logger: slog.New(slog.NewTextHandler(&told, nil))}
		_, err := server.New(c)
		require.NoError(t, err)
		assert.Empty(t, told.String())
		set(&c)
		_, err = server.New(c)
		require.NoError(t, err)
		assert.Contains(t, told.String(), "level=WARN")
		assert.Contains(t, told.String(), "setting="+setting)
	}
}
