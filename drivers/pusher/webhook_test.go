package pusher_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/internal/pusherproto"
)

func ignore(context.Context, pusher.WebhookBatch) error { return nil }

// hook is a webhook receiver with what it handled.
type hook struct {
	*pusher.Webhook
	batches []pusher.WebhookBatch
	log     bytes.Buffer
}

func newHook(t testing.TB, app auth.App, options ...pusher.WebhookOption) *hook {
	t.Helper()
	h := &hook{}
	var err error
	options = append([]pusher.WebhookOption{pusher.WithLogger(slog.New(slog.NewTextHandler(&h.log, nil)))}, options...)
	h.Webhook, err = pusher.NewWebhook(app, func(_ context.Context, b pusher.WebhookBatch) error {
		h.batches = append(h.batches, b)
		return nil
	}, options...)
	require.NoError(t, err)
	return h
}

// post sends a body with headers and returns the answer.
func (h *hook) post(body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/webhook", strings.NewReader(body))
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func (h *hook) postSigned(body string) *httptest.ResponseRecorder {
	return h.post(body, "X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, body))
}

func sign(secret, body string) string {
	return string(pusherproto.NewSigner(secret).AppendSignature(nil, body))
}

func hookBody(at time.Time, events ...string) string {
	return fmt.Sprintf(`{"time_ms":%d,"events":[%s]}`, at.UnixMilli(), strings.Join(events, ","))
}

func TestWebhookEvents(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Millisecond)
	for _, row := range []struct {
		event string
		want  pusher.WebhookEvent
	}{
		{`{"name":"channel_occupied","channel":"private-a"}`, pusher.ChannelOccupied{Channel: channel.Private("a")}},
		{`{"name":"channel_vacated","channel":"a"}`, pusher.ChannelVacated{Channel: channel.Public("a")}},
		{`{"name":"member_added","channel":"presence-a","user_id":"7"}`, pusher.MemberAdded{Channel: channel.Presence("a"), UserID: "7"}},
		{`{"name":"member_added","channel":"presence-a","user_id":7}`, pusher.MemberAdded{Channel: channel.Presence("a"), UserID: "7"}},
		{`{"name":"member_removed","channel":"presence-a","user_id":"7"}`, pusher.MemberRemoved{Channel: channel.Presence("a"), UserID: "7"}},
		{`{"name":"client_event","channel":"presence-a","event":"client-e","data":"{\"a\":1}","socket_id":"1.2","user_id":"7"}`, pusher.ClientEvent{Channel: channel.Presence("a"), Event: "client-e", Data: `{"a":1}`, SocketID: "1.2", UserID: "7"}},
		{`{"name":"client_event","channel":"private-a","event":"client-e","data":{"a":1},"socket_id":"1.2","user_id":null}`, pusher.ClientEvent{Channel: channel.Private("a"), Event: "client-e", Data: `{"a":1}`, SocketID: "1.2"}},
		{`{"name":"cache_miss","channel":"cache-a"}`, pusher.CacheMiss{Channel: channel.Public("a").Cached()}},
		{`{"name":"subscription_count","channel":"a","subscription_count":12}`, pusher.SubscriptionCountChanged{Channel: channel.Public("a"), Count: 12}},
		{`{"name":"subscription_count","channel":"a","subscription_count":"12"}`, pusher.SubscriptionCountChanged{Channel: channel.Public("a"), Count: 12}},
		{`{"name":"subscription_count","channel":"a","subscription_count":"x"}`, nil},
		{`{"name":"channel_occupied","channel":"a b"}`, nil},
		{`{"name":"channel_occupied"}`, nil},
		{`{"name":"member_added","channel":"presence-a","user_id":{}}`, nil},
		{`{"name":"message_published","channel":"a","x":[1]}`, nil},
		{`{}`, nil},
	} {
		h := newHook(t, testApp())
		w := h.postSigned(hookBody(now, row.event))
		require.Equal(t, http.StatusOK, w.Code, row.event)
		require.Len(t, h.batches, 1)
		assert.True(t, now.Equal(h.batches[0].Time))
		require.Len(t, h.batches[0].Events, 1)
		got := h.batches[0].Events[0]
		var named struct{ Name string }
		require.NoError(t, json.Unmarshal([]byte(row.event), &named))
		assert.Equal(t, named.Name, got.WebhookName())
		if row.want == nil {
			assert.Equal(t, pusher.UnknownEvent{Name: named.Name, Raw: json.RawMessage(row.event)}, got)
		} else {
			assert.Equal(t, row.want, got)
		}
	}
}

func TestWebhookKeepsTheOrder(t *testing.T) {
	t.Parallel()
	h := newHook(t, testApp())
	h.postSigned(hookBody(time.Now(), `{"name":"channel_occupied","channel":"a"}`, `{"name":"x"}`, `{"name":"channel_vacated","channel":"a"}`))
	require.Len(t, h.batches, 1)
	var names []string
	for _, e := range h.batches[0].Events {
		names = append(names, e.WebhookName())
	}
	assert.Equal(t, []string{"channel_occupied", "x", "channel_vacated"}, names)
}

// TestWebhookBadInputs holds HOOK-001, 002, 007 and 008, and their like.
func TestWebhookBadInputs(t *testing.T) {
	t.Parallel()
	good, strange := hookBody(time.Now()), hookBody(time.Now(), "7")
	big := strings.Repeat(" ", 20<<20)
	for _, row := range []struct {
		name    string
		body    string
		headers []string
		status  int
	}{
		{"HOOK-001 no signature", good, []string{"X-Pusher-Key", appKey}, 401},
		{"HOOK-002 wrong signature", "{}", []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", strings.Repeat("0", 64)}, 401},
		{"HOOK-007 not JSON", "x", []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, "x")}, 400},
		{"HOOK-008 20 MiB", big, []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, big)}, 413},
		{"no key", good, []string{"X-Pusher-Signature", sign(appSecret, good)}, 401},
		{"other key", good, []string{"X-Pusher-Key", "other", "X-Pusher-Signature", sign(appSecret, good)}, 401},
		{"other secret", good, []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign("other", good)}, 401},
		{"signature of another body", good, []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, good+" ")}, 401},
		{"signature that is no hex", good, []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", strings.Repeat("z", 64)}, 401},
		{"signature that is short", good, []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, good)[:63]}, 401},
		{"an array", "[]", []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, "[]")}, 400},
		{"no time", `{"events":[]}`, []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, `{"events":[]}`)}, 400},
		{"no events", `{"time_ms":1}`, []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, `{"time_ms":1}`)}, 400},
		{"an event that is none", strange, []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, strange)}, 400},
		{"something behind the JSON", good + "{}", []string{"X-Pusher-Key", appKey, "X-Pusher-Signature", sign(appSecret, good+"{}")}, 400},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			h := newHook(t, testApp())
			w := h.post(row.body, row.headers...)
			assert.Equal(t, row.status, w.Code)
			assert.Empty(t, h.batches)
			assert.Contains(t, h.log.String(), "webhook refused")
			assertNoSecrets(t, w.Body.String()+h.log.String())
		})
	}
	t.Run("HOOK-008 20 MiB of unknown length", func(t *testing.T) {
		h := newHook(t, testApp())
		r := httptest.NewRequest(http.MethodPost, "/", io.MultiReader(strings.NewReader(big)))
		r.ContentLength = -1
		r.Header.Set("X-Pusher-Key", appKey)
		r.Header.Set("X-Pusher-Signature", sign(appSecret, big))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, 413, w.Code)
	})
	t.Run("a body that breaks off", func(t *testing.T) {
		h := newHook(t, testApp())
		r := httptest.NewRequest(http.MethodPost, "/", iotest.ErrReader(io.ErrUnexpectedEOF))
		r.Header.Set("X-Pusher-Key", appKey)
		r.Header.Set("X-Pusher-Signature", sign(appSecret, big))
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		assert.Equal(t, 400, w.Code)
	})
	t.Run("GET", func(t *testing.T) {
		h := newHook(t, testApp())
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		assert.Equal(t, 405, w.Code)
		assert.Equal(t, "POST", w.Header().Get("Allow"))
	})
}

