package null_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/null"
	"github.com/onairgo/onair/event"
)

func TestDiscards(t *testing.T) {
	t.Parallel()
	messages := []broadcast.Message{{ID: "1", Event: "e", Channels: []channel.Channel{channel.Public("a")}, Data: "{}"}}
	assert.NoError(t, null.New().Broadcast(t.Context(), messages))
	assert.NoError(t, null.New().Broadcast(t.Context(), nil))
	assert.NoError(t, null.Driver{}.Broadcast(t.Context(), messages), "the zero value works")
}

func TestReturnsTheContextsCause(t *testing.T) {
	t.Parallel()
	cause := errors.New("page went away")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(cause)
	err := null.New().Broadcast(ctx, nil)
	assert.ErrorIs(t, err, cause)
	assert.EqualError(t, err, "null: page went away")
}

func TestMistakesStillShow(t *testing.T) {
	t.Parallel()
	err := broadcast.New(null.New()).Dispatch(t.Context(), event.Of("e", nil, channel.Private("mentor.")))
	var name *channel.NameError
	assert.ErrorAs(t, err, &name)
}
