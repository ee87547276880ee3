package pusher_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

func TestSeveralChannelsAreOneRequest(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	m := message("order.paid", `{"a":"<&>\u2028é","n":12345678901234567890,"f":1.0}`, channel.Public("a"), channel.Private("b"), channel.Presence("c").Cached())
	m.SocketID = "1.2"
	require.NoError(t, s.driver(t).Broadcast(t.Context(), []broadcast.Message{m}))
	require.Len(t, s.got(), 1)
	assert.Equal(t, "/apps/1001/events", s.got()[0].path)
	got := s.published(t)[0]
	assert.Equal(t, "order.paid", got.Name)
	assert.Equal(t, []string{"a", "private-b", "presence-cache-c"}, got.Channels)
	assert.Equal(t, m.Data, *got.Data, "byte for byte")
	assert.Equal(t, "1.2", got.SocketID)
}

func TestDataPassesByteForByte(t *testing.T) {
	t.Parallel()
	for _, data := range []string{``, `null`, `{"a": 1.0 }`, "not json", "\x00\x1f\u2028\u2029<script>&amp;\\\"", strings.Repeat("é", 5120)} {
		s := newService(t, nil)
		d := s.driver(t)
		require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{message("a", data, channel.Public("a"))}))
		require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{message("a", data, channel.Public("a")), message("b", data, channel.Public("b"))}))
		got := s.published(t)
		require.Len(t, got, 3)
		for _, e := range got {
			assert.Equal(t, data, *e.Data)
		}
	}
}

func TestNeighboursShareRequests(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	list := messages(23)
	list[20].SocketID = "1.2"
	require.NoError(t, s.driver(t).Broadcast(t.Context(), list))
	var paths []string
	var sizes []int
	for _, r := range s.got() {
		paths = append(paths, r.path)
		sizes = append(sizes, len(r.events(t)))
	}
	assert.Equal(t, []int{10, 10, 3}, sizes)
	assert.Equal(t, []string{"/apps/1001/batch_events", "/apps/1001/batch_events", "/apps/1001/batch_events"}, paths)
	for i, e := range s.published(t) {
		assert.Equal(t, "e"+fmt.Sprint(i), e.Name, "order is kept")
		assert.Equal(t, list[i].SocketID, e.SocketID)
		assert.Equal(t, list[i].Data, *e.Data)
	}
}

func TestOneAloneIsNoBatch(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	require.NoError(t, s.driver(t).Broadcast(t.Context(), messages(1)))
	c := s.config()
	c.Limits.Batch = 1
	require.NoError(t, newDriver(t, c).Broadcast(t.Context(), messages(3)))
	require.Len(t, s.got(), 4)
	for _, r := range s.got() {
		assert.Equal(t, "/apps/1001/events", r.path)
	}
}

// TestOrderAcrossKindsOfRequests mixes what can and what cannot share one.
func TestOrderAcrossKindsOfRequests(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	list := []broadcast.Message{
		message("0", "0", channel.Public("a")),
		message("1", "1", channel.Encrypted("b")),
		message("2", "2", channel.Public("a"), channel.Public("b")),
		message("3", "3", channel.Public("a")),
		message("4", "4", channel.User("7")),
		message("5", "5", channel.Public("a")),
		message("6", "6", channel.Public("c")),
	}
	require.NoError(t, s.driver(t).Broadcast(t.Context(), list))
	var shape []string
	for _, r := range s.got() {
		shape = append(shape, fmt.Sprintf("%s %d", strings.TrimPrefix(r.path, "/apps/1001/"), len(r.events(t))))
	}
	assert.Equal(t, []string{"batch_events 2", "events 1", "events 1", "events 1", "batch_events 2"}, shape)
	for i, e := range s.published(t) {
		assert.Equal(t, fmt.Sprint(i), e.Name)
	}
}

