package pusher_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
)

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
		for _, part := range broadcast.Undelivered(err) {
			require.ErrorIs(t, part, cause, "also of the request that was under way")
		}
		assert.Equal(t, "e10", undelivered(err)[0])
		assert.Len(t, s.got(), 2)
	}
}

// newHolding returns a service that says when a request has come, and answers
// none before release is closed.
func newHolding(t *testing.T) (s *service, entered <-chan struct{}, release chan<- struct{}) {
	t.Helper()
	come, answer := make(chan struct{}), make(chan struct{})
	s = newService(t, func(http.ResponseWriter, request, int) bool {
		come <- struct{}{}
		<-answer
		return false
	})
	return s, come, answer
}

// TestWaitingForAPlaceKeepsToTheContext fills the driver first.
func TestWaitingForAPlaceKeepsToTheContext(t *testing.T) {
	t.Parallel()
	s, entered, release := newHolding(t)
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
	s, entered, release := newHolding(t)
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

// TestShutdownClosesConnections of the driver's own.
func TestShutdownClosesConnections(t *testing.T) {
	t.Parallel()
	closed := make(chan struct{}, 1)
	s := startService(t, func(h http.Handler) *httptest.Server {
		server := quietServer(h)
		server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				closed <- struct{}{}
			}
		}
		server.Start()
		return server
	}, nil)
	d := newDriver(t, s.config())
	require.NoError(t, d.Broadcast(t.Context(), messages(1)))
	require.Empty(t, closed, "it is kept")
	require.NoError(t, d.Shutdown(t.Context()))
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Error("the connection is still open")
	}
}

// TestShutdownBesideAnother keeps to its own context.
func TestShutdownBesideAnother(t *testing.T) {
	t.Parallel()
	entered, release := make(chan struct{}), make(chan struct{})
	s := newService(t, func(http.ResponseWriter, request, int) bool {
		close(entered)
		<-release
		return false
	})
	c := s.config()
	c.MaxConcurrent = 1
	d := newDriver(t, c)
	ends := make(chan error, 2)
	go func() { ends <- d.Broadcast(t.Context(), messages(1)) }()
	<-entered
	go func() { ends <- d.Shutdown(t.Context()) }()
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		require.ErrorIs(t, d.Shutdown(ctx), context.DeadlineExceeded)
		cancel()
	}
	close(release)
	require.NoError(t, <-ends)
	require.NoError(t, <-ends)
}
