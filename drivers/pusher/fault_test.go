package pusher_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/drivers/pusher"
)

// connection takes the connection of a request over.
func connection(w http.ResponseWriter) *net.TCPConn {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		panic(err)
	}
	return c.(*net.TCPConn)
}

// reset ends a connection the hard way.
func reset(c *net.TCPConn) {
	_ = c.SetLinger(0)
	_ = c.Close()
}

// slow is the deadline of requests that are not answered: long enough for one
// to get to the service, and be answered, on a machine with much else to do.
const slow = 2 * time.Second

// fault is a way in which a service fails.
type fault struct {
	name   string
	answer func(w http.ResponseWriter, r request, n int) bool
	// change alters the config for faults that are none of the service.
	change func(t *testing.T, c *pusher.Config)
	within time.Duration // the caller's deadline; 0 is none
	// unseen is set when no request gets to the service.
	unseen bool

	permanent bool
	is        []error
	status    int // of the APIError; 0 when there is none
	wait      time.Duration
	text      string
}

func faults() []fault {
	inAnHour := func() string { return time.Now().Add(time.Hour).UTC().Format(http.TimeFormat) }
	return []fault{
		{name: "connection refused", change: refused, unseen: true, text: "connection refused"},
		{name: "no such host", change: noSuchHost, unseen: true, text: "no such host"},
		{name: "certificate of a stranger", change: tlsOfAStranger, unseen: true, text: "certificate"},
		{name: "plain HTTP where TLS is spoken", change: tlsToPlain, unseen: true, text: "does not speak TLS; set Insecure if plain HTTP is meant"},
		{name: "reset before an answer", answer: func(w http.ResponseWriter, _ request, _ int) bool { reset(connection(w)); return true }, text: "reset"},
		{name: "closed before an answer", answer: func(w http.ResponseWriter, _ request, _ int) bool { _ = connection(w).Close(); return true }, text: "EOF"},
		{name: "no HTTP at all", answer: raw("SSH-2.0-OpenSSH_9.2\r\n\r\n"), text: "malformed"},
		{name: "hangs, the caller's deadline", answer: hang, within: slow, is: []error{context.DeadlineExceeded}},
		{name: "hangs, the driver's timeout", answer: hang, change: shortTimeout, is: []error{context.DeadlineExceeded}, text: "no answer within 2s"},
		{name: "a byte every 20 ms", answer: drip, within: slow, is: []error{context.DeadlineExceeded}},
		{name: "a byte every 20 ms, the driver's timeout", answer: drip, change: shortTimeout, is: []error{context.DeadlineExceeded}, text: "no answer within 2s"},
		{name: "500", answer: status(500, "sorry"), status: 500, text: "500 Internal Server Error: sorry"},
		{name: "502", answer: status(502, "<html>\n\t<b>Bad gateway</b></html>"), status: 502, text: "502 Bad Gateway: <html> <b>Bad gateway</b></html>"},
		{name: "503", answer: status(503, ""), status: 503, text: "503 Service Unavailable"},
		{name: "503 with Retry-After", answer: status(503, "", "Retry-After", "7"), status: 503, wait: 7 * time.Second},
		{name: "429", answer: status(429, ""), status: 429, is: []error{pusher.ErrRateLimited}},
		{name: "429 with seconds", answer: status(429, "", "Retry-After", "120"), status: 429, is: []error{pusher.ErrRateLimited}, wait: 2 * time.Minute, text: "after 2m0s"},
		{name: "429 with a date", answer: func(w http.ResponseWriter, r request, n int) bool {
			return status(429, "", "Retry-After", inAnHour())(w, r, n)
		}, status: 429, is: []error{pusher.ErrRateLimited}, wait: time.Hour},
		{name: "429 with a date by a clock that is wrong", answer: status(429, "", "Date", "Sat, 01 Jan 2000 00:00:00 GMT", "Retry-After", "Sat, 01 Jan 2000 00:01:00 GMT"), status: 429, wait: time.Minute},
		{name: "429 with a date and no clock", answer: func(w http.ResponseWriter, r request, n int) bool {
			w.Header()["Date"] = nil
			return status(429, "", "Retry-After", inAnHour())(w, r, n)
		}, status: 429, wait: time.Hour},
		{name: "429 with nonsense", answer: status(429, "", "Retry-After", "soon"), status: 429},
		{name: "429 until the end of time", answer: status(429, "", "Retry-After", "18446744073709551615"), status: 429, wait: 24 * time.Hour},
		{name: "408", answer: status(408, ""), status: 408},
		{name: "425", answer: status(425, ""), status: 425},
		{name: "400", answer: status(400, "bad"), status: 400, permanent: true},
		{name: "401", answer: status(401, "Invalid signature"), status: 401, permanent: true, is: []error{pusher.ErrUnauthorized}, text: "401 Unauthorized: Invalid signature"},
		{name: "403", answer: status(403, "over quota"), status: 403, permanent: true, is: []error{pusher.ErrForbidden}},
		{name: "404", answer: status(404, ""), status: 404, permanent: true},
		{name: "413", answer: status(413, ""), status: 413, permanent: true, is: []error{pusher.ErrPayloadTooLarge, broadcast.ErrTooLarge}},
		{name: "307 in a circle", answer: circle, status: 307, permanent: true, text: "307 Temporary Redirect to /apps/1001/events, and redirects are not followed; check Host, Path and Insecure"},
		{name: "301 without a place", answer: status(301, ""), status: 301, permanent: true, text: "301 Moved Permanently, and redirects are not followed"},
		{name: "200 with HTML", answer: status(200, "<html>sign in</html>", "Content-Type", "text/html"), is: []error{pusher.ErrUnexpectedAnswer}, text: `status 200, content type "text/html", 20 bytes`},
		{name: "200 with nothing", answer: status(200, ""), is: []error{pusher.ErrUnexpectedAnswer}},
		{name: "204", answer: func(w http.ResponseWriter, _ request, _ int) bool { w.WriteHeader(204); return true }, is: []error{pusher.ErrUnexpectedAnswer}},
		{name: "200 with null", answer: status(200, "null"), is: []error{pusher.ErrUnexpectedAnswer}},
		{name: "200 with a word", answer: status(200, `"ok"`), is: []error{pusher.ErrUnexpectedAnswer}},
		{name: "200 with too much", answer: status(200, `{"a":"`+strings.Repeat("x", 70_000)+`"}`), is: []error{pusher.ErrUnexpectedAnswer}, text: "more than 65536 bytes"},
		{name: "200, then reset", answer: func(w http.ResponseWriter, _ request, _ int) bool {
			c := connection(w)
			_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")
			_ = c.CloseWrite()
			return true
		}, is: []error{io.ErrUnexpectedEOF}},
		{name: "500, then reset", answer: raw("HTTP/1.1 500 Oops\r\nContent-Length: 100\r\n\r\nhalf"), status: 500, text: "half"},
	}
}