// TestWebhookStrangersDoNotFillTheLog has somebody send what is not signed over
// and over.
func TestWebhookStrangersDoNotFillTheLog(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHook(t, testApp())
		lines := func() int { return strings.Count(h.log.String(), "webhook refused") }
		for range 1000 {
			assert.Equal(t, http.StatusUnauthorized, h.post("{}").Code)
		}
		assert.Equal(t, 10, lines())
		time.Sleep(time.Minute)
		for range 1000 {
			h.post("{}")
		}
		assert.Equal(t, 11, lines())
	})
}

func TestWebhookKeysCanBeChanged(t *testing.T) {
	t.Parallel()
	app := testApp()
	app.Former = []auth.KeyPair{{Key: "former-key", Secret: "former-secret"}, {Key: "first-key", Secret: "first-secret"}}
	body := hookBody(time.Now())
	for _, row := range []struct {
		key, secret string
		status      int
	}{
		{appKey, appSecret, 200},
		{"former-key", "former-secret", 200},
		{"first-key", "first-secret", 200},
		{"former-key", appSecret, 401},
		{appKey, "former-secret", 401},
	} {
		w := newHook(t, app).post(body, "X-Pusher-Key", row.key, "X-Pusher-Signature", sign(row.secret, body))
		assert.Equal(t, row.status, w.Code, "%s %s", row.key, row.secret)
	}
}

