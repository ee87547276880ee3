package pusher_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/event"
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
		{name: "plain HTTP where TLS is spoken", change: tlsToPlain, unseen: true, text: "speaks no TLS; set Insecure if plain HTTP is meant"},
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

// TestFaults fails in every way on a message by itself.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s, d := f.start(t)
			ctx, cancel := f.context(t)
			defer cancel()
			start := time.Now()
			m := message("paid", `{"payload":"canary-payload"}`, channel.Private("a"), channel.Private("b"))
			err := d.Broadcast(ctx, []broadcast.Message{m})
			require.Error(t, err)
			assert.Less(t, time.Since(start), 20*time.Second)
			parts := broadcast.Undelivered(err)
			require.Len(t, parts, 1)
			assert.Equal(t, m, parts[0].Message)
			f.check(t, err)
			if f.unseen {
				assert.Empty(t, s.got())
			} else {
				assert.Len(t, s.got(), 1, "tried once, redirects not followed")
			}
		})
	}
}

func (f fault) start(t *testing.T) (*service, *pusher.Driver) {
	s := newService(t, f.answer)
	c := s.config()
	if f.change != nil {
		f.change(t, &c)
	}
	return s, newDriver(t, c)
}

func (f fault) context(t *testing.T) (context.Context, context.CancelFunc) {
	if f.within > 0 {
		return context.WithTimeout(t.Context(), f.within)
	}
	return context.WithCancel(t.Context())
}

func (f fault) check(t *testing.T, err error) {
	t.Helper()
	assert.Equal(t, f.permanent, errors.Is(err, broadcast.ErrPermanent), "permanent: %v", err)
	for _, target := range f.is {
		require.ErrorIs(t, err, target)
	}
	for _, sentinel := range []error{pusher.ErrUnauthorized, pusher.ErrForbidden, pusher.ErrPayloadTooLarge, pusher.ErrRateLimited, pusher.ErrUnexpectedAnswer, pusher.ErrClosed, context.Canceled} {
		if errors.Is(err, sentinel) {
			assert.True(t, contains(f.is, sentinel) || sentinel == pusher.ErrRateLimited && f.status == 429, "also %v", sentinel)
		}
	}
	api, ok := errors.AsType[*pusher.APIError](err)
	assert.Equal(t, f.status != 0, ok)
	if ok {
		assert.Equal(t, f.status, api.Status)
	}
	wait, ok := broadcast.RetryAfter(err)
	assert.Equal(t, f.wait > 0, ok)
	assert.InDelta(t, f.wait, wait, float64(5*time.Second))
	if f.text != "" {
		require.ErrorContains(t, err, f.text)
	}
	assertNoSecrets(t, err.Error())
	assert.NotContains(t, err.Error(), "canary-payload")
}

// waits reports whether nothing but a deadline ends the request.
func (f fault) waits() bool { return contains(f.is, context.DeadlineExceeded) }

func contains(list []error, e error) bool {
	for _, l := range list {
		if l == e {
			return true
		}
	}
	return false
}

// TestFaultsOfBatches fails in every way on a batch of three between two
// requests that succeed: exactly the three are named, and those delivered are
// not sent twice.
func TestFaultsOfBatches(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		if f.answer == nil {
			continue // fails for all requests alike
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			whole := map[int]bool{400: true, 404: true, 405: true, 413: true, 422: true}[f.status]
			s := newService(t, func(w http.ResponseWriter, r request, n int) bool {
				return strings.HasSuffix(r.path, "/batch_events") && f.answer(w, r, n)
			})
			c := s.config()
			if f.waits() {
				c.Timeout = slow
			}
			list := append(messages(3), message("after", "{}", channel.Public("x"), channel.Public("y")))
			list = append([]broadcast.Message{message("before", "{}", channel.Public("x"), channel.Public("y"))}, list...)
			err := newDriver(t, c).Broadcast(t.Context(), list)
			if whole {
				require.NoError(t, err, "refused as a whole, so taken one by one")
				assert.Equal(t, []int{1, 3, 1, 1, 1, 1}, s.sizes(t))
				return
			}
			assert.Equal(t, []string{"e0", "e1", "e2"}, undelivered(err))
			assert.Equal(t, []int{1, 3, 1}, s.sizes(t))
		})
	}
}

// sizes returns how many events each request carried.
func (s *service) sizes(t testing.TB) []int {
	var sizes []int
	for _, r := range s.got() {
		sizes = append(sizes, len(r.events(t)))
	}
	return sizes
}

