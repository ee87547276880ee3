package auth_test

import (
	"context"
	"errors"
	"math"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

// subscription returns what a rule gets for the channel "a." + text.
func subscription(t *testing.T, text string) *auth.Subscription {
	t.Helper()
	h := newHandler()
	var got *auth.Subscription
	h.Private("a.{p}", func(_ context.Context, _ *user, s *auth.Subscription) (bool, error) { got = s; return true, nil })
	_, err := h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Private("a."+text))
	require.NoError(t, err)
	return got
}

type (
	orderID int64
	slug    string
	flag    bool
)

func parses[T comparable](t *testing.T, text string, want T) {
	t.Helper()
	got, err := auth.Param[T](subscription(t, text), "p")
	require.NoError(t, err)
	assert.Equal(t, want, got)
}

func refuses[T any](t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		got, err := auth.Param[T](subscription(t, text), "p")
		e, ok := errors.AsType[*auth.ParamError](err)
		require.True(t, ok, "%q as %T: %v", text, got, err)
		assert.Equal(t, "p", e.Name)
		assert.Equal(t, text, e.Value)
		assert.Zero(t, got, "no half-read value")
	}
}

func TestParam(t *testing.T) {
	t.Parallel()
	parses(t, "007", "007")
	parses(t, "x", slug("x"))
	parses(t, "7", 7)
	parses(t, "0", 0)
	parses(t, "-5", -5)
	parses(t, "9223372036854775807", int64(math.MaxInt64))
	parses(t, "-9223372036854775808", int64(math.MinInt64))
	parses(t, "7", orderID(7))
	parses(t, "-128", int8(-128))
	parses(t, "32767", int16(math.MaxInt16))
	parses(t, "-1", int32(-1))
	parses(t, "7", uint(7))
	parses(t, "255", uint8(255))
	parses(t, "65535", uint16(65535))
	parses(t, "4294967295", uint32(math.MaxUint32))
	parses(t, "18446744073709551615", uint64(math.MaxUint64))
	parses(t, "true", true)
	parses(t, "1", true)
	parses(t, "false", false)
	parses(t, "0", flag(false))
	parses(t, "f47ac10b-58cc-4372-a567-0e02b2c3d479", uuid.MustParse("f47ac10b-58cc-4372-a567-0e02b2c3d479"))

	refuses[int](t, "abc", "12abc", "007", "00", "-0", "1e3", "0x10", "1_000", "9223372036854775808", "=7", "-", "7-")
	refuses[int8](t, "128", "-129")
	refuses[uint](t, "-1", "-0", "01", "18446744073709551616")
	refuses[uint8](t, "256")
	refuses[bool](t, "TRUE", "t", "yes", "2", "00")
	refuses[uuid.UUID](t, "7", "f47ac10b-58cc-4372-a567-0e02b2c3d47")

	_, err := auth.Param[orderID](subscription(t, "x"), "p")
	require.EqualError(t, err, `auth: parameter "p": "x" does not parse as auth_test.orderID`)
	assert.PanicsWithValue(t, "auth: Param cannot read a float64; take a string, bool, integer or encoding.TextUnmarshaler", func() {
		_, _ = auth.Param[float64](subscription(t, "1"), "p")
	})
	assert.Panics(t, func() { _, _ = auth.Param[int](subscription(t, "1"), "q") })
}
