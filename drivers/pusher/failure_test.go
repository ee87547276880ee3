package pusher_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/event"
)

// TestFaults fails in every way on a message by itself.
func TestFaults(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			s, d := f.start(t)
			ctx, cancel := f.context(t)
			defer cancel()
			start := time.Now()
			m := message("paid", `{"payload":"canary-payload"}`, channel.Private("a"), channel.Private("b"))
			err := d.Broadcast(ctx, []broadcast.Message{m})
			require.Error(t, err)
			assert.Less(t, time.Since(start), 20*time.Second)
			parts := broadcast.Undelivered(err)
			require.Len(t, parts, 1)
			assert.Equal(t, m, parts[0].Message)
			f.check(t, err)
			if f.unseen {
				assert.Empty(t, s.got())
			} else {
				assert.Len(t, s.got(), 1, "tried once, redirects not followed")
			}
		})
	}
}

func (f fault) start(t *testing.T) (*service, *pusher.Driver) {
	s := newService(t, f.answer)
	c := s.config()
	if f.change != nil {
		f.change(t, &c)
	}
	return s, newDriver(t, c)
}

func (f fault) context(t *testing.T) (context.Context, context.CancelFunc) {
	if f.within > 0 {
		return context.WithTimeout(t.Context(), f.within)
	}
	return context.WithCancel(t.Context())
}

func (f fault) check(t *testing.T, err error) {
	t.Helper()
	assert.Equal(t, f.permanent, errors.Is(err, broadcast.ErrPermanent), "permanent: %v", err)
	for _, target := range f.is {
		require.ErrorIs(t, err, target)
	}
	for _, sentinel := range []error{pusher.ErrUnauthorized, pusher.ErrForbidden, pusher.ErrPayloadTooLarge, pusher.ErrRateLimited, pusher.ErrUnexpectedAnswer, pusher.ErrClosed, context.Canceled} {
		if errors.Is(err, sentinel) {
			assert.True(t, contains(f.is, sentinel) || sentinel == pusher.ErrRateLimited && f.status == 429, "also %v", sentinel)
		}
	}
	api, ok := errors.AsType[*pusher.APIError](err)
	assert.Equal(t, f.status != 0, ok)
	if ok {
		assert.Equal(t, f.status, api.Status)
	}
	wait, ok := broadcast.RetryAfter(err)
	assert.Equal(t, f.wait > 0, ok)
	assert.InDelta(t, f.wait, wait, float64(5*time.Second))
	if f.text != "" {
		require.ErrorContains(t, err, f.text)
	}
	assertNoSecrets(t, err.Error())
	assert.NotContains(t, err.Error(), "canary-payload")
}

// waits reports whether nothing but a deadline ends the request.
func (f fault) waits() bool { return contains(f.is, context.DeadlineExceeded) }

func contains(list []error, e error) bool {
	for _, l := range list {
		if l == e {
			return true
		}
	}
	return false
}

// TestFaultsOfBatches fails in every way on a batch of three between two
// requests that succeed: exactly the three are named, and those delivered are
// not sent twice.
func TestFaultsOfBatches(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		if f.answer == nil {
			continue // fails for all requests alike
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			whole := map[int]bool{400: true, 404: true, 405: true, 413: true, 422: true}[f.status]
			s := newService(t, func(w http.ResponseWriter, r request, n int) bool {
				return strings.HasSuffix(r.path, "/batch_events") && f.answer(w, r, n)
			})
			c := s.config()
			if f.waits() {
				c.Timeout = slow
			}
			list := append(messages(3), message("after", "{}", channel.Public("x"), channel.Public("y")))
			list = append([]broadcast.Message{message("before", "{}", channel.Public("x"), channel.Public("y"))}, list...)
			err := newDriver(t, c).Broadcast(t.Context(), list)
			if whole {
				require.NoError(t, err, "refused as a whole, so taken one by one")
				assert.Equal(t, []int{1, 3, 1, 1, 1, 1}, s.sizes(t))
				return
			}
			assert.Equal(t, []string{"e0", "e1", "e2"}, undelivered(err))
			assert.Equal(t, []int{1, 3, 1}, s.sizes(t))
		})
	}
}

// sizes returns how many events each request carried.
func (s *service) sizes(t testing.TB) []int {
	var sizes []int
	for _, r := range s.got() {
		sizes = append(sizes, len(r.events(t)))
	}
	return sizes
}

// TestItemSevenIsInvalid is a batch of ten that the service refuses because of
// one item.
func TestItemSevenIsInvalid(t *testing.T) {
	t.Parallel()
	for _, code := range []int{400, 413, 422} {
		accepted := map[string]int{}
		s := newService(t, nil)
		s.answer = func(w http.ResponseWriter, r request, _ int) bool {
			for _, e := range r.events(t) {
				if e.Name == "e6" {
					return status(code, "The data content of this event is bad")(w, r, 0)
				}
			}
			for _, e := range r.events(t) {
				accepted[e.Name]++
			}
			return false
		}
		err := s.driver(t).Broadcast(t.Context(), messages(10))
		assert.Equal(t, []string{"e6"}, undelivered(err))
		require.ErrorIs(t, err, broadcast.ErrPermanent)
		require.ErrorContains(t, err, "this event is bad")
		assert.Len(t, accepted, 9)
		for name, n := range accepted {
			assert.Equal(t, 1, n, name)
		}
		assert.Len(t, s.got(), 11)
	}
}

