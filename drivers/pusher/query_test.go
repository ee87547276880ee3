package pusher_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
)

func TestChannels(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		body string
		want []pusher.ChannelInfo
	}{
		{`{"channels":{}}`, []pusher.ChannelInfo{}},
		{`{"channels":[]}`, []pusher.ChannelInfo{}},
		{`{"channels":{"presence-b":{"user_count":3},"presence-a":{}}}`, []pusher.ChannelInfo{{Name: "presence-a", Occupied: true}, {Name: "presence-b", Occupied: true, UserCount: 3}}},
		{`{"channels":{"e":{},"b":{},"d":{},"a":{},"c":{}}}`, []pusher.ChannelInfo{{Name: "a", Occupied: true}, {Name: "b", Occupied: true}, {Name: "c", Occupied: true}, {Name: "d", Occupied: true}, {Name: "e", Occupied: true}}},
		{`{"channels":{"presence-a":[]}}`, []pusher.ChannelInfo{{Name: "presence-a", Occupied: true}}},
	} {
		s := newService(t, status(200, row.body))
		got, err := s.driver(t).Channels(t.Context(), "presence-", pusher.UserCount)
		require.NoError(t, err)
		assert.Equal(t, row.want, got)
		assert.Equal(t, "presence-", s.got()[0].query.Get("filter_by_prefix"))
		assert.Equal(t, "user_count", s.got()[0].query.Get("info"))
	}
	for _, body := range []string{`{"channels":"a"}`, `{"channels":["a"]}`, `{"channels":{"a":"b"}}`, `{"channels":{"a":{"user_count":"x"}}}`} {
		_, err := newService(t, status(200, body)).driver(t).Channels(t.Context(), "")
		require.ErrorIs(t, err, pusher.ErrUnexpectedAnswer, body)
	}
	s := newService(t, status(200, `{"channels":{}}`))
	_, err := s.driver(t).Channels(t.Context(), "")
	require.NoError(t, err)
	assert.NotContains(t, s.got()[0].query, "filter_by_prefix")
	assert.NotContains(t, s.got()[0].query, "info")
}

// TestPrefixArrives: the library leaves values unescaped, which servers split
// at a semicolon or read as something else.
func TestPrefixArrives(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{strings.Repeat("x", 199), "a", "a;b", "a=b", "a@b,c.d-e_f", ";", "="} {
		s := newService(t, status(200, `{"channels":{}}`))
		_, err := s.driver(t).Channels(t.Context(), prefix)
		require.NoError(t, err)
		assert.Equal(t, prefix, s.got()[0].query.Get("filter_by_prefix"))
	}
	s := newService(t, nil)
	d := s.driver(t)
	for _, prefix := range []string{"a&info=user_count", "a b", "é", "#server-to-user-", "a%20", "a+b", "a\n", strings.Repeat("x", 200)} {
		_, err := d.Channels(t.Context(), prefix)
		require.ErrorContains(t, err, "cannot begin a channel's name")
	}
	_, err := d.Channels(t.Context(), "private-", pusher.UserCount)
	require.ErrorContains(t, err, "presence-")
	_, err = d.Channels(t.Context(), "presence-", pusher.SubscriptionCount)
	require.ErrorContains(t, err, "subscription_count")
	assert.Empty(t, s.got())
}

