package server_test

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/server"
)

// FuzzRequests sends any request that net/http reads. A stranger is answered in
// JSON and in few words, also in the log, and learns nothing that is secret.
func FuzzRequests(f *testing.F) {
	const secret, former = "a-secret-of-the-app", "a-former-secret"
	const handshake = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
	for _, head := range []string{
		"GET /ws/app/key?protocol=7 HTTP/1.1\r\n" + handshake, "GET /ws/app/kay?protocol=7 HTTP/1.1\r\n" + handshake, "GET /app/key HTTP/1.1\r\n" + handshake,
		"GET /ws/app/key?protocol=7 HTTP/1.1\r\nOrigin: https://evil.example\r\n" + handshake, "GET /ws/app/ HTTP/1.1\r\n" + handshake, "GET //ws//app/key HTTP/1.1\r\n",
		"POST /ws/apps/1/events?auth_key=key&auth_version=1.0&auth_timestamp=1&auth_signature=00 HTTP/1.1\r\nContent-Length: 2\r\n",
		"GET /ws/apps/1/channels/private%2Da/users?auth_key=key HTTP/1.1\r\n", "POST /ws/users/7/terminate_connections?AUTH_KEY=old HTTP/1.0\r\n", "OPTIONS * HTTP/1.1\r\n",
		"GET http://ws/ws/up HTTP/1.1\r\n", "HEAD /ws/up?%zz HTTP/1.1\r\n", "DELETE /ws/up/ HTTP/1.1\r\n", "GET /ws/app/%00%0a%ff?protocol=%37 HTTP/1.1\r\n" + handshake,
	} {
		f.Add(head + "Host: h\r\n\r\n{}")
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(raw)))
		if err != nil {
			t.Skip("net/http refuses it")
		}
		var log logBuffer
		srv, err := server.New(server.Config{
			App:    auth.App{ID: "1", Key: "key", Secret: secret, Former: []auth.KeyPair{{Key: "old", Secret: former}}},
			Prefix: "/ws", Logger: slog.New(slog.NewTextHandler(&log, nil)),
		})
		require.NoError(t, err)
		answer := httptest.NewRecorder()
		srv.ServeHTTP(answer, r)
		require.NoError(t, srv.Shutdown(t.Context()))
		assert.True(t, json.Valid(answer.Body.Bytes()), "%s", answer.Body)
		assert.Equal(t, "application/json", answer.Header().Get("Content-Type"))
		if answer.Code != http.StatusOK {
			// What cannot be hijacked is a fault of this test's, said as such.
			assert.True(t, answer.Code >= 400 && answer.Code <= 500, answer.Code)
		}
		assert.LessOrEqual(t, answer.Body.Len(), 6000)
		assert.LessOrEqual(t, len(log.String()), 3000)
		assert.LessOrEqual(t, strings.Count(log.String(), "\n"), 2)
		for _, text := range []string{answer.Body.String(), log.String()} {
			assert.NotContains(t, text, secret)
			assert.NotContains(t, text, former)
		}
	})
}
