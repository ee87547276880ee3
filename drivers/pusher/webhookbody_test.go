package pusher_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/internal/memnet"
)

// TestWebhookSlowBody has a stranger announce bodies and not send them, which
// would hold a connection for as long as the stranger likes; and the service
// send one that is handled for longer than a body may take.
func TestWebhookSlowBody(t *testing.T) {
	t.Parallel()
	const length = "Content-Length: 1000\r\n"
	signature := "X-Pusher-Key: " + appKey + "\r\nX-Pusher-Signature: "
	for _, test := range []struct {
		name, head string
		status     int
	}{
		{"signed", "POST /hook HTTP/1.1\r\n" + length + signature + strings.Repeat("0", 64), http.StatusRequestTimeout},
		{"chunked", "POST /hook HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + signature + strings.Repeat("0", 64), http.StatusRequestTimeout},
		{"not signed", "POST /hook HTTP/1.1\r\n" + length + signature, http.StatusUnauthorized},
		{"with the wrong method", "PUT /hook HTTP/1.1\r\n" + length + signature, http.StatusMethodNotAllowed},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			onHookServer(t, ignore, func(conn io.ReadWriter) {
				start := time.Now()
				_, err := fmt.Fprintf(conn, "%s\r\nHost: h\r\n\r\n", test.head)
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
	t.Run("handled slowly", func(t *testing.T) {
		t.Parallel()
		handle := func(ctx context.Context, _ pusher.WebhookBatch) error {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Minute):
				return nil
			}
		}
		onHookServer(t, handle, func(conn io.ReadWriter) {
			body := hookBody(time.Now())
			_, err := fmt.Fprintf(conn, "POST /hook HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n%s%s\r\n\r\n", len(body), signature, sign(appSecret, body))
			require.NoError(t, err)
			<-time.After(9 * time.Second)
			_, err = io.WriteString(conn, body)
			require.NoError(t, err)
			answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
			require.NoError(t, err)
			defer answer.Body.Close()
			assert.Equal(t, http.StatusOK, answer.StatusCode)
		})
	})
}

// onHookServer lets a client talk to a receiver of webhooks, in a bubble.
func onHookServer(t *testing.T, handle func(context.Context, pusher.WebhookBatch) error, talk func(conn io.ReadWriter)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		quiet := slog.New(slog.DiscardHandler)
		h, err := pusher.NewWebhook(testApp(), handle, pusher.WithLogger(quiet))
		require.NoError(t, err)
		listener := memnet.Listen()
		web := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(quiet.Handler(), 0)}
		served := make(chan error)
		go func() { served <- web.Serve(listener) }()
		conn, err := listener.Dial(t.Context())
		require.NoError(t, err)
		talk(conn)
		require.NoError(t, conn.Close())
		require.NoError(t, web.Close())
		require.ErrorIs(t, <-served, http.ErrServerClosed)
	})
}
