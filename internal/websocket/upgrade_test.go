package websocket_test

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/websocket"
	"github.com/onairgo/onair/internal/websocket/wstest"
)

// upgraded is what Upgrade returned inside a handler.
type upgraded struct {
	conn  net.Conn
	early []byte
	err   error
}

// serve runs an http.Server that upgrades each request and returns how to reach it
// and what Upgrade said, request by request. Where the connection was upgraded the
// test has to close it.
func serve(t *testing.T, configure func(*http.Server)) (dial func() net.Conn, results <-chan upgraded) {
	t.Helper()
	listener := memnet.Listen()
	out := make(chan upgraded, 1)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			conn, early, err := websocket.Upgrade(w, r)
			out <- upgraded{conn, early, err}
		}),
		ReadHeaderTimeout: 5 * time.Second,
	}
	if configure != nil {
		configure(server)
	}
	served := make(chan error, 1)
	go func() {
		if server.TLSConfig != nil {
			served <- server.ServeTLS(listener, "", "")
			return
		}
		served <- server.Serve(listener)
	}()
	t.Cleanup(func() {
		assert.NoError(t, server.Close())
		assert.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return func() net.Conn {
		conn, err := listener.Dial(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return conn
	}, out
}

func requireText(t *testing.T, conn net.Conn, early []byte, want string) {
	t.Helper()
	var p websocket.Parser
	buf := make([]byte, 4096)
	copy(buf, early)
	for n := len(early); ; {
		for m, err := range p.Feed(buf[:n]) {
			require.NoError(t, err)
			require.Equal(t, want, string(m.Payload))
			return
		}
		var err error
		n, err = conn.Read(buf)
		require.NoError(t, err)
	}
}

func TestUpgrade(t *testing.T) {
	t.Parallel()
	dial, results := serve(t, nil)
	client, err := wstest.Dial(dial(), wstest.NewRequest("/app/key?protocol=7"))
	require.NoError(t, err)
	got := <-results
	require.NoError(t, got.err)
	assert.Empty(t, got.early)

	require.NoError(t, client.Write(wstest.Text("to the server")))
	requireText(t, got.conn, nil, "to the server")
	_, err = got.conn.Write(websocket.AppendText(nil, []byte("to the client")))
	require.NoError(t, err)
	text, err := client.ReadText()
	require.NoError(t, err)
	assert.Equal(t, "to the client", text)

	require.NoError(t, got.conn.Close())
	_, err = client.Read()
	assert.ErrorIs(t, err, io.EOF)
}

// The key and its answer are those of RFC 6455 section 1.3.
func TestUpgradeAnswersExactly(t *testing.T) {
	t.Parallel()
	dial, results := serve(t, nil)
	conn := dial()
	_, err := io.WriteString(conn, "GET /chat HTTP/1.1\r\nHost: server.example.com\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Key: "+sampleKey+"\r\nSec-WebSocket-Version: 13\r\n\r\n")
	require.NoError(t, err)
	got := <-results
	require.NoError(t, got.err)
	require.NoError(t, got.conn.Close())
	answer, err := io.ReadAll(conn)
	require.NoError(t, err)
	assert.Equal(t, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"+
		"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n", string(answer))
}

func TestUpgradeReturnsWhatCameEarly(t *testing.T) {
	t.Parallel()
	dial, results := serve(t, nil)
	long := strings.Repeat("x", 20_000) // more than net/http buffers
	client, err := wstest.Dial(dial(), wstest.NewRequest("/app/key"), wstest.Text(long))
	require.NoError(t, err)
	got := <-results
	require.NoError(t, got.err)
	require.NotEmpty(t, got.early)
	requireText(t, got.conn, got.early, long)
	require.NoError(t, client.Close())
}

func TestUpgradeAccepts(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		spoil func(*http.Request)
	}{
		{"tokens in any case and among others", func(r *http.Request) {
			r.Header["Connection"] = []string{"keep-alive, uPgRaDe"}
			r.Header.Set("Upgrade", "WebSocket")
		}},
		{"tokens over several lines", func(r *http.Request) {
			r.Header["Connection"] = []string{"keep-alive", "Upgrade"}
			r.Header["Upgrade"] = []string{"h2c", "websocket"}
		}},
		{"compression offered", func(r *http.Request) {
			r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits")
		}},
		{"compression offered wrongly", func(r *http.Request) {
			r.Header.Set("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=99")
		}},
		{"extensions that make no sense", func(r *http.Request) {
			r.Header["Sec-Websocket-Extensions"] = []string{";;,,=\"", strings.Repeat(",", 4000)}
		}},
		{"subprotocols offered", func(r *http.Request) { r.Header.Set("Sec-WebSocket-Protocol", "a, b") }},
		{"any origin", func(r *http.Request) { r.Header.Set("Origin", "https://elsewhere.example") }},
		{"headers just within bounds", func(r *http.Request) {
			for i := range 80 {
				r.Header.Set(fmt.Sprintf("X-%d", i), strings.Repeat("v", 80))
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dial, results := serve(t, nil)
			r := wstest.NewRequest("/app/key?protocol=7&client=js&version=8.4.0")
			tt.spoil(r)
			_, err := wstest.Dial(dial(), r) // which refuses an answer that negotiates anything
			require.NoError(t, err)
			got := <-results
			require.NoError(t, got.err)
			require.NoError(t, got.conn.Close())
		})
	}
}

// sampleKey is the one of RFC 6455 section 1.3.
const sampleKey = "dGhlIHNhbXBsZSBub25jZQ=="

// header returns what sets a header of a handshake to values, in lines of their own.
func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
}

var refusedHandshakes = []struct {
	name   string
	spoil  func(*http.Request)
	status int
	header http.Header
}{
	{"POST", func(r *http.Request) { r.Method = http.MethodPost }, 405, http.Header{"Allow": {"GET"}}},
	{"PUT", func(r *http.Request) { r.Method = http.MethodPut }, 405, http.Header{"Allow": {"GET"}}},
	{"no Connection", header("Connection"), 426, http.Header{"Upgrade": {"websocket"}}},
	{"Connection without the token", header("Connection", "keep-alive, upgraded"), 426, http.Header{"Upgrade": {"websocket"}}},
	{"no Upgrade", header("Upgrade"), 426, http.Header{"Upgrade": {"websocket"}, "Connection": {"Upgrade"}}},
	{"another Upgrade", header("Upgrade", "h2c"), 426, http.Header{"Upgrade": {"websocket"}}},
	{"another Upgrade that is as long", header("Upgrade", "webrocket"), 426, http.Header{"Upgrade": {"websocket"}}},
	{"Upgrade that folds to the token", header("Upgrade", "web\u017focket"), 426, http.Header{"Upgrade": {"websocket"}}},
	{"no version", header("Sec-WebSocket-Version"), 426, http.Header{"Sec-Websocket-Version": {"13"}}},
	{"version 8", header("Sec-WebSocket-Version", "8"), 426, http.Header{"Sec-Websocket-Version": {"13"}}},
	{"versions 13 and 8", header("Sec-WebSocket-Version", "13", "8"), 426, http.Header{"Sec-Websocket-Version": {"13"}}},
	{"version list", header("Sec-WebSocket-Version", "13, 8"), 426, http.Header{"Sec-Websocket-Version": {"13"}}},
	{"no key", header("Sec-WebSocket-Key"), 400, nil},
	{"short key", header("Sec-WebSocket-Key", "short"), 400, nil},
	{"key of 15 bytes", header("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(make([]byte, 15))), 400, nil},
	{"key of 18 bytes, as long in base64", header("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(make([]byte, 18))), 400, nil},
	{"key not base64", header("Sec-WebSocket-Key", "!GhlIHNhbXBsZSBub25jZQ=="), 400, nil},
	{"two keys", header("Sec-WebSocket-Key", sampleKey, sampleKey), 400, nil},
	{"two keys in one", header("Sec-WebSocket-Key", sampleKey+", "+sampleKey), 400, nil},
	{"body", func(r *http.Request) { r.Body, r.ContentLength = io.NopCloser(strings.NewReader("\x81\x00")), 2 }, 400, nil},
	{"chunked body", func(r *http.Request) {
		r.Body, r.TransferEncoding = io.NopCloser(strings.NewReader("\x81\x00")), []string{"chunked"}
	}, 400, nil},
	{"2,000 headers", func(r *http.Request) {
		for i := range 2000 {
			r.Header.Set(fmt.Sprintf("X-%d", i), "v")
		}
	}, 431, nil},
	{"one header 2,000 times", header("Cookie", make([]string, 2000)...), 431, nil},
	{"101 headers of little size", func(r *http.Request) {
		for i := range 101 {
			r.Header.Set(fmt.Sprintf("X-%d", i), "v")
		}
	}, 431, nil},
	{"cookie of 8 KiB", header("Cookie", strings.Repeat("c", 8<<10)), 431, nil},
	{"query of 8 KiB", func(r *http.Request) { r.URL.RawQuery = strings.Repeat("q", 8<<10) }, 431, nil},
}

func TestUpgradeRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range refusedHandshakes {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dial, results := serve(t, nil)
			r := wstest.NewRequest("/app/key?protocol=7")
			tt.spoil(r)
			_, err := wstest.Dial(dial(), r)
			refused, ok := errors.AsType[*wstest.RefusedError](err)
			require.True(t, ok, "%v", err)
			assert.Equal(t, tt.status, refused.Status)
			assert.Equal(t, "application/json", refused.Header.Get("Content-Type"))
			for name, values := range tt.header {
				assert.Equal(t, values, refused.Header[name])
			}
			var body map[string]string
			require.NoError(t, json.Unmarshal(refused.Body, &body))

			got := <-results
			assert.Nil(t, got.conn)
			handshake, ok := errors.AsType[*websocket.HandshakeError](got.err)
			require.True(t, ok)
			assert.Equal(t, tt.status, handshake.Status)
			assert.Equal(t, map[string]string{"error": handshake.Reason}, body)
			assert.ErrorContains(t, got.err, "websocket: handshake answered with status "+fmt.Sprint(tt.status))
		})
	}
}

func TestUpgradeRefusesOtherVersionsOfHTTP(t *testing.T) {
	t.Parallel()
	for _, version := range [][2]int{{0, 9}, {1, 0}, {2, 0}, {3, 1}} {
		r := wstest.NewRequest("/app/key")
		r.ProtoMajor, r.ProtoMinor = version[0], version[1]
		w := httptest.NewRecorder()
		_, _, err := websocket.Upgrade(w, r)
		require.Error(t, err)
		assert.Equal(t, http.StatusBadRequest, w.Code, "%v", version)
	}
}

// wrapper is a middleware's ResponseWriter that knows of Unwrap.
type wrapper struct{ http.ResponseWriter }

func (w wrapper) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// opaque is one that does not.
type opaque struct{ http.ResponseWriter }

func TestUpgradeBehindMiddleware(t *testing.T) {
	t.Parallel()
	wrap := func(with func(http.ResponseWriter) http.ResponseWriter) func(*http.Server) {
		return func(s *http.Server) {
			next := s.Handler
			s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(with(w), r) })
		}
	}
	t.Run("with Unwrap, twice", func(t *testing.T) {
		t.Parallel()
		dial, results := serve(t, wrap(func(w http.ResponseWriter) http.ResponseWriter { return wrapper{wrapper{w}} }))
		_, err := wstest.Dial(dial(), wstest.NewRequest("/app/key"))
		require.NoError(t, err)
		require.NoError(t, (<-results).conn.Close())
	})
	t.Run("without", func(t *testing.T) {
		t.Parallel()
		dial, results := serve(t, wrap(func(w http.ResponseWriter) http.ResponseWriter { return opaque{w} }))
		_, err := wstest.Dial(dial(), wstest.NewRequest("/app/key"))
		refused, ok := errors.AsType[*wstest.RefusedError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, http.StatusInternalServerError, refused.Status)
		assert.Contains(t, string(refused.Body), "Unwrap")
		assert.ErrorIs(t, (<-results).err, http.ErrNotSupported)
	})
}

