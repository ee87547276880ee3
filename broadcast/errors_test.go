package broadcast_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

func TestPermanent(t *testing.T) {
	t.Parallel()
	refused := errors.New("pusher: key refused")
	err := broadcast.Permanent(refused)
	require.ErrorIs(t, err, broadcast.ErrPermanent)
	require.ErrorIs(t, err, refused)
	require.EqualError(t, err, "pusher: key refused")
	require.ErrorIs(t, &broadcast.DeliveryError{Err: err}, broadcast.ErrPermanent)
	require.NotErrorIs(t, refused, broadcast.ErrPermanent)
	require.NoError(t, broadcast.Permanent(nil))
}

// busy asks to wait.
type busy struct{ wait time.Duration }

func (busy) Error() string               { return "busy" }
func (b busy) RetryAfter() time.Duration { return b.wait }

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		err  error
		want time.Duration
	}{
		{nil, 0},
		{errors.New("down"), 0},
		{busy{time.Second}, time.Second},
		{busy{}, 0},
		{busy{-time.Second}, 0},
		{errors.Join(errors.New("x"), &broadcast.DeliveryError{Err: fmt.Errorf("try: %w", busy{time.Minute})}), time.Minute},
		{errors.Join(busy{}, busy{time.Second}, busy{time.Minute}, busy{2 * time.Second}), time.Minute},
	} {
		wait, ok := broadcast.RetryAfter(test.err)
		require.Equal(t, test.want, wait)
		require.Equal(t, test.want > 0, ok)
	}
}

func TestUndelivered(t *testing.T) {
	t.Parallel()
	failed := func(id string) *broadcast.DeliveryError {
		return &broadcast.DeliveryError{Connection: "c", Message: broadcast.Message{ID: id}, Err: errors.New("down")}
	}
	a, b, c := failed("a"), failed("b"), failed("c")
	nested := &broadcast.DeliveryError{Message: broadcast.Message{ID: "d"}, Err: a}
	for _, test := range []struct {
		err  error
		want []*broadcast.DeliveryError
	}{
		{nil, nil},
		{errors.New("down"), nil},
		{a, []*broadcast.DeliveryError{a}},
		{fmt.Errorf("orders: %w", errors.Join(b, errors.New("x"), fmt.Errorf("%w and %w", a, c))), []*broadcast.DeliveryError{b, a, c}},
		{nested, []*broadcast.DeliveryError{nested}},
		{errors.Join(a, fmt.Errorf("orders: %w", b), fmt.Errorf("orders: %w", errors.Join(c))), []*broadcast.DeliveryError{a, b, c}},
	} {
		require.Equal(t, test.want, broadcast.Undelivered(test.err))
	}
	require.Equal(t, broadcast.Delivery{ID: "a", Connection: "c", Message: broadcast.Message{ID: "a"}}, a.Delivery())
}

func TestDeliveryErrorText(t *testing.T) {
	t.Parallel()
	e := &broadcast.DeliveryError{
		Connection: "audit", Err: errors.New("connection refused"),
		Message: broadcast.Message{Event: "order.paid", Data: "secret", Channels: []channel.Channel{channel.Private("a"), channel.Public("b")}},
	}
	require.EqualError(t, e, `broadcast: event "order.paid" on private-a, b via "audit": connection refused`)
	e.Message.Channels = private(5)
	require.EqualError(t, e, `broadcast: event "order.paid" on private-c.0, private-c.1, private-c.2 and 2 more via "audit": connection refused`)
	e.Message.Channels, e.Connection = private(1), ""
	require.EqualError(t, e, `broadcast: event "order.paid" on private-c.0: connection refused`)
	require.Equal(t, e.Error(), fmt.Sprintf("%#v", e))
}

func TestPayloadErrorText(t *testing.T) {
	t.Parallel()
	e := &broadcast.PayloadError{Event: "order.paid", Connection: "audit", Size: 12, Limit: 10, Largest: []broadcast.FieldSize{{Field: "a", Size: 7}, {Field: "b", Size: 1}}}
	require.EqualError(t, e, `broadcast: payload too large: event "order.paid" has 12 bytes, connection "audit" takes 10; largest fields: "a" 7, "b" 1; send an id and let the page fetch the rest`)
	e = &broadcast.PayloadError{Event: "order.paid", Size: 12, Limit: 10}
	require.EqualError(t, e, `broadcast: payload too large: event "order.paid" has 12 bytes, the limit is 10; send an id and let the page fetch the rest`)
	for field, shown := range map[string]string{
		strings.Repeat("k", 40):       strings.Repeat("k", 40),
		strings.Repeat("k", 41):       strings.Repeat("k", 40) + "…",
		strings.Repeat("k", 39) + "é": strings.Repeat("k", 39) + "…", // not in the middle of a character
	} {
		e.Largest = []broadcast.FieldSize{{Field: field, Size: 1}}
		require.ErrorContains(t, e, `largest fields: "`+shown+`" 1;`)
	}
}

// TestConditionsAreNotEachOther asks errors for what they are not.
func TestConditionsAreNotEachOther(t *testing.T) {
	t.Parallel()
	require.NotErrorIs(t, &broadcast.PayloadError{}, broadcast.ErrClosed)
	require.NotErrorIs(t, broadcast.Permanent(errors.New("refused")), broadcast.ErrTooLarge)
}