func TestBatchesKeepToTheirBytes(t *testing.T) {
	t.Parallel()
	for _, data := range []string{strings.Repeat("x", 900), strings.Repeat(`"`, 450), strings.Repeat(`\`, 450), strings.Repeat("<", 150), strings.Repeat(">", 150), strings.Repeat("&", 150), strings.Repeat("\x01", 150), strings.Repeat("\u2028", 150)} {
		s := newService(t, nil)
		c := s.config()
		c.BatchBytes = 3000
		list := messages(9)
		for i := range list {
			list[i].Data = data
		}
		require.NoError(t, newDriver(t, c).Broadcast(t.Context(), list))
		assert.Len(t, s.published(t), 9)
		for _, r := range s.got() {
			assert.LessOrEqual(t, len(r.body), 3000)
			assert.Len(t, r.events(t), 3)
		}
	}
	t.Run("long names", func(t *testing.T) {
		s := newService(t, nil)
		c := s.config()
		c.BatchBytes = 3000
		list := messages(40)
		for i := range list {
			list[i].Event, list[i].SocketID = strings.Repeat(`"`, 200), strings.Repeat("1", 20)+"."+strings.Repeat("1", 20)
			list[i].Channels = []channel.Channel{channel.Public(strings.Repeat("x", 150))}
		}
		require.NoError(t, newDriver(t, c).Broadcast(t.Context(), list))
		for _, r := range s.got() {
			assert.LessOrEqual(t, len(r.body), 3000)
		}
		assert.Len(t, s.got(), 10)
	})
	t.Run("encrypted", func(t *testing.T) {
		s := newService(t, nil)
		c := s.config()
		c.BatchBytes = 3000
		list := messages(4)
		for i := range list {
			list[i].Data = strings.Repeat("x", 1300) // two of these would fit as they are
			list[i].Channels = []channel.Channel{channel.Encrypted("c")}
		}
		require.NoError(t, newDriver(t, c).Broadcast(t.Context(), list))
		assert.Len(t, s.got(), 4, "one alone is sent whatever its size")
	})
}

func TestEncryptedChannelsAreSealedEachForItself(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	d := s.driver(t)
	list := []broadcast.Message{
		message("a", `{"word":"rosebud"}`, channel.Encrypted("a")),
		message("b", `{"word":"rosebud"}`, channel.Encrypted("b").Cached()),
		message("c", "\xff\x00", channel.Encrypted("c")), // sealed bytes may be any
	}
	require.NoError(t, d.Broadcast(t.Context(), list))
	require.NoError(t, d.Broadcast(t.Context(), list[:1]))
	got := s.published(t)
	require.Len(t, got, 4)
	for i, e := range got {
		require.Len(t, e.Channels, 1)
		assert.Equal(t, list[i%3].Data, openSealed(t, e.Channels[0], *e.Data))
	}
	assert.NotEqual(t, *got[0].Data, *got[3].Data, "a nonce serves once")
	for _, r := range s.got() {
		assert.NotContains(t, string(r.body), "rosebud")
	}
}

func TestUserChannels(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	d := s.driver(t)
	m := message("hello", `{"a":"<b>"}`, channel.User("7"))
	require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{m}))
	m.SocketID = "1.2"
	require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{m}))
	for i, want := range []string{"", "1.2"} {
		assert.Equal(t, "/apps/1001/events", s.got()[i].path)
		e := s.published(t)[i]
		assert.Equal(t, []string{"#server-to-user-7"}, e.Channels)
		assert.Equal(t, m.Data, *e.Data)
		assert.Equal(t, want, e.SocketID, "the sender is left out of a user's channel too")
	}
}

