package broadcast_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

type Paid struct {
	ID int `json:"id"`
}

func (Paid) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private("a.1"), channel.Encrypted("b"), channel.Private("a.1")}
}
func (Paid) BroadcastAs() string { return "" }

type bad struct{ Paid }

func (*bad) BroadcastWhen() bool { return true }

func TestDispatch(t *testing.T) {
	var got []broadcast.Message
	b := broadcast.New(broadcast.DriverFunc(func(_ context.Context, m []broadcast.Message) error { got = append(got, m...); return nil }))
	require.NoError(t, b.Dispatch(t.Context(), Paid{ID: 1}))
	require.Len(t, got, 2)
	require.Equal(t, `App\Events\Paid`, got[0].Event)
	require.Equal(t, `{"id":1}`, got[0].Data)
	err := b.Dispatch(t.Context(), bad{})
	require.ErrorContains(t, err, "pointer receiver")
	t.Log(err)
	t.Log(b.Dispatch(t.Context(), event.Of("x", nil, channel.Private("private-x"))))
	t.Log(b.Dispatch(t.Context(), event.Of("x", nil, channel.Private("mentor."))))
	t.Log(b.Dispatch(t.Context(), event.Of("x", nil, channel.Private("encrypted-x"))))
	require.NoError(t, b.Shutdown(t.Context()))
	require.ErrorIs(t, b.Dispatch(t.Context(), Paid{}), broadcast.ErrClosed)
}