// The timeouts that an http.Server sets for requests end with the upgrade.
func TestUpgradeClearsDeadlines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial, results := serve(t, func(s *http.Server) {
			s.ReadTimeout, s.WriteTimeout, s.IdleTimeout = time.Second, time.Second, time.Second
		})
		client, err := wstest.Dial(dial(), wstest.NewRequest("/app/key"))
		require.NoError(t, err)
		got := <-results
		require.NoError(t, got.err)

		<-time.After(time.Hour)
		_, err = got.conn.Write(websocket.AppendPing(nil, nil))
		require.NoError(t, err)
		_, err = client.Read()
		require.NoError(t, err)
		time.AfterFunc(time.Hour, func() { _ = client.Write(wstest.Text("still here")) })
		requireText(t, got.conn, nil, "still here")
		require.NoError(t, got.conn.Close())
	})
}

// A client that takes no byte of the answer does not hold the handler.
func TestUpgradeDoesNotWaitForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dial, results := serve(t, nil)
		conn := dial().(*memnet.Conn)
		require.NoError(t, conn.SetReadBuffer(10))
		require.NoError(t, wstest.NewRequest("/app/key").Write(conn))
		got := <-results
		assert.Nil(t, got.conn)
		timeout, ok := errors.AsType[net.Error](got.err)
		require.True(t, ok)
		assert.True(t, timeout.Timeout())
		_, err := io.Copy(io.Discard, conn)
		assert.NoError(t, err, "the connection has been closed")
	})
}