// TestItemSevenIsInvalid is a batch of ten that the service refuses because of
// one item.
func TestItemSevenIsInvalid(t *testing.T) {
	t.Parallel()
	for _, code := range []int{400, 413, 422} {
		accepted := map[string]int{}
		s := newService(t, nil)
		s.answer = func(w http.ResponseWriter, r request, _ int) bool {
			for _, e := range r.events(t) {
				if e.Name == "e6" {
					return status(code, "The data content of this event is bad")(w, r, 0)
				}
			}
			for _, e := range r.events(t) {
				accepted[e.Name]++
			}
			return false
		}
		err := s.driver(t).Broadcast(t.Context(), messages(10))
		assert.Equal(t, []string{"e6"}, undelivered(err))
		require.ErrorIs(t, err, broadcast.ErrPermanent)
		require.ErrorContains(t, err, "this event is bad")
		assert.Len(t, accepted, 9)
		for name, n := range accepted {
			assert.Equal(t, 1, n, name)
		}
		assert.Len(t, s.got(), 11)
	}
}

// TestChunkTwoOfThreeFails sends an event with 250 channels over a broadcaster.
func TestChunkTwoOfThreeFails(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		if f.answer == nil {
			continue // fails for all requests alike
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			var mended atomic.Bool
			s := newService(t, func(w http.ResponseWriter, r request, n int) bool {
				return n == 1 && !mended.Load() && f.answer(w, r, n)
			})
			c := s.config()
			if f.waits() {
				c.Timeout = slow
			}
			b := broadcast.New(newDriver(t, c), broadcast.WithLogger(silent))
			on := make([]channel.Channel, 250)
			for i := range on {
				on[i] = channel.Private("c." + strconv.Itoa(i))
			}
			err := b.Dispatch(t.Context(), event.Of("e", nil, on...))
			parts := broadcast.Undelivered(err)
			require.Len(t, parts, 1)
			assert.Equal(t, on[100:200], parts[0].Message.Channels)
			assert.Equal(t, broadcast.DefaultConnection, parts[0].Connection)
			assert.Equal(t, f.permanent, errors.Is(err, broadcast.ErrPermanent))
			assert.Len(t, s.got(), 3)

			mended.Store(true)
			require.NoError(t, b.Deliver(t.Context(), broadcast.Delivery{Connection: parts[0].Connection, Message: parts[0].Message}))
			require.Len(t, s.got(), 4)
			seen := map[string]int{}
			for i, e := range s.published(t) {
				if i != 1 {
					for _, name := range e.Channels {
						seen[name]++
					}
				}
			}
			assert.Len(t, seen, 250)
			for name, n := range seen {
				assert.Equal(t, 1, n, name)
			}
		})
	}
}

// TestOneOfThreeDriversFails tries the others all the same.
func TestOneOfThreeDriversFails(t *testing.T) {
	t.Parallel()
	good, bad, other := newService(t, nil), newService(t, status(503, "")), newService(t, nil)
	b := broadcast.New(good.driver(t), broadcast.WithConnection("bad", bad.driver(t)), broadcast.WithConnection("other", other.driver(t)), broadcast.WithLogger(silent))
	err := b.Dispatch(t.Context(), event.Of("e", nil, channel.Public("a")), broadcast.Via("default", "bad", "other"))
	parts := broadcast.Undelivered(err)
	require.Len(t, parts, 1)
	assert.Equal(t, "bad", parts[0].Connection)
	assert.Len(t, good.got(), 1)
	assert.Len(t, bad.got(), 1)
	assert.Len(t, other.got(), 1)
}

// TestHugeErrorBodyIsNotRead counts what is read of 64 MiB.
func TestHugeErrorBodyIsNotRead(t *testing.T) {
	t.Parallel()
	s := newService(t, func(w http.ResponseWriter, _ request, _ int) bool {
		w.WriteHeader(500)
		chunk := []byte(strings.Repeat("oops ", 13_107))
		for range 1024 {
			if _, err := w.Write(chunk); err != nil {
				break
			}
		}
		return true
	})
	c := s.config()
	count := &countingTransport{next: &http.Transport{}}
	c.Transport = count
	err := newDriver(t, c).Broadcast(t.Context(), messages(1))
	api, ok := errors.AsType[*pusher.APIError](err)
	require.True(t, ok)
	assert.LessOrEqual(t, len(api.Message), 303)
	assert.LessOrEqual(t, len(err.Error()), 600)
	assert.LessOrEqual(t, count.read.Load(), int64(64<<10+1))
	assert.Equal(t, int64(1), count.closed.Load())
}

// countingTransport counts what is read of bodies, and how many are closed.
type countingTransport struct {
	next         http.RoundTripper
	read, closed atomic.Int64
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		resp.Body = &countingBody{resp.Body, c}
	}
	return resp, err
}

type countingBody struct {
	io.ReadCloser
	count *countingTransport
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.count.read.Add(int64(n))
	return n, err
}

func (b *countingBody) Close() error {
	b.count.closed.Add(1)
	return b.ReadCloser.Close()
}