func TestChannel(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		body string
		want pusher.ChannelInfo
	}{
		{`{"occupied":false}`, pusher.ChannelInfo{}},
		{`{}`, pusher.ChannelInfo{}},
		{`{"occupied":true,"user_count":2,"subscription_count":5}`, pusher.ChannelInfo{Occupied: true, UserCount: 2, SubscriptionCount: 5}},
		{`{"occupied":true,"cache":null}`, pusher.ChannelInfo{Occupied: true}},
		{`{"occupied":true,"cache":{"data":"{}","ttl":90}}`, pusher.ChannelInfo{Occupied: true, Cached: &pusher.CachedEvent{Data: "{}", TTL: 90 * time.Second}}},
	} {
		s := newService(t, status(200, row.body))
		got, err := s.driver(t).Channel(t.Context(), channel.Presence("x;y=z").Cached(), pusher.UserCount, pusher.SubscriptionCount, pusher.Cache)
		require.NoError(t, err)
		row.want.Name = "presence-cache-x;y=z"
		assert.Equal(t, row.want, got)
		assert.Equal(t, "/apps/1001/channels/presence-cache-x;y=z", s.got()[0].path)
		assert.Equal(t, "user_count,subscription_count,cache", s.got()[0].query.Get("info"))
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	s := newService(t, status(200, `{"users":[{"id":"7"},{"id":10},{"id":12345678901234567890},{"id":""}]}`))
	ids, err := s.driver(t).Users(t.Context(), channel.Presence("x"))
	require.NoError(t, err)
	assert.Equal(t, []string{"7", "10", "12345678901234567890", ""}, ids)
	assert.Equal(t, "/apps/1001/channels/presence-x/users", s.got()[0].path)

	ids, err = newService(t, status(200, `{"users":[]}`)).driver(t).Users(t.Context(), channel.Presence("x"))
	require.NoError(t, err)
	assert.Empty(t, ids)
	_, err = newService(t, status(200, `{"users":[{"id":{}}]}`)).driver(t).Users(t.Context(), channel.Presence("x"))
	require.ErrorIs(t, err, pusher.ErrUnexpectedAnswer)
}

func TestTerminateUser(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	d := s.driver(t)
	require.NoError(t, d.TerminateUser(t.Context(), "user@7;x=y"))
	assert.Equal(t, "/apps/1001/users/user@7;x=y/terminate_connections", s.got()[0].path)
	assert.Equal(t, "{}", string(s.got()[0].body))
	for _, id := range []string{"", ".", "..", "a b", "a/b", "../x", "a?b", "é", "%2e"} {
		require.ErrorContains(t, d.TerminateUser(t.Context(), id), "user id")
	}
	assert.Len(t, s.got(), 1)
}

func TestQueriesOfChannelsThatAreNone(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	d := s.driver(t)
	for _, ch := range []channel.Channel{{}, channel.Public("a b"), channel.Public("a/b"), channel.Presence("a/b"), channel.Presence("a b"), channel.Private("a."), channel.Public(".."), channel.User("7")} {
		_, err := d.Channel(t.Context(), ch)
		require.Error(t, err, ch.String())
		_, err = d.Users(t.Context(), ch)
		require.Error(t, err, ch.String())
	}
	_, err := d.Users(t.Context(), channel.Private("a"))
	require.ErrorContains(t, err, "not a presence channel")
	_, err = d.Channel(t.Context(), channel.Private("a"), pusher.UserCount)
	require.ErrorContains(t, err, "not a presence channel")
	assert.Empty(t, s.got())
}

func TestPing(t *testing.T) {
	t.Parallel()
	s := newService(t, status(200, `{"occupied":false}`))
	require.NoError(t, broadcast.Ping(t.Context(), s.driver(t)))
	assert.Equal(t, http.MethodGet, s.got()[0].method)

	require.ErrorIs(t, newService(t, status(401, "")).driver(t).Ping(t.Context()), pusher.ErrUnauthorized)
	require.ErrorIs(t, newService(t, status(200, "<html>")).driver(t).Ping(t.Context()), pusher.ErrUnexpectedAnswer)
}

func TestLongAnswersToQueries(t *testing.T) {
	t.Parallel()
	long := `{"channels":{"` + strings.Repeat("x", 100_000) + `":{}}}`
	got, err := newService(t, status(200, long)).driver(t).Channels(t.Context(), "")
	require.NoError(t, err)
	assert.Len(t, got, 1)
	tooLong := `{"channels":{"` + strings.Repeat("x", 16<<20) + `":{}}}`
	_, err = newService(t, status(200, tooLong)).driver(t).Channels(t.Context(), "")
	require.ErrorIs(t, err, pusher.ErrUnexpectedAnswer)
}
