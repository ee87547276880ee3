package main_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	pusher "github.com/pusher/pusher-http-go/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/websocket/wstest"
)

// output collects what the program prints and tells when it grows.
type output struct {
	mu    sync.Mutex
	text  bytes.Buffer
	grown chan struct{} // of room for one
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.grown != nil {
		select {
		case o.grown <- struct{}{}:
		default:
		}
	}
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// running is a server that was started by "onair serve".
type running struct {
	t        *testing.T
	address  string // host and port
	url      string
	greeting string
	stderr   *output
	stop     func() result
}

// serve runs "onair serve" on a free port until the test ends or stop is called.
func serve(t *testing.T, env map[string]string, args ...string) *running {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	stdout, stderr := &output{grown: make(chan struct{}, 1)}, &output{}
	ended := make(chan int, 1)
	go func() {
		ended <- runInto(ctx, env, stdout, stderr, append([]string{"serve", "-addr=127.0.0.1:0"}, args...)...)
	}()
	s := &running{t: t, stderr: stderr}
	s.stop = sync.OnceValue(func() result {
		cancel()
		return result{<-ended, stdout.String(), stderr.String()}
	})
	t.Cleanup(func() { s.stop() })
	select {
	case <-stdout.grown:
	case code := <-ended:
		ended <- code
		require.FailNow(t, "ended at once", "code %d: %s", code, stderr)
	}
	s.read(stdout.String())
	return s
}

// read takes from the greeting what a user would.
func (s *running) read(greeting string) {
	s.t.Helper()
	s.greeting = greeting
	m := regexp.MustCompile(`^onair listens on (wss?)://(127\.0\.0\.1:\d+)\n`).FindStringSubmatch(greeting)
	require.NotNil(s.t, m, "greeting: %s", greeting)
	s.url, s.address = m[1]+"://"+m[2], m[2]
}

// variable returns the value of a variable of the greeting.
func (s *running) variable(name string) string {
	s.t.Helper()
	m := regexp.MustCompile(`(?m)^ *` + name + `=(.*)$`).FindStringSubmatch(s.greeting)
	require.NotNil(s.t, m, "%s in the greeting: %s", name, s.greeting)
	return m[1]
}

// connect opens a connection as a page of the origin would.
func (s *running) connect(key, origin string) *wstest.Client {
	s.t.Helper()
	var conn net.Conn
	var err error
	if strings.HasPrefix(s.url, "wss:") {
		conn, err = tls.Dial("tcp", s.address, &tls.Config{InsecureSkipVerify: true})
	} else {
		conn, err = net.Dial("tcp", s.address)
	}
	require.NoError(s.t, err)
	r := wstest.NewRequest("http://" + s.address + "/app/" + key + "?protocol=7")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	c, err := wstest.Dial(conn, r)
	require.NoError(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	return c
}

func next(t *testing.T, c *wstest.Client) string {
	t.Helper()
	text, err := c.ReadText()
	require.NoError(t, err)
	return text
}

func TestServeIsUsableAsItIsPrinted(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	assert.Contains(t, s.greeting, "WARNING: no credentials were given")
	assert.Regexp(t, `key: '`+s.variable("REVERB_APP_KEY")+`',\n +wsHost: '127\.0\.0\.1',`, s.greeting)
	assert.Contains(t, s.greeting, "forceTLS: false")
	assert.Equal(t, s.address, s.variable("REVERB_HOST")+":"+s.variable("REVERB_PORT"))

	c := s.connect(s.variable("REVERB_APP_KEY"), "http://localhost:5173")
	require.Contains(t, next(t, c), "pusher:connection_established")
	require.NoError(t, c.Write(wstest.Text(`{"event":"pusher:subscribe","data":{"channel":"news"}}`)))
	require.Contains(t, next(t, c), "subscription_succeeded")

	publisher := pusher.Client{
		AppID:  s.variable("REVERB_APP_ID"),
		Key:    s.variable("REVERB_APP_KEY"),
		Secret: s.variable("REVERB_APP_SECRET"),
		Host:   s.address,
		Secure: s.variable("REVERB_SCHEME") == "https",
	}
	require.NoError(t, publisher.Trigger("news", "printed", map[string]int{"n": 1}))
	assert.JSONEq(t, `{"event":"printed","channel":"news","data":"{\"n\":1}"}`, next(t, c))
}

func TestEveryRunWithoutCredentialsHasItsOwn(t *testing.T) {
	t.Parallel()
	one, other := serve(t, nil), serve(t, nil)
	for _, name := range []string{"REVERB_APP_KEY", "REVERB_APP_SECRET"} {
		assert.NotEqual(t, one.variable(name), other.variable(name))
	}
}

func TestTheSecretThatWasGivenIsNotPrinted(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]map[string]string{
		"as a variable": {"ONAIR_APP_ID": "7", "ONAIR_APP_KEY": "given", "ONAIR_APP_SECRET": "hidden-7"},
		"as a flag":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var args []string
			if env == nil {
				args = []string{"-app-id=7", "-app-key=given", "-app-secret=hidden-7"}
			}
			s := serve(t, env, args...)
			assert.Equal(t, "7", s.variable("REVERB_APP_ID"))
			assert.Equal(t, "given", s.variable("REVERB_APP_KEY"))
			require.Contains(t, next(t, s.connect("given", "")), "connection_established")
			got := s.stop()
			assert.NotContains(t, got.stdout+got.stderr, "hidden-7")
			assert.NotContains(t, got.stdout, "WARNING")
		})
	}
}