// TestInvalidMessagesDoNotStopTheOthers hands messages over directly, which no
// broadcaster has checked.
func TestInvalidMessagesDoNotStopTheOthers(t *testing.T) {
	t.Parallel()
	many := make([]channel.Channel, 101)
	for i := range many {
		many[i] = channel.Public(fmt.Sprint("c", i))
	}
	badSocket := message("bad", "{}", channel.Public("a"))
	badSocket.SocketID = "1.1:x"
	for _, row := range []struct {
		name string
		bad  broadcast.Message
		text string
		is   error
	}{
		{"no channel", message("bad", "{}"), "no channel", nil},
		{"101 channels", message("bad", "{}", many...), "101 channels, the limit is 100", nil},
		{"illegal name", message("bad", "{}", channel.Public("a b")), `"a b" has the character ' '`, nil},
		{"165 bytes", message("bad", "{}", channel.Public(strings.Repeat("x", 165))), "165 bytes, the limit is 164", nil},
		{"encrypted among others", message("bad", "{}", channel.Public("a"), channel.Encrypted("b")), "stand alone", nil},
		{"user among others", message("bad", "{}", channel.User("7"), channel.Public("b")), "stand alone", nil},
		{"empty user", message("bad", "{}", channel.User("")), "empty", nil},
		{"no event name", message("", "{}", channel.Public("a")), "no event name", nil},
		{"long event name", message(strings.Repeat("x", 201), "{}", channel.Public("a")), "201 bytes, the limit is 200", nil},
		{"reserved event name", message("pusher:ping", "{}", channel.Public("a")), "keeps for its own", nil},
		{"internal event name", message("pusher_internal:x", "{}", channel.Public("a")), "keeps for its own", nil},
		{"event name of bytes", message("\xff", "{}", channel.Public("a")), "UTF-8", nil},
		{"data of bytes", message("bad", "\xff", channel.Public("a")), "UTF-8", nil},
		{"socket id", badSocket, "socket id", nil},
		{"10,241 bytes", message("bad", strings.Repeat("x", 10241), channel.Public("a")), "10241 bytes", broadcast.ErrTooLarge},
		{"encrypted, 10,241 bytes", message("bad", strings.Repeat("x", 7700), channel.Encrypted("a")), "the limit is 10240", broadcast.ErrTooLarge},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			s := newService(t, nil)
			good := messages(3)
			err := s.driver(t).Broadcast(t.Context(), []broadcast.Message{good[0], row.bad, good[1], good[2]})
			require.Error(t, err)
			parts := broadcast.Undelivered(err)
			require.Len(t, parts, 1)
			assert.Equal(t, row.bad, parts[0].Message)
			require.ErrorIs(t, err, broadcast.ErrPermanent)
			require.ErrorContains(t, err, row.text)
			if row.is != nil {
				require.ErrorIs(t, err, row.is)
			}
			assert.Len(t, s.published(t), 3)
			assert.Len(t, s.got(), 1, "the good ones share a request")
		})
	}
}

func TestLimitsAreExact(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	hundred := make([]channel.Channel, 100)
	for i := range hundred {
		hundred[i] = channel.Public(fmt.Sprint("c", i))
	}
	d := s.driver(t)
	require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{
		message(strings.Repeat("x", 200), strings.Repeat("x", 10240), hundred...),
		message("e", "{}", channel.Public(strings.Repeat("x", 164))),
	}))
	assert.Equal(t, broadcast.Limits{Payload: 10240, Channels: 100, Batch: 10, ChannelName: 164}, d.Limits())

	c := s.config()
	c.Limits = broadcast.Limits{Payload: 100_001, Channels: 3, Batch: 2, ChannelName: 200}
	d = newDriver(t, c)
	assert.Equal(t, c.Limits, d.Limits())
	require.NoError(t, d.Broadcast(t.Context(), []broadcast.Message{
		message("e", strings.Repeat("x", 100_001), channel.Public(strings.Repeat("x", 200))),
	}))
	require.ErrorIs(t, d.Broadcast(t.Context(), []broadcast.Message{message("e", strings.Repeat("x", 100_002), channel.Public("a"))}), broadcast.ErrTooLarge)
}

func TestEncryptedChannelWithoutAKey(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	c := s.config()
	c.App.EncryptionKey = ""
	err := newDriver(t, c).Broadcast(t.Context(), []broadcast.Message{message("e", "{}", channel.Encrypted("a"))})
	require.ErrorIs(t, err, broadcast.ErrNoEncryptionKey)
	require.ErrorIs(t, err, broadcast.ErrPermanent)
	assert.Empty(t, s.got())
	assert.True(t, newDriver(t, c).Limits().NoEncryption, "so that a broadcaster refuses at dispatch")
}

