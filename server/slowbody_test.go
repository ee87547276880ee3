package server_test

import (
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// TestBodiesThatNobodyWants announces bodies where none belongs and sends none.
// net/http waits for the rest of a body before it ends a request, so that each
// would hold a connection for ever that no limit counts.
func TestBodiesThatNobodyWants(t *testing.T) {
	t.Parallel()
	const handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for _, head := range []string{
		"POST /up HTTP/1.1\r\n",
		"POST /nothing HTTP/1.1\r\n",
		"POST /apps/1/nothing HTTP/1.1\r\n",
		"POST /users/1/nothing HTTP/1.1\r\n",
		"GET /app/k?protocol=7 HTTP/1.1\r\n",
		"GET /app/k?protocol=7 HTTP/1.1\r\n" + handshake,
		"GET /app/ HTTP/1.1\r\n" + handshake,
	} {
		for _, body := range []string{"Content-Length: 100\r\n", "Transfer-Encoding: chunked\r\n"} {
			inBubble(t, func(t *testing.T, w *site) {
				conn, err := w.dial()
				require.NoError(t, err)
				defer conn.Close()
				start := time.Now()
				require.NoError(t, conn.SetDeadline(start.Add(time.Minute)))
				_, err = fmt.Fprintf(conn, "%sHost: h\r\n%s\r\n", head, body)
				require.NoError(t, err)
				_, err = io.Copy(io.Discard, conn)
				require.NoError(t, err, "%s%s: the connection is still open", head, body)
				assert.LessOrEqual(t, time.Since(start), 15*time.Second)
			})
		}
	}
}