// TestClocksThatDiffer: the service tells its time with a 401.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	ago := time.Now().Add(-2 * time.Hour).UTC()
	s := newService(t, status(401, "Timestamp expired", "Date", ago.Format(http.TimeFormat)))
	err := s.driver(t).Broadcast(t.Context(), messages(1))
	require.ErrorIs(t, err, pusher.ErrUnauthorized)
	require.ErrorContains(t, err, "Timestamp expired; the clocks differ: here it was ")
	require.ErrorContains(t, err, ", there "+ago.Format(time.RFC3339))
	api, _ := errors.AsType[*pusher.APIError](err)
	assert.Equal(t, ago.Truncate(time.Second), api.Date.UTC())
	assert.WithinDuration(t, time.Now(), api.Sent, time.Minute)

	for _, answer := range []func(http.ResponseWriter, request, int) bool{
		status(401, ""), // the clocks agree
		status(500, "", "Date", ago.Format(http.TimeFormat)),
	} {
		s := newService(t, answer)
		assert.NotContains(t, s.driver(t).Broadcast(t.Context(), messages(1)).Error(), "clocks")
	}
}

func TestOtherGoodAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, " {}\n", `{"batch":{}}`, `{"batch":[{},{}]}`, `{"ok":true}`, `{"channels":{"a":{"user_count":1}}}`} {
		for _, code := range []int{200, 201, 202} {
			s := newService(t, status(code, body))
			require.NoError(t, s.driver(t).Broadcast(t.Context(), messages(2)), "%d %s", code, body)
			require.NoError(t, s.driver(t).Broadcast(t.Context(), messages(1)))
		}
	}
}

// TestContextEndsTheRest does not try what comes after the context is done.
func TestContextEndsTheRest(t *testing.T) {
	t.Parallel()
	for _, cause := range []error{context.Canceled, errors.New("the tab was closed")} {
		ctx, cancel := context.WithCancelCause(t.Context())
		s := newService(t, nil)
		s.answer = func(w http.ResponseWriter, r request, n int) bool {
			if n == 1 {
				cancel(cause)
				return hang(w, r, n)
			}
			return false
		}
		err := s.driver(t).Broadcast(ctx, messages(30))
		require.ErrorIs(t, err, context.Canceled)
		require.ErrorIs(t, err, cause)
		assert.NotErrorIs(t, err, broadcast.ErrPermanent)
		require.Len(t, undelivered(err), 20)
		assert.Equal(t, "e10", undelivered(err)[0])
		assert.Len(t, s.got(), 2)
	}
}

// TestWaitingForAPlaceKeepsToTheContext fills the driver first.
func TestWaitingForAPlaceKeepsToTheContext(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	release := make(chan struct{})
	s := newService(t, func(http.ResponseWriter, request, int) bool {
		entered <- struct{}{}
		<-release
		return false
	})
	c := s.config()
	c.MaxConcurrent = 1
	d := newDriver(t, c)
	done := make(chan error)
	go func() { done <- d.Broadcast(t.Context(), messages(1)) }()
	<-entered
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, d.Broadcast(ctx, messages(1)), context.DeadlineExceeded)
	close(release)
	require.NoError(t, <-done)
	assert.Len(t, s.got(), 1)
}

func TestShutdown(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{})
	release := make(chan struct{})
	s := newService(t, func(http.ResponseWriter, request, int) bool {
		entered <- struct{}{}
		<-release
		return false
	})
	d := s.driver(t)
	sent := make(chan error)
	go func() { sent <- d.Broadcast(t.Context(), messages(1)) }()
	<-entered

	done, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, d.Shutdown(done), context.Canceled, "one request is under way")
	require.ErrorIs(t, d.Shutdown(done), context.Canceled)
	require.ErrorIs(t, d.Broadcast(t.Context(), messages(1)), pusher.ErrClosed)
	require.ErrorIs(t, d.Ping(t.Context()), pusher.ErrClosed)
	ends := make(chan error, 3)
	for range cap(ends) {
		go func() { ends <- d.Shutdown(t.Context()) }()
	}
	close(release)
	require.NoError(t, <-sent, "what was under way is finished")
	for range cap(ends) {
		require.NoError(t, <-ends)
	}
	require.NoError(t, d.Shutdown(done), "nothing is left to wait for")
}

// TestShutdownInTheMiddle races dispatches with a shutdown: each is delivered
// or returns an error.
func TestShutdownInTheMiddle(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	c := s.config()
	c.MaxConcurrent = 4
	d := newDriver(t, c)
	const n = 500
	results := make(chan error, n)
	for i := range n {
		go func() {
			results <- d.Broadcast(t.Context(), []broadcast.Message{message(fmt.Sprint(i), "{}", channel.Public("a"))})
		}()
	}
	require.NoError(t, <-results)
	require.NoError(t, d.Shutdown(t.Context()))
	seen := len(s.got())
	delivered := 1
	for range n - 1 {
		if err := <-results; err == nil {
			delivered++
		} else {
			require.ErrorIs(t, err, pusher.ErrClosed)
		}
	}
	assert.Equal(t, seen, delivered)
	assert.Len(t, s.got(), seen, "nothing is sent after Shutdown has returned")
}
