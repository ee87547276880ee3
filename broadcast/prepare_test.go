package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// private returns the private channels c.0 to c.(n-1).
func private(n int) (channels []channel.Channel) {
	for i := range n {
		channels = append(channels, channel.Private(fmt.Sprintf("c.%d", i)))
	}
	return channels
}

// TestPayloadOfNoChannelsIsNotEncoded: what goes nowhere need not encode.
func TestPayloadOfNoChannelsIsNotEncoded(t *testing.T) {
	t.Parallel()
	deliveries, err := broadcast.New(limited{}, quiet).Prepare(t.Context(), event.Of("e", make(chan int)))
	require.NoError(t, err)
	require.Empty(t, deliveries)
}

func TestPrepareSendsNothing(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, quiet)
	deliveries, err := b.Prepare(t.Context(), paid{ID: 7})
	require.NoError(t, err)
	require.Len(t, deliveries, 1)
	rec.AssertNone()

	d := deliveries[0]
	require.Equal(t, "default", d.Connection)
	require.Equal(t, d.ID, d.Message.ID)
	require.True(t, d.NotBefore.IsZero())
	id, err := uuid.Parse(d.ID)
	require.NoError(t, err)
	require.Equal(t, uuid.Version(7), id.Version())

	require.NoError(t, b.Deliver(t.Context(), deliveries...))
	require.Equal(t, []broadcast.Message{d.Message}, rec.Messages())
}

func TestChannelsAreCutByTheLimits(t *testing.T) {
	t.Parallel()
	encrypted, user := channel.Encrypted("e.1"), channel.User("5")
	for _, test := range []struct {
		name     string
		channels []channel.Channel
		limit    int
		want     []int // channels of each message
	}{
		{"one", private(1), 100, []int{1}},
		{"as many as fit", private(100), 100, []int{100}},
		{"one more", private(101), 100, []int{100, 1}},
		{"three requests", private(250), 100, []int{100, 100, 50}},
		{"no limit", private(250), 0, []int{250}},
		{"repetitions", append(private(3), private(3)...), 0, []int{3}},
		{"repetitions make no second message", append(private(100), private(100)...), 100, []int{100}},
		{"encrypted alone", append(private(2), encrypted, channel.Encrypted("e.2")), 100, []int{2, 1, 1}},
		{"encrypted only", []channel.Channel{encrypted, encrypted}, 100, []int{1}},
		{"user alone", append([]channel.Channel{user}, private(2)...), 100, []int{2, 1}},
		{"cached is another channel", []channel.Channel{channel.Private("a"), channel.Private("a").Cached()}, 0, []int{2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := broadcast.New(limited{broadcast.Limits{Channels: test.limit}}, quiet)
			deliveries, err := b.Prepare(t.Context(), event.Of("e", nil, test.channels...))
			require.NoError(t, err)
			var got []int
			seen := map[channel.Channel]bool{}
			ids := map[string]bool{}
			for _, d := range deliveries {
				got = append(got, len(d.Message.Channels))
				ids[d.ID] = true
				require.Equal(t, d.Message.Channels[0].Kind() == channel.KindEncrypted, d.Message.Encrypted())
				for _, c := range d.Message.Channels {
					require.False(t, seen[c], "%s stands twice", c)
					seen[c] = true
				}
			}
			require.Equal(t, test.want, got)
			require.Len(t, ids, len(deliveries))
			for _, c := range test.channels {
				require.True(t, seen[c])
			}
		})
	}
	require.False(t, broadcast.Message{}.Encrypted())
}

