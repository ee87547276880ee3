package auth_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

func TestStatusesOfRefusals(t *testing.T) {
	t.Parallel()
	for status, refusal := range map[int]bool{-1: false, 0: false, 200: false, 302: false, 399: false, 400: true, 451: true, 499: true, 500: false, 600: false} {
		deny := func() error { return auth.Deny(status, "no") }
		if refusal {
			require.EqualError(t, deny(), fmt.Sprintf("auth: refused with status %d: no", status))
		} else {
			want := fmt.Sprintf("auth: Deny with status %d; a refusal has a status from 400 to 499", status)
			assert.PanicsWithValue(t, want, func() { _ = deny() })
		}
		// One that an application has built itself.
		h := newHandler()
		h.Private("a", says(false, &auth.DenyError{Status: status}))
		want := http.StatusInternalServerError
		if refusal {
			want = status
		}
		assert.Equal(t, want, ask(t, h, subscribe("private-a")).Status, "status %d", status)
	}
}

func TestARefusalIsReturnedAsTheRuleMadeIt(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", says(false, auth.Deny(404, "no such order")))
	h.Private("b", says(false, auth.Pass))
	_, err := h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Private("a"))
	require.EqualError(t, err, "auth: refused with status 404: no such order")
	_, err = h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Private("b"))
	require.ErrorIs(t, err, auth.Pass, "the cause can be asked for")
}

func TestTextOfRefusals(t *testing.T) {
	t.Parallel()
	assert.EqualError(t, &auth.DenyError{Status: 404}, "auth: refused with status 404")
	assert.EqualError(t, &auth.DenyError{Status: 404, Message: "no such order"}, "auth: refused with status 404: no such order")
	assert.EqualError(t, &auth.DenyError{Status: 404, Reason: "deleted"}, "auth: refused with status 404: deleted")
	assert.EqualError(t, auth.Pass, "auth: pass to the next rule")
}