func TestEncryptionKeyMayLackPadding(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	c := s.config()
	c.App.EncryptionKey = " " + strings.TrimRight(masterKey, "=")
	require.NoError(t, newDriver(t, c).Broadcast(t.Context(), []broadcast.Message{message("e", "{}", channel.Encrypted("a"))}))
	e := s.published(t)[0]
	assert.Equal(t, "{}", openSealed(t, e.Channels[0], *e.Data))
}

func TestNothingToSend(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	require.NoError(t, s.driver(t).Broadcast(t.Context(), nil))
	assert.Empty(t, s.got())
}

func TestIdempotencyKeys(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	c := s.config()
	c.IdempotencyKeys = true
	list := append(messages(2), message("u", "{}", channel.User("7")), message("v", "{}", channel.User("7")))
	list[2].SocketID = "1.2"
	require.NoError(t, newDriver(t, c).Broadcast(t.Context(), list))
	var keys []string
	for _, r := range s.got() {
		keys = append(keys, r.header.Get("X-Idempotency-Key"))
	}
	assert.Equal(t, []string{"id-e0", "id-e1", "id-u", "id-v"}, keys, "one for each message, so no batches")

	s = newService(t, nil)
	require.NoError(t, s.driver(t).Broadcast(t.Context(), messages(1)))
	assert.Empty(t, s.got()[0].header.Values("X-Idempotency-Key"), "only when asked for")
}

func TestPathIsSentAndNotSigned(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	c := s.config()
	c.Path = "/realtime/ws/"
	d := newDriver(t, c)
	require.NoError(t, d.Broadcast(t.Context(), messages(1)))
	require.NoError(t, d.TerminateUser(t.Context(), "7"))
	assert.Equal(t, "/realtime/ws/apps/1001/events", s.got()[0].path)
	assert.Equal(t, "/realtime/ws/apps/1001/users/7/terminate_connections", s.got()[1].path)
}

// TestFreshDriverFromManyGoroutines is LIB-018: the library's own client has
// two data races on first use.
func TestFreshDriverFromManyGoroutines(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	c := s.config()
	c.Timeout = -1
	b := broadcast.New(newDriver(t, c))
	var wg sync.WaitGroup
	errs := make([]error, 1000)
	for i := range errs {
		wg.Go(func() {
			errs[i] = b.Deliver(t.Context(), broadcast.Delivery{Message: message(fmt.Sprint("e", i), "{}", channel.Encrypted(fmt.Sprint("c.", i)))})
		})
	}
	wg.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	seen := map[string]int{}
	for _, e := range s.published(t) {
		seen[e.Name]++
		assert.Equal(t, "{}", openSealed(t, e.Channels[0], *e.Data))
	}
	assert.Len(t, seen, 1000)
}

// TestConcurrencyIsBoundedAndConnectionsAreKept counts both at the service.
func TestConcurrencyIsBoundedAndConnectionsAreKept(t *testing.T) {
	t.Parallel()
	const most = 8
	var mu sync.Mutex
	var now, peak int
	connections := map[string]bool{}
	s := newService(t, nil)
	inner := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		now++
		peak = max(peak, now)
		connections[r.RemoteAddr] = true
		mu.Unlock()
		inner.ServeHTTP(w, r)
		mu.Lock()
		now--
		mu.Unlock()
	})
	c := s.config()
	c.MaxConcurrent = most
	d := newDriver(t, c)
	var wg sync.WaitGroup
	for range 400 {
		wg.Go(func() { assert.NoError(t, d.Broadcast(t.Context(), messages(1))) })
	}
	wg.Wait()
	assert.Len(t, s.got(), 400)
	assert.LessOrEqual(t, peak, most)
	assert.LessOrEqual(t, len(connections), 2*most, "connections are kept, not made anew")
}