// TestMessagesShareNoChannels has a driver that adds to the channels it was
// given.
func TestMessagesShareNoChannels(t *testing.T) {
	t.Parallel()
	b := broadcast.New(limited{broadcast.Limits{Channels: 2}}, quiet)
	deliveries, err := b.Prepare(t.Context(), event.Of("e", nil, append(private(5), channel.Encrypted("a"), channel.Encrypted("b"))...))
	require.NoError(t, err)
	var want, got []string
	for _, d := range deliveries {
		want = append(want, fmt.Sprint(d.Message.Channels))
	}
	require.Len(t, want, 5)
	for _, d := range deliveries {
		_ = append(d.Message.Channels, channel.Public("added"))
	}
	for _, d := range deliveries {
		got = append(got, fmt.Sprint(d.Message.Channels))
	}
	require.Equal(t, want, got)
}

func TestOneEventForSeveralConnections(t *testing.T) {
	t.Parallel()
	asked, encoded := 0, 0
	e := counting{optional: optional{paid: paid{ID: 7}, when: true, via: []event.Connection{
		{},
		{Name: "audit", Channels: []channel.Channel{channel.Public("audit")}, Payload: map[string]int{"order": 7}},
		{Name: "second"},
		{Name: "nobody", Channels: []channel.Channel{}},
	}}, asked: &asked, encoded: &encoded}
	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec, broadcast.WithConnection("audit", rec), broadcast.WithConnection("second", limited{broadcast.Limits{Channels: 1}}),
		broadcast.WithConnection("nobody", rec), quiet)
	deliveries, err := b.Prepare(t.Context(), e)
	require.NoError(t, err)
	require.Len(t, deliveries, 3)
	require.Equal(t, "default", deliveries[0].Connection)
	require.Equal(t, `{"id":7}`, deliveries[0].Message.Data)
	require.Equal(t, "audit", deliveries[1].Connection)
	require.Equal(t, []channel.Channel{channel.Public("audit")}, deliveries[1].Message.Channels)
	require.Equal(t, `{"order":7}`, deliveries[1].Message.Data)
	require.Equal(t, "second", deliveries[2].Connection)
	require.Equal(t, `{"id":7}`, deliveries[2].Message.Data)
	require.Equal(t, 1, asked, "the event is asked once")
	require.Equal(t, 1, encoded)
}

// counting counts how often it is asked for its channels and its payload.
type counting struct {
	optional
	asked, encoded *int
}

func (c counting) BroadcastWith() any {
	*c.encoded++
	return nil
}

func (c counting) BroadcastOn() []channel.Channel {
	*c.asked++
	return c.optional.BroadcastOn()
}

// TestPayloadOfAConnectionIsNoKey has a payload with the name of a connection
// as its key, which replaces the whole payload in Laravel.
func TestPayloadOfAConnectionIsNoKey(t *testing.T) {
	t.Parallel()
	rec := broadcasttest.NewRecorder(t)
	payload := map[string]any{"id": 1, "default": map[string]int{"x": 1}}
	require.NoError(t, broadcast.New(rec, quiet).Dispatch(t.Context(), event.Of("n", payload, channel.Public("c"))))
	require.JSONEq(t, `{"id":1,"default":{"x":1}}`, rec.Messages()[0].Data)
}

