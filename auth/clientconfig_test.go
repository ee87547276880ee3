package auth_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/auth"
)

func TestClientConfig(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]auth.ClientConfig{
		`{"broadcaster":"pusher","key":"k","cluster":"eu","forceTLS":true}`: {Broadcaster: auth.BroadcasterPusher, Key: "k", Cluster: "eu", ForceTLS: true},
		`{"broadcaster":"reverb","key":"k","cluster":"","wsHost":"ws.example","wsPort":8080,"wssPort":8443,"wsPath":"/ws","forceTLS":false,"enabledTransports":["ws","wss"]}`: {
			Broadcaster: auth.BroadcasterReverb, Key: "k", WSHost: "ws.example", WSPort: 8080, WSSPort: 8443, WSPath: "/ws", EnabledTransports: []string{"ws", "wss"},
		},
	} {
		assert.JSONEq(t, want, mustMarshal(c))
		a := ask(t, c, httptest.NewRequest(http.MethodGet, "/", nil))
		assert.Equal(t, http.StatusOK, a.Status)
		assert.JSONEq(t, want, a.Raw)
		assert.Equal(t, "application/json", a.Header.Get("Content-Type"))
	}
	a := ask(t, auth.ClientConfig{}, httptest.NewRequest(http.MethodHead, "/", nil))
	assert.Equal(t, http.StatusOK, a.Status)
	a = ask(t, auth.ClientConfig{}, httptest.NewRequest(http.MethodPost, "/", nil))
	assert.Equal(t, http.StatusMethodNotAllowed, a.Status)
	assert.Equal(t, "use GET", a.Message)
	assert.Equal(t, "GET, HEAD", a.Header.Get("Allow"))
}