func TestWebhookAge(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name   string
		max    time.Duration
		age    time.Duration
		status int
	}{
		{"fresh", 0, 0, 200},
		{"9 minutes", 0, 9 * time.Minute, 200},
		{"11 minutes", 0, 11 * time.Minute, 401},
		{"4 minutes ahead", 0, -4 * time.Minute, 200},
		{"6 minutes ahead", 0, -6 * time.Minute, 401},
		{"a minute is allowed", time.Minute, 50 * time.Second, 200},
		{"a minute is not enough", time.Minute, 70 * time.Second, 401},
		{"off", -1, 100 * 24 * time.Hour, 200},
		{"off, ahead", -1, -100 * 24 * time.Hour, 200},
	} {
		h := newHook(t, testApp(), pusher.WithMaxAge(row.max))
		sent := time.Now().Add(-row.age)
		w := h.postSigned(hookBody(sent))
		assert.Equal(t, row.status, w.Code, row.name)
		if row.status == 401 {
			assert.Regexp(t, `^the webhook is (older than \d+m0s|in the future): it was sent at `+sent.UTC().Format(time.RFC3339)+`, here it is 2\d{3}-`, w.Body.String())
		}
	}
	t.Run("far from every clock", func(t *testing.T) {
		for _, at := range []string{"9223372036854775807", "-9223372036854775808", "0", "1"} {
			h := newHook(t, testApp())
			assert.Equal(t, 401, h.postSigned(`{"time_ms":`+at+`,"events":[]}`).Code, at)
		}
	})
}

func TestWebhookThatIsNotHandledComesAgain(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	h, err := pusher.NewWebhook(testApp(), func(context.Context, pusher.WebhookBatch) error {
		return errors.New("the database is down")
	}, pusher.WithLogger(slog.New(slog.NewTextHandler(&log, nil))))
	require.NoError(t, err)
	w := (&hook{Webhook: h}).postSigned(hookBody(time.Now()))
	assert.Equal(t, 500, w.Code)
	assert.NotContains(t, w.Body.String(), "database")
	assert.Contains(t, log.String(), "the database is down")
}

func TestWebhookOfEncryptedChannels(t *testing.T) {
	t.Parallel()
	key, err := pusherproto.DecodeMasterKey(masterKey)
	require.NoError(t, err)
	sealed := pusherproto.Seal("private-encrypted-x", &key, `{"a":1}`)
	data, err := json.Marshal(sealed)
	require.NoError(t, err)
	body := hookBody(time.Now(), `{"name":"client_event","channel":"private-encrypted-x","event":"client-e","data":`+string(data)+`,"socket_id":"1.1"}`)
	want := pusher.ClientEvent{Channel: channel.Encrypted("x"), Event: "client-e", Data: `{"a":1}`, SocketID: "1.1"}

	h := newHook(t, testApp())
	require.Equal(t, 200, h.postSigned(body).Code)
	assert.Equal(t, []pusher.WebhookEvent{want}, h.batches[0].Events)

	app := testApp()
	app.EncryptionKey = ""
	h = newHook(t, app)
	require.Equal(t, 200, h.postSigned(body).Code)
	want.Data = sealed
	assert.Equal(t, []pusher.WebhookEvent{want}, h.batches[0].Events, "still sealed")

	app.EncryptionKey = "eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHh4eHg="
	h = newHook(t, app)
	assert.Equal(t, 500, h.postSigned(body).Code)
	assert.Empty(t, h.batches)
	assert.Contains(t, h.log.String(), "private-encrypted-x")
}

func TestWebhookNeedsAnAppAndAFunction(t *testing.T) {
	t.Parallel()
	_, err := pusher.NewWebhook(auth.App{}, ignore)
	require.ErrorContains(t, err, "missing ID, Key, Secret")
	_, err = pusher.NewWebhook(testApp(), nil)
	require.ErrorContains(t, err, "nil")
}

// FuzzWebhook: whatever is signed, the answer is one of those that are
// promised, and a batch is handled exactly when it is 200.
func FuzzWebhook(f *testing.F) {
	f.Add(`{"time_ms":1,"events":[]}`, true)
	f.Add(`{"time_ms":1,"events":[{"name":"client_event","channel":"private-encrypted-x","data":"{\"nonce\":\"\",\"ciphertext\":\"\"}"}]}`, true)
	f.Add(`{"time_ms":1,"events":[{"name":"member_added","channel":"presence-x","user_id":1e5},null,{"name":"subscription_count","channel":"a","subscription_count":-1}]}`, true)
	f.Add(`{"time_ms":1.5,"events":{}}`, true)
	f.Add(`x`, false)
	f.Fuzz(func(t *testing.T, body string, signed bool) {
		h := newHook(t, testApp(), pusher.WithMaxAge(-1))
		secret := appSecret
		if !signed {
			secret = "another"
		}
		w := h.post(body, "X-Pusher-Key", appKey, "X-Pusher-Signature", sign(secret, body))
		switch w.Code {
		case 200, 400, 500:
			if !signed {
				t.Fatalf("%d for what nobody signed", w.Code)
			}
		case 401:
			if signed {
				t.Fatal("401 for what was signed")
			}
		case 413:
			if len(body) <= 1<<20 {
				t.Fatal("413 for a small body")
			}
		default:
			t.Fatalf("status %d", w.Code)
		}
		if (w.Code == 200) != (len(h.batches) == 1) {
			t.Fatalf("status %d and %d batches", w.Code, len(h.batches))
		}
		if w.Code == 200 {
			for _, e := range h.batches[0].Events {
				if e == nil {
					t.Fatal("an event is nil")
				}
			}
		}
	})
}
