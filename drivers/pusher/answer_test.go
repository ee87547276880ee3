package pusher_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
)

// TestTextsOfAnswers compares whole texts.
func TestTextsOfAnswers(t *testing.T) {
	t.Parallel()
	for want, answer := range map[string]func(http.ResponseWriter, request, int) bool{
		"pusher: the service answered 503 Service Unavailable":                                                                                       status(503, ""),
		"pusher: the service answered 503 Service Unavailable; try again after 7s":                                                                   status(503, "", "Retry-After", "7"),
		"pusher: the service answered 503 Service Unavailable: a b c":                                                                                status(503, " a   b\t\r\nc\x00 "),
		"pusher: the service answered 503 Service Unavailable: a b":                                                                                  status(503, "a\xff\xfeb"),
		"pusher: the service answered 503 Service Unavailable: " + strings.Repeat("x", 300):                                                          status(503, strings.Repeat("x", 300)),
		"pusher: the service answered 503 Service Unavailable: " + strings.Repeat("x", 300) + "…":                                                    status(503, strings.Repeat("x", 301)),
		"pusher: the service answered 503 Service Unavailable: x…":                                                                                   status(503, "x"+strings.Repeat(" ", 600)+"y"),
		"pusher: the service answered 307 Temporary Redirect, and redirects are not followed; check Host, Path and Insecure":                         status(307, "", "Location", "http://[::1"),
		"pusher: the service answered 307 Temporary Redirect to https://other.test/x, and redirects are not followed; check Host, Path and Insecure": status(307, "", "Location", "https://u:p@other.test/x?auth_key=k#y"),
		"pusher: the service answered 401 Unauthorized": func(w http.ResponseWriter, r request, n int) bool {
			w.Header()["Date"] = nil // who has no clock is not told to differ
			return status(401, "")(w, r, n)
		},
		"pusher: unexpected answer: it has more than 65536 bytes": status(200, `{"a":"`+strings.Repeat("x", 70_000)+`"}`),
	} {
		s := newService(t, answer)
		parts := broadcast.Undelivered(s.driver(t).Broadcast(t.Context(), messages(1)))
		require.Len(t, parts, 1)
		require.EqualError(t, parts[0].Err, want)
		assert.True(t, utf8.ValidString(want))
	}
}

func TestTextOfAPayloadThatIsTooLarge(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	m := message("e", strings.Repeat("x", 10241), channel.Public("a"))
	parts := broadcast.Undelivered(s.driver(t).Broadcast(t.Context(), []broadcast.Message{m}))
	require.EqualError(t, parts[0].Err, `broadcast: payload too large: event "e" has 10241 bytes, the limit is 10240; send an id and let the page fetch the rest`)
}

func TestEndedContextIsToldOnce(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := newService(t, nil)
	parts := broadcast.Undelivered(s.driver(t).Broadcast(ctx, messages(1)))
	require.EqualError(t, parts[0].Err, "pusher: context canceled")
}

// TestCauseOfAFailedConnection can be asked for by its type.
func TestCauseOfAFailedConnection(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	c := s.config()
	refused(t, &c)
	err := newDriver(t, c).Broadcast(t.Context(), messages(1))
	op, ok := errors.AsType[*net.OpError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, "dial", op.Op)
}

// TestMaskedErrorsAreNothingElse has a transport whose error repeats the URL.
func TestMaskedErrorsAreNothingElse(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	c := s.config()
	c.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("while sending %s: %w", r.URL, io.ErrClosedPipe)
	})
	err := newDriver(t, c).Broadcast(t.Context(), messages(1))
	require.ErrorIs(t, err, io.ErrClosedPipe)
	require.ErrorContains(t, err, "pusher: while sending "+s.URL+"/apps/1001/events?auth_key=[hidden]&")
	require.ErrorContains(t, err, "&auth_signature=[hidden]&")
	require.ErrorContains(t, err, ": io: read/write on closed pipe")
	for _, other := range []error{io.EOF, context.Canceled, broadcast.ErrPermanent, pusher.ErrClosed} {
		assert.NotErrorIs(t, err, other)
	}
}