func TestUpgradeOverTLS(t *testing.T) {
	t.Parallel()
	public, private, err := ed25519.GenerateKey(nil)
	require.NoError(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"}}
	certificate, err := x509.CreateCertificate(nil, template, template, public, private)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(certificate)
	require.NoError(t, err)
	trusted := x509.NewCertPool()
	trusted.AddCert(parsed)

	dial, results := serve(t, func(s *http.Server) {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{certificate}, PrivateKey: private}}}
	})
	conn := tls.Client(dial(), &tls.Config{RootCAs: trusted, ServerName: "localhost"})
	client, err := wstest.Dial(conn, wstest.NewRequest("/app/key"), wstest.Text("early"))
	require.NoError(t, err)
	got := <-results
	require.NoError(t, got.err)
	assert.IsType(t, (*tls.Conn)(nil), got.conn)
	requireText(t, got.conn, got.early, "early")
	require.NoError(t, client.Write(wstest.Text("late")))
	requireText(t, got.conn, nil, "late")
	require.NoError(t, got.conn.Close())
}

// hijacker is a ResponseWriter whose connection can be taken over.
type hijacker struct {
	*httptest.ResponseRecorder
	conn net.Conn
}

func (h *hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return h.conn, bufio.NewReadWriter(bufio.NewReader(h.conn), bufio.NewWriter(h.conn)), nil
}

