package pusher_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/pusherproto"
)

func TestPrintsShowNoSecrets(t *testing.T) {
	t.Parallel()
	c := pusher.Config{App: testApp(), Cluster: "eu"}
	d := newDriver(t, c)
	h, err := pusher.NewWebhook(testApp(), ignore)
	require.NoError(t, err)
	master, err := pusherproto.DecodeMasterKey(masterKey)
	require.NoError(t, err)
	// Of an unexported field, package fmt calls no method.
	type holder struct {
		d *pusher.Driver
		h *pusher.Webhook
	}
	for _, v := range []any{c, &c, d, h, holder{d, h}, &holder{d, h}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			text := fmt.Sprintf(verb, v)
			for _, secret := range []string{appSecret, masterKey, fmt.Sprintf("%x", appSecret), fmt.Sprintf("%x", master), strings.Trim(fmt.Sprint(master), "[]")} {
				assert.NotContains(t, text, secret, "%T with %s", v, verb)
			}
		}
		var log bytes.Buffer
		slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&log, nil)).Info("x", "v", v)
		encoded, _ := json.Marshal(v)
		log.Write(encoded)
		assert.NotContains(t, log.String(), appSecret)
		assert.NotContains(t, log.String(), masterKey)
	}
}

// TestNothingThatIsRepeatedShowsSecrets has service and transport repeat the
// signed URL wherever they can.
func TestNothingThatIsRepeatedShowsSecrets(t *testing.T) {
	t.Parallel()
	s := newService(t, func(w http.ResponseWriter, r request, n int) bool {
		code := []int{401, 500, 307, 200}[n%4]
		signed := r.path + "?" + r.query.Encode()
		w.Header().Set("Location", "https://"+r.query.Get("auth_key")+":x@"+"evil.test/"+r.query.Get("auth_signature")+signed)
		w.WriteHeader(code)
		_, _ = io.WriteString(w, "you sent POST\n"+signed)
		return true
	})
	echo := s.driver(t)
	c := s.config()
	c.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("while sending %s: %w", r.URL, &url.Error{Op: "Post", URL: r.URL.String(), Err: io.ErrClosedPipe})
	})
	wrapped := newDriver(t, c)
	c.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
		return nil, fmt.Errorf("while sending %s: %w", r.URL, io.ErrClosedPipe)
	})
	told := newDriver(t, c)

	var log bytes.Buffer
	for _, d := range []*pusher.Driver{echo, echo, echo, echo, wrapped, told} {
		b := broadcast.New(d, broadcast.WithLogger(slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))))
		err := b.Dispatch(t.Context(), event.Of("e", map[string]string{"p": "canary-payload"}, channel.Private("a")))
		require.Error(t, err)
		for _, e := range tree(err) {
			if _, ok := errors.AsType[*broadcast.DeliveryError](e); !ok {
				assertNoSecrets(t, fmt.Sprintf("%v %+v", e, e))
			}
			assertNoSecrets(t, e.Error())
		}
	}
	for _, err := range []error{echo.Ping(t.Context()), wrapped.Ping(t.Context()), told.TerminateUser(t.Context(), "7")} {
		require.Error(t, err)
		assertNoSecrets(t, err.Error())
	}
	require.ErrorIs(t, wrapped.Ping(t.Context()), io.ErrClosedPipe)
	require.ErrorIs(t, told.Ping(t.Context()), io.ErrClosedPipe, "the cause can be asked for")
	assertNoSecrets(t, log.String())
	assert.NotContains(t, log.String(), "canary-payload")
	assert.Contains(t, log.String(), "event not broadcast")
}

// tree returns the error and all that it wraps.
func tree(err error) []error {
	var wrapped []error
	switch e := err.(type) {
	case nil:
		return nil
	case interface{ Unwrap() error }:
		wrapped = []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		wrapped = e.Unwrap()
	}
	found := []error{err}
	for _, inner := range wrapped {
		found = append(found, tree(inner)...)
	}
	return found
}