func refused(t *testing.T, c *pusher.Config) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	c.Host = l.Addr().String()
	_ = l.Close()
}

func noSuchHost(_ *testing.T, c *pusher.Config) {
	c.Host = "onair.invalid"
	c.Transport = &http.Transport{DialContext: func(_ context.Context, _, addr string) (net.Conn, error) {
		host, _, _ := net.SplitHostPort(addr)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
	}}
}

// tlsOfAStranger leads to a certificate that nobody vouches for.
func tlsOfAStranger(t *testing.T, c *pusher.Config) {
	s := startService(t, startTLS, nil)
	c.Insecure = false
	c.Host = s.Listener.Addr().String()
}

func tlsToPlain(_ *testing.T, c *pusher.Config) { c.Insecure = false }

func shortTimeout(_ *testing.T, c *pusher.Config) { c.Timeout = slow }

func raw(text string) func(http.ResponseWriter, request, int) bool {
	return func(w http.ResponseWriter, _ request, _ int) bool {
		c := connection(w)
		_, _ = io.WriteString(c, text)
		_ = c.CloseWrite()
		return true
	}
}

// hang keeps the connection until the other side gives up.
func hang(w http.ResponseWriter, _ request, _ int) bool {
	c := connection(w)
	_, _ = io.Copy(io.Discard, c)
	return true
}

// drip answers a long body too slowly to wait for.
func drip(w http.ResponseWriter, _ request, _ int) bool {
	w.Header().Set("Content-Length", "1000")
	for range time.Tick(20 * time.Millisecond) {
		if _, err := io.WriteString(w, "{"); err != nil {
			return true
		}
		if http.NewResponseController(w).Flush() != nil {
			return true
		}
	}
	return true
}

func circle(w http.ResponseWriter, r request, _ int) bool {
	w.Header().Set("Location", r.path+"?"+r.query.Encode())
	w.WriteHeader(http.StatusTemporaryRedirect)
	return true
}