// TestShortCredentialsAreNoSecrets: hiding each k and s would leave no text.
func TestShortCredentialsAreNoSecrets(t *testing.T) {
	t.Parallel()
	s := newService(t, status(500, "so sorry, kind sir"))
	s.secrets["k"] = "s"
	c := s.config()
	c.App = auth.App{ID: "1", Key: "k", Secret: "s"}
	require.ErrorContains(t, newDriver(t, c).Broadcast(t.Context(), messages(1)), "so sorry, kind sir")
}

// TestKeysAreEscaped: the library leaves them as they are, and servers read a
// plus as a space.
func TestKeysAreEscaped(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	s.secrets["a+b;c"] = "secret"
	c := s.config()
	c.App = auth.App{ID: "1", Key: "a+b;c", Secret: "secret"}
	d := newDriver(t, c)
	require.NoError(t, d.Broadcast(t.Context(), messages(1)))
	require.NoError(t, d.Ping(t.Context()))
	require.NoError(t, d.TerminateUser(t.Context(), "7"))
	for _, r := range s.got() {
		assert.Equal(t, "a+b;c", r.query.Get("auth_key"))
	}
}

// TestDataOfABatchIsHidden has a service repeat it with an answer that is not
// about one of its events.
func TestDataOfABatchIsHidden(t *testing.T) {
	t.Parallel()
	s := newService(t, func(w http.ResponseWriter, r request, _ int) bool {
		w.WriteHeader(http.StatusForbidden)
		for _, e := range r.events(t) {
			_, _ = io.WriteString(w, "refused "+*e.Data+". ")
		}
		return true
	})
	list := messages(2)
	list[0].Data, list[1].Data = `{"pin":"47114711"}`, `{"name":"Ada Lovelace"}`
	err := s.driver(t).Broadcast(t.Context(), list)
	assert.Len(t, s.got(), 1)
	answer, ok := errors.AsType[*pusher.APIError](err)
	require.True(t, ok)
	assert.Equal(t, "refused [hidden]. refused [hidden].", answer.Message)
}

// TestSignatureOfOurOwnRequestsIsHidden: there it is not the last parameter.
func TestSignatureOfOurOwnRequestsIsHidden(t *testing.T) {
	t.Parallel()
	s := newService(t, func(w http.ResponseWriter, r request, n int) bool {
		return status(403, "your signature was "+r.query.Get("auth_signature")+" indeed")(w, r, n)
	})
	err := s.driver(t).TerminateUser(t.Context(), "7")
	require.ErrorContains(t, err, "your signature was [hidden] indeed")
}

// TestHugeErrorBodyOfAQueryIsNotRead: only good answers may be long.
func TestHugeErrorBodyOfAQueryIsNotRead(t *testing.T) {
	t.Parallel()
	s := newService(t, func(w http.ResponseWriter, _ request, _ int) bool {
		w.WriteHeader(500)
		_, _ = io.WriteString(w, strings.Repeat("oops ", 1<<18))
		return true
	})
	c := s.config()
	count := &countingTransport{next: &http.Transport{}}
	c.Transport = count
	require.ErrorContains(t, newDriver(t, c).Ping(t.Context()), "500 Internal Server Error: oops")
	assert.LessOrEqual(t, count.read.Load(), int64(64<<10+1))
}

// TestOwnRequestsUseTLS are those that the library has no call for.
func TestOwnRequestsUseTLS(t *testing.T) {
	t.Parallel()
	s := startService(t, startTLS, nil)
	d := newDriver(t, pusher.Config{App: testApp(), Host: s.Listener.Addr().String()})
	pusher.OwnTransport(d).TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	require.NoError(t, d.TerminateUser(t.Context(), "7"))
	m := message("e", "{}", channel.User("7"))
	m.SocketID = "1.2"
	require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{m}))
	assert.Len(t, s.got(), 2)
}