func TestFlagsWinOverVariables(t *testing.T) {
	t.Parallel()
	s := serve(t, map[string]string{"ONAIR_APP_ID": "7", "ONAIR_APP_KEY": "variable", "ONAIR_APP_SECRET": "hidden-7", "ONAIR_ADDR": "127.0.0.1:1"},
		"-app-key=flag")
	assert.Equal(t, "7", s.variable("REVERB_APP_ID"))
	assert.Equal(t, "flag", s.variable("REVERB_APP_KEY"))
}

func TestAllowedOrigins(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	for _, tt := range []struct {
		name    string
		args    []string
		allowed []string
		refused []string
		warned  int
	}{
		{
			"by default the machine's own", nil,
			[]string{"", "http://localhost", "http://localhost:5173", "https://127.0.0.1:8443", "http://[::1]:3000"},
			[]string{app, "http://localhost.example.com", "http://127.0.0.2", "null"},
			4,
		},
		{
			"a list instead",
			[]string{"-allowed-origins= " + app + " , https://*.example.org"},
			[]string{"", app, "https://a.example.org"},
			[]string{"http://localhost:5173", "http://app.example.com", "https://example.org"},
			3,
		},
		{"all", []string{"-allowed-origins=*"}, []string{"", app, "null", "http://localhost"}, nil, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil, tt.args...)
			key := s.variable("REVERB_APP_KEY")
			for _, origin := range tt.allowed {
				assert.Contains(t, next(t, s.connect(key, origin)), "connection_established", "origin %q", origin)
			}
			for _, origin := range tt.refused {
				assert.Contains(t, next(t, s.connect(key, origin)), `"code":4009`, "origin %q", origin)
				assert.Contains(t, s.stderr.String(), "allowed origins")
			}
			// Who refuses and who lets all in is told the flag, and no field of Go's.
			assert.Equal(t, tt.warned, strings.Count(s.stderr.String(), "setting=-allowed-origins"), s.stderr)
			assert.NotRegexp(t, `\wOrigin`, s.stderr.String())
		})
	}
}

func TestServeWithTLS(t *testing.T) {
	t.Parallel()
	cert, key := certificate(t)
	s := serve(t, nil, "-tls-cert="+cert, "-tls-key="+key)
	assert.True(t, strings.HasPrefix(s.url, "wss://"), "url %s", s.url)
	assert.Equal(t, "https", s.variable("REVERB_SCHEME"))
	assert.Contains(t, s.greeting, "forceTLS: true")
	assert.Contains(t, next(t, s.connect(s.variable("REVERB_APP_KEY"), "https://localhost")), "connection_established")
}

// certificate writes a certificate for this machine and its key.
func certificate(t *testing.T) (certFile, keyFile string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	dir := t.TempDir()
	for name, block := range map[string]*pem.Block{"cert.pem": {Type: "CERTIFICATE", Bytes: cert}, "key.pem": {Type: "PRIVATE KEY", Bytes: secret}} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), pem.EncodeToMemory(block), 0o600))
	}
	return filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
}

func TestStoppingTellsTheClients(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	c := s.connect(s.variable("REVERB_APP_KEY"), "")
	require.Contains(t, next(t, c), "connection_established")

	closed := make(chan error, 1)
	go func() {
		for {
			if _, err := c.ReadText(); err != nil {
				closed <- err
				return
			}
		}
	}()
	assert.Equal(t, 0, s.stop().code)
	var closing *wstest.ClosedError
	require.ErrorAs(t, <-closed, &closing)
	assert.Equal(t, uint16(4100), closing.Code)
	_, err := net.Dial("tcp", s.address)
	assert.Error(t, err, "nobody listens any more")
}

func TestLargeHeadersAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, nil)
	conn, err := net.Dial("tcp", s.address)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	r := wstest.NewRequest("http://" + s.address + "/app/" + s.variable("REVERB_APP_KEY") + "?protocol=7")
	r.Header.Set("Cookie", strings.Repeat("a", 16<<10))
	_, err = wstest.Dial(conn, r)
	var refused *wstest.RefusedError
	require.ErrorAs(t, err, &refused)
	assert.Equal(t, 431, refused.Status)
}