// TestPayloadTooLarge covers LIB-014: 10,241 bytes for Pusher's limit of
// 10,240, and the sealed form of encrypted channels.
func TestPayloadTooLarge(t *testing.T) {
	t.Parallel()
	const limit = 10240
	body := func(n int) map[string]string { return map[string]string{"s": strings.Repeat("x", n-len(`{"s":""}`))} }
	public, encrypted, user := channel.Public("c"), channel.Encrypted("c"), channel.User("5")
	for _, test := range []struct {
		name     string
		payload  any
		channels []channel.Channel
		size     int // of the error; 0 for none
	}{
		{"at the limit", body(limit), []channel.Channel{public}, 0},
		{"LIB-014 one byte more", body(limit + 1), []channel.Channel{public}, limit + 1},
		{"user at the limit", body(limit), []channel.Channel{user}, 0},
		{"user, one byte more", body(limit + 1), []channel.Channel{user}, limit + 1},
		{"sealed at the limit", body(7619), []channel.Channel{encrypted}, 0},
		{"sealed, one byte more", body(7620), []channel.Channel{encrypted}, 10244},
		{"sealed beside one that fits", body(7620), []channel.Channel{public, encrypted}, 10244},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			calls := 0
			d := counted{limited{broadcast.Limits{Payload: limit}}, &calls}
			b := broadcast.New(broadcasttest.NewRecorder(t), broadcast.WithConnection("pusher", broadcast.Chain(d, pass)), quiet)
			err := b.Dispatch(t.Context(), event.Of("order.paid", test.payload, test.channels...), broadcast.Via("", "pusher"))
			if test.size == 0 {
				require.NoError(t, err)
				require.Equal(t, len(test.channels), calls)
				return
			}
			require.Zero(t, calls, "nothing is sent, on no connection")
			require.ErrorIs(t, err, broadcast.ErrTooLarge)
			require.ErrorIs(t, err, broadcast.ErrPermanent)
			large, ok := errors.AsType[*broadcast.PayloadError](err)
			require.True(t, ok)
			require.Equal(t, "order.paid", large.Event)
			require.Equal(t, "pusher", large.Connection)
			require.Equal(t, limit, large.Limit)
			require.Equal(t, test.size, large.Size)
			require.Equal(t, "s", large.Largest[0].Field)
		})
	}
}

func TestPayloadErrorNamesTheLargestFields(t *testing.T) {
	t.Parallel()
	b := broadcast.New(limited{broadcast.Limits{Payload: 20}}, quiet)
	long := strings.Repeat("k", 100)
	err := b.Dispatch(t.Context(), event.Of("e", map[string]any{"b": "xx", "a": "xx", "list": []int{1, 2, 3, 4}, long: strings.Repeat("x", 30)}, channel.Public("c")))
	large, ok := errors.AsType[*broadcast.PayloadError](err)
	require.True(t, ok)
	require.Equal(t, []broadcast.FieldSize{{Field: long, Size: 32}, {Field: "list", Size: 9}, {Field: "a", Size: 4}}, large.Largest)
	require.EqualError(t, err, `broadcast: payload too large: event "e" has 172 bytes, connection "default" takes 20; largest fields: "`+
		strings.Repeat("k", 40)+`…" 32, "list" 9, "a" 4; send an id and let the page fetch the rest`)

	err = b.Dispatch(t.Context(), event.Of("e", strings.Repeat("x", 30), channel.Public("c")))
	require.EqualError(t, err, `broadcast: payload too large: event "e" has 32 bytes, connection "default" takes 20; send an id and let the page fetch the rest`)
}

func TestOtherLimits(t *testing.T) {
	t.Parallel()
	b := broadcast.New(limited{broadcast.Limits{ChannelName: 20, NoEncryption: true}}, broadcast.WithConnection("able", limited{}), quiet)
	long := channel.Private("orders.1234567")
	err := b.Dispatch(t.Context(), event.Of("e", nil, long))
	require.EqualError(t, err, `broadcast: event "e" on connection "default": channel "private-orders.1234567" has 22 bytes, the connection takes 20`)
	require.NoError(t, b.Dispatch(t.Context(), event.Of("e", nil, channel.Private("orders.12345"))))

	err = b.Dispatch(t.Context(), event.Of("e", nil, channel.Private("a"), channel.Encrypted("a")))
	require.ErrorIs(t, err, broadcast.ErrNoEncryptionKey)
	require.ErrorContains(t, err, `channel "private-encrypted-a"`)
	require.NoError(t, b.Dispatch(t.Context(), event.Of("e", nil, long, channel.Encrypted("a")), broadcast.Via("able")))
}

// counted counts the messages that reach it.
type counted struct {
	limited
	calls *int
}

func (c counted) Broadcast(_ context.Context, m []broadcast.Message) error {
	*c.calls += len(m)
	return nil
}
