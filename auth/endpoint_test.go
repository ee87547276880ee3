package auth_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

func TestHeadersOfEveryAnswer(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", allow)
	get := subscribe("private-a")
	get.Method = http.MethodGet
	for _, r := range []*http.Request{subscribe("private-a"), subscribe("private-b"), subscribe(""), get} {
		header := ask(t, h, r).Header
		assert.Equal(t, "application/json", header.Get("Content-Type"))
		assert.Equal(t, "no-store", header.Get("Cache-Control"))
		assert.Equal(t, "nosniff", header.Get("X-Content-Type-Options"))
	}
}

func TestWhatTakesTooLongIsNoFault(t *testing.T) {
	t.Parallel()
	late := fmt.Errorf("no directory service: %w", context.DeadlineExceeded)
	h := auth.NewHandler(testApp, func(*http.Request) (*user, error) { return nil, late }, quiet)
	h.Private("a", allow)
	a := ask(t, h, subscribe("private-a"))
	assert.Equal(t, http.StatusServiceUnavailable, a.Status)
	assert.Equal(t, "the decision took too long", a.Message)
}

func TestLogTellsFaultsFromRefusals(t *testing.T) {
	t.Parallel()
	var l log
	h := newHandler(l.option())
	h.Private("a", says(false, errors.New("no database")))
	ask(t, h, subscribe("private-a"))
	assert.Contains(t, l.String(), `level=ERROR msg="auth: cannot decide" status=500`)
	assert.NotContains(t, l.String(), "stack=", "nothing panicked")

	var refused log
	h = newHandler(refused.option())
	ask(t, h, form("socket_id=x&channel_name=private-a"))
	ask(t, h, form("socket_id=1.1"))
	assert.Contains(t, refused.String(), `level=DEBUG msg="auth: refused" status=400`)
	assert.NotContains(t, refused.String(), `channel=""`, "there is none to name")
}

func TestNoLoggerIsTheDefaultOne(t *testing.T) {
	// Not parallel: the default logger belongs to everybody.
	before := slog.Default()
	defer slog.SetDefault(before)
	var l log
	slog.SetDefault(slog.New(slog.NewTextHandler(&l, nil)))
	h := newHandler(auth.WithLogger(nil), auth.WithLogger(slog.Default()), auth.WithLogger(nil))
	h.Private("a", says(false, errors.New("no database")))
	ask(t, h, subscribe("private-a"))
	assert.Contains(t, l.String(), "no database")
}

// TestMessagesInDevelopment has refusals with and without a message and a
// reason.
func TestMessagesInDevelopment(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ message, reason, plain, development string }{
		{"", "", "", ""},
		{"no such order", "", "no such order", "no such order"},
		{"", "deleted", "", "deleted"},
		{"no such order", "deleted", "no such order", "no such order: deleted"},
	} {
		for development, want := range map[bool]string{false: test.plain, true: test.development} {
			h := newHandler(auth.WithDevelopment(development))
			h.Private("a", says(false, &auth.DenyError{Status: 404, Message: test.message, Reason: test.reason}))
			assert.Equal(t, want, ask(t, h, subscribe("private-a")).Message)
		}
	}
}

func TestAuthorizeTellsWhatIsWrongWithAName(t *testing.T) {
	t.Parallel()
	h := newHandler()
	for _, test := range []struct {
		ch   channel.Channel
		want string
	}{
		{channel.Channel{}, "channel_name is missing or empty"},
		{channel.Private(""), "channel_name is missing or empty"},
		{channel.Private("a b"), "channel_name has a character that is not allowed"},
		{channel.Private("encrypted-a"), "channel_name is not a channel name"},
	} {
		_, err := h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", test.ch)
		deny, ok := errors.AsType[*auth.DenyError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, http.StatusBadRequest, deny.Status)
		assert.Equal(t, test.want, deny.Message)
	}
}

// TestAGuardThatCameLaterIsNotAsked: the request is over by then.
func TestAGuardThatCameLaterIsNotAsked(t *testing.T) {
	t.Parallel()
	h := newHandler()
	id, err := h.Identify(subscribe(""))
	require.NoError(t, err)
	h.Guard("late", func(r *http.Request) (*user, error) {
		t.Error("the guard was asked")
		return nil, nil
	})
	h.Private("a", allow, auth.Guards("late"))
	_, err = h.Authorize(t.Context(), id, "1.1", channel.Private("a"))
	deny, ok := errors.AsType[*auth.DenyError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, http.StatusForbidden, deny.Status)
}