func FuzzUpgrade(f *testing.F) {
	f.Add("GET", "Upgrade", "websocket", "13", sampleKey, "", "")
	f.Add("GET", "keep-alive, Upgrade", "WebSocket", "13", sampleKey, "permessage-deflate; server_max_window_bits=99", "")
	f.Add("POST", "Upgrade", "websocket", "13", sampleKey, "", "a")
	f.Add("GET", "close", "h2c,websocket", "8", "short", ",,;=\"", "a, b")
	f.Add("GET", "upgrade\t", " websocket ,", "13 ", sampleKey+sampleKey, "", "")
	f.Fuzz(func(t *testing.T, method, connection, upgrade, version, key, extensions, protocol string) {
		client, server := memnet.Pipe()
		defer client.Close()
		defer server.Close()
		r := wstest.NewRequest("/app/key")
		r.Method = method
		r.Header.Set("Connection", connection)
		r.Header.Set("Upgrade", upgrade)
		r.Header.Set("Sec-WebSocket-Version", version)
		r.Header.Set("Sec-WebSocket-Key", key)
		r.Header.Set("Sec-WebSocket-Extensions", extensions)
		r.Header.Set("Sec-WebSocket-Protocol", protocol)
		w := &hijacker{httptest.NewRecorder(), server}
		conn, _, err := websocket.Upgrade(w, r)

		listed := func(list, token string) (found bool) {
			for _, element := range strings.Split(list, ",") {
				found = found || strings.Map(asciiLower, strings.Trim(element, "\t ")) == token
			}
			return found
		}
		decoded, notBase64 := base64.StdEncoding.DecodeString(key)
		good := method == "GET" && listed(connection, "upgrade") && listed(upgrade, "websocket") && version == "13" &&
			notBase64 == nil && len(decoded) == 16 && !strings.ContainsAny(key, "\r\n")
		var written int
		for _, values := range r.Header {
			written += len(values[0])
		}
		switch {
		case written > 8<<10:
			good = false
		case written > 7<<10:
			return // near the bound it is names and separators that decide
		}

		if good {
			require.NoError(t, err)
			require.Same(t, server, conn)
			require.NoError(t, server.Close())
			answer, err := io.ReadAll(client)
			require.NoError(t, err)
			require.Equal(t, 4, bytes.Count(answer, []byte("\r\n"))-1, "101, three headers, nothing that the client could add")
			require.True(t, bytes.HasPrefix(answer, []byte("HTTP/1.1 101 ")))
			return
		}
		refusal, ok := errors.AsType[*websocket.HandshakeError](err)
		require.True(t, ok, "%v", err)
		require.Contains(t, []int{400, 405, 426, 431}, refusal.Status)
		require.Equal(t, refusal.Status, w.Code)
		require.True(t, json.Valid(w.Body.Bytes()))
	})
}

func asciiLower(r rune) rune {
	if 'A' <= r && r <= 'Z' {
		return r + 'a' - 'A'
	}
	return r
}
