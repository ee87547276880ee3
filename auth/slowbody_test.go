package auth_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/memnet"
)

// onWeb serves the handler on a network in memory, in a bubble.
func onWeb(t *testing.T, h http.Handler) (conn io.ReadWriteCloser) {
	t.Helper()
	listener := memnet.Listen()
	web := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	served := make(chan error)
	go func() { served <- web.Serve(listener) }()
	dialed, err := listener.Dial(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() {
		_ = dialed.Close()
		_ = web.Close()
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
	return dialed
}

const ofForm = "Content-Type: " + formType + "\r\n"

// TestSlowBodies announces bodies and does not send them, which would hold a
// connection for as long as the sender likes.
func TestSlowBodies(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, head string
		status     int
	}{
		{"wanted", "POST /auth HTTP/1.1\r\n" + ofForm, http.StatusRequestTimeout},
		{"of the wrong type", "POST /auth HTTP/1.1\r\n", http.StatusUnsupportedMediaType},
		{"of another origin", "POST /auth HTTP/1.1\r\nOrigin: https://evil.example\r\n" + ofForm, http.StatusForbidden},
		{"with the wrong method", "PUT /auth HTTP/1.1\r\n", http.StatusMethodNotAllowed},
		{"of a preflight", "OPTIONS /auth HTTP/1.1\r\n", http.StatusNoContent},
	} {
		for _, length := range []string{"Content-Length: 100", "Transfer-Encoding: chunked"} {
			t.Run(test.name+", "+length, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					conn := onWeb(t, newHandler())
					start := time.Now()
					_, err := fmt.Fprintf(conn, "%sHost: h\r\n%s\r\n\r\n", test.head, length)
					require.NoError(t, err)
					in := bufio.NewReader(conn)
					answer, err := http.ReadResponse(in, nil)
					require.NoError(t, err)
					assert.Equal(t, test.status, answer.StatusCode)
					_, err = io.Copy(io.Discard, in)
					require.NoError(t, err, "the connection is closed")
					assert.LessOrEqual(t, time.Since(start), 15*time.Second)
				})
			})
		}
	}
}

// TestARuleMayTakeLongerThanABody has the time for the body run out while a rule
// is asked, whose context that does not concern.
func TestARuleMayTakeLongerThanABody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(auth.WithRuleTimeout(time.Hour))
		h.Private("slow", func(ctx context.Context, _ *user, _ *auth.Subscription) (bool, error) {
			select {
			case <-ctx.Done():
				return false, errors.New("the request has ended")
			case <-time.After(time.Minute):
				return true, nil
			}
		})
		conn := onWeb(t, h)
		const body = "socket_id=1.1&channel_name=private-slow"
		_, err := fmt.Fprintf(conn, "POST /auth HTTP/1.1\r\nHost: h\r\nX-User: 7\r\n%sContent-Length: %d\r\n\r\n", ofForm, len(body))
		require.NoError(t, err)
		time.Sleep(9 * time.Second)
		_, err = io.WriteString(conn, body)
		require.NoError(t, err)
		answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer answer.Body.Close()
		assert.Equal(t, http.StatusOK, answer.StatusCode)
	})
}