// TestChunkTwoOfThreeFails sends an event with 250 channels over a broadcaster.
func TestChunkTwoOfThreeFails(t *testing.T) {
	t.Parallel()
	for _, f := range faults() {
		if f.answer == nil {
			continue // fails for all requests alike
		}
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			var mended atomic.Bool
			s := newService(t, func(w http.ResponseWriter, r request, n int) bool {
				return n == 1 && !mended.Load() && f.answer(w, r, n)
			})
			c := s.config()
			if f.waits() {
				c.Timeout = slow
			}
			b := broadcast.New(newDriver(t, c), broadcast.WithLogger(silent))
			on := make([]channel.Channel, 250)
			for i := range on {
				on[i] = channel.Private("c." + strconv.Itoa(i))
			}
			err := b.Dispatch(t.Context(), event.Of("e", nil, on...))
			parts := broadcast.Undelivered(err)
			require.Len(t, parts, 1)
			assert.Equal(t, on[100:200], parts[0].Message.Channels)
			assert.Equal(t, broadcast.DefaultConnection, parts[0].Connection)
			assert.Equal(t, f.permanent, errors.Is(err, broadcast.ErrPermanent))
			assert.Len(t, s.got(), 3)

			mended.Store(true)
			require.NoError(t, b.Deliver(t.Context(), broadcast.Delivery{Connection: parts[0].Connection, Message: parts[0].Message}))
			require.Len(t, s.got(), 4)
			seen := map[string]int{}
			for i, e := range s.published(t) {
				if i != 1 {
					for _, name := range e.Channels {
						seen[name]++
					}
				}
			}
			assert.Len(t, seen, 250)
			for name, n := range seen {
				assert.Equal(t, 1, n, name)
			}
		})
	}
}

// TestOneOfThreeDriversFails tries the others all the same.
func TestOneOfThreeDriversFails(t *testing.T) {
	t.Parallel()
	good, bad, other := newService(t, nil), newService(t, status(503, "")), newService(t, nil)
	b := broadcast.New(good.driver(t), broadcast.WithConnection("bad", bad.driver(t)), broadcast.WithConnection("other", other.driver(t)), broadcast.WithLogger(silent))
	err := b.Dispatch(t.Context(), event.Of("e", nil, channel.Public("a")), broadcast.Via("default", "bad", "other"))
	parts := broadcast.Undelivered(err)
	require.Len(t, parts, 1)
	assert.Equal(t, "bad", parts[0].Connection)
	assert.Len(t, good.got(), 1)
	assert.Len(t, bad.got(), 1)
	assert.Len(t, other.got(), 1)
}

// TestHugeErrorBodyIsNotRead counts what is read of 64 MiB.
func TestHugeErrorBodyIsNotRead(t *testing.T) {
	t.Parallel()
	s := newService(t, func(w http.ResponseWriter, _ request, _ int) bool {
		w.WriteHeader(500)
		chunk := []byte(strings.Repeat("oops ", 13_107))
		for range 1024 {
			if _, err := w.Write(chunk); err != nil {
				break
			}
		}
		return true
	})
	c := s.config()
	count := &countingTransport{next: &http.Transport{}}
	c.Transport = count
	err := newDriver(t, c).Broadcast(t.Context(), messages(1))
	api, ok := errors.AsType[*pusher.APIError](err)
	require.True(t, ok)
	assert.LessOrEqual(t, len(api.Message), 303)
	assert.LessOrEqual(t, len(err.Error()), 600)
	assert.LessOrEqual(t, count.read.Load(), int64(64<<10+1))
	assert.Equal(t, int64(1), count.closed.Load())
}

// countingTransport counts what is read of bodies, and how many are closed.
type countingTransport struct {
	next         http.RoundTripper
	read, closed atomic.Int64
}

func (c *countingTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.next.RoundTrip(r)
	if err == nil {
		resp.Body = &countingBody{resp.Body, c}
	}
	return resp, err
}

type countingBody struct {
	io.ReadCloser
	count *countingTransport
}

func (b *countingBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.count.read.Add(int64(n))
	return n, err
}

func (b *countingBody) Close() error {
	b.count.closed.Add(1)
	return b.ReadCloser.Close()
}

// TestClocksThatDiffer: the service tells its time with a 401.
func TestClocksThatDiffer(t *testing.T) {
	t.Parallel()
	ago := time.Now().Add(-2 * time.Hour).UTC()
	s := newService(t, status(401, "Timestamp expired", "Date", ago.Format(http.TimeFormat)))
	err := s.driver(t).Broadcast(t.Context(), messages(1))
	require.ErrorIs(t, err, pusher.ErrUnauthorized)
	require.ErrorContains(t, err, "Timestamp expired; the clocks differ: here it was ")
	require.ErrorContains(t, err, ", there "+ago.Format(time.RFC3339))
	api, _ := errors.AsType[*pusher.APIError](err)
	assert.Equal(t, ago.Truncate(time.Second), api.Date.UTC())
	assert.WithinDuration(t, time.Now(), api.Sent, time.Minute)

	for _, answer := range []func(http.ResponseWriter, request, int) bool{
		status(401, ""), // the clocks agree
		status(500, "", "Date", ago.Format(http.TimeFormat)),
	} {
		s := newService(t, answer)
		assert.NotContains(t, s.driver(t).Broadcast(t.Context(), messages(1)).Error(), "clocks")
	}
}

func TestOtherGoodAnswers(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{}`, " {}\n", `{"batch":{}}`, `{"batch":[{},{}]}`, `{"ok":true}`, `{"channels":{"a":{"user_count":1}}}`} {
		for _, code := range []int{200, 201, 202} {
			s := newService(t, status(code, body))
			require.NoError(t, s.driver(t).Broadcast(t.Context(), messages(2)), "%d %s", code, body)
			require.NoError(t, s.driver(t).Broadcast(t.Context(), messages(1)))
		}
	}
}
