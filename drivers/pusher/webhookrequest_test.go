package pusher_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/drivers/pusher"
)

func TestWebhookIsHandledInTheContextOfItsRequest(t *testing.T) {
	t.Parallel()
	type key struct{}
	var got any
	h, err := pusher.NewWebhook(testApp(), func(ctx context.Context, _ pusher.WebhookBatch) error {
		got = ctx.Value(key{})
		return nil
	})
	require.NoError(t, err)
	body := hookBody(time.Now())
	r := httptest.NewRequestWithContext(context.WithValue(t.Context(), key{}, "trace"), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("X-Pusher-Key", appKey)
	r.Header.Set("X-Pusher-Signature", sign(appSecret, body))
	h.ServeHTTP(httptest.NewRecorder(), r)
	assert.Equal(t, "trace", got)
}

func TestWebhookWithoutALogger(t *testing.T) {
	// Not parallel: the default logger belongs to everybody.
	before := slog.Default()
	defer slog.SetDefault(before)
	var log strings.Builder
	slog.SetDefault(slog.New(slog.NewTextHandler(&log, nil)))
	for _, options := range [][]pusher.WebhookOption{nil, {pusher.WithLogger(nil)}} {
		log.Reset()
		h, err := pusher.NewWebhook(testApp(), ignore, options...)
		require.NoError(t, err)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		assert.Equal(t, http.StatusMethodNotAllowed, w.Code)
		assert.Contains(t, log.String(), "webhook refused")
	}
}

// unread fails the test when it is read.
type unread struct{ t *testing.T }

func (u unread) Read([]byte) (int, error) {
	u.t.Error("the body was read")
	return 0, io.EOF
}

func TestBodiesOfWebhooksThatAreNotWantedAreNotRead(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*http.Request){
		"no signature":    func(r *http.Request) { r.Header.Del("X-Pusher-Signature") },
		"half of one":     func(r *http.Request) { r.Header.Set("X-Pusher-Signature", strings.Repeat("0", 32)) },
		"another method":  func(r *http.Request) { r.Method = http.MethodPut },
		"said to be huge": func(r *http.Request) { r.ContentLength = 1<<20 + 1 },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", unread{t})
			r.Header.Set("X-Pusher-Key", appKey)
			r.Header.Set("X-Pusher-Signature", strings.Repeat("0", 64))
			change(r)
			w := httptest.NewRecorder()
			newHook(t, testApp()).ServeHTTP(w, r)
			assert.GreaterOrEqual(t, w.Code, 400)
		})
	}
}
