package server_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/server"
)

func answering(body string, calls *int) func() (string, error) {
	return func() (string, error) {
		*calls++
		return body, nil
	}
}

func TestIdempotencyRepeatGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	var s server.IdempotencyStore
	calls := 0
	body, replayed, err := s.Do(t.Context(), "k1", "r", answering("first", &calls))
	require.NoError(t, err)
	assert.False(t, replayed)
	assert.Equal(t, "first", body)
	body, replayed, err = s.Do(t.Context(), "k1", "r", answering("second", &calls))
	require.NoError(t, err)
	assert.True(t, replayed)
	assert.Equal(t, "first", body)
	_, replayed, err = s.Do(t.Context(), "k2", "r", answering("second", &calls))
	require.NoError(t, err)
	assert.False(t, replayed, "another key")
	assert.Equal(t, 2, calls)
}

func TestIdempotencyKeyBelongsToOneRequest(t *testing.T) {
	t.Parallel()
	var s server.IdempotencyStore
	calls := 0
	_, _, err := s.Do(t.Context(), "k", "one", answering("", &calls))
	require.NoError(t, err)
	_, _, err = s.Do(t.Context(), "k", "other", answering("", &calls))
	status, text := server.ErrorStatus(err)
	assert.Equal(t, 422, status)
	assert.Contains(t, text, "key of its own")
	assert.Equal(t, 1, calls)
}

func TestIdempotencyForgetsWhatFailed(t *testing.T) {
	t.Parallel()
	var s server.IdempotencyStore
	calls := 0
	_, _, err := s.Do(t.Context(), "k", "r", func() (string, error) { return "", errors.New("down") })
	require.Error(t, err)
	assert.Panics(t, func() { _, _, _ = s.Do(t.Context(), "k", "r", func() (string, error) { panic("publish") }) })
	_, replayed, err := s.Do(t.Context(), "k", "other", answering("", &calls))
	require.NoError(t, err)
	assert.False(t, replayed)
	assert.Equal(t, 1, calls)
}

func TestIdempotencyWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s server.IdempotencyStore
		calls := 0
		_, _, err := s.Do(t.Context(), "k", "r", answering("", &calls))
		require.NoError(t, err)
		<-time.After(server.IdempotencyWindow - time.Nanosecond)
		_, replayed, err := s.Do(t.Context(), "k", "r", answering("", &calls))
		require.NoError(t, err)
		assert.True(t, replayed, "inside the window")
		<-time.After(time.Nanosecond)
		_, replayed, err = s.Do(t.Context(), "k", "r", answering("", &calls))
		require.NoError(t, err)
		assert.False(t, replayed, "behind the window, which a repeat does not lengthen")
		assert.Equal(t, 2, calls)
	})
}

func TestIdempotencyConcurrentRepeatsWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s server.IdempotencyStore
		var calls, replays atomic.Int32
		fail := make(chan bool)
		publish := func() (string, error) {
			n := calls.Add(1)
			if <-fail {
				return "", errors.New("down")
			}
			return fmt.Sprint(n), nil
		}
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				body, replayed, err := s.Do(t.Context(), "k", "r", publish)
				if err == nil && assert.Equal(t, "2", body) && replayed {
					replays.Add(1)
				}
			})
		}
		synctest.Wait()
		assert.EqualValues(t, 1, calls.Load(), "nine wait")

		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			_, _, err := s.Do(ctx, "k", "r", publish)
			assert.ErrorIs(t, err, context.Canceled)
		})
		synctest.Wait()
		cancel()
		synctest.Wait()

		_, _, err := s.Do(t.Context(), "k", "other", publish)
		status, _ := server.ErrorStatus(err)
		assert.Equal(t, 422, status, "another request does not wait")

		fail <- true
		synctest.Wait()
		assert.EqualValues(t, 2, calls.Load(), "one of the nine takes its place")
		fail <- false
		wg.Wait()
		assert.EqualValues(t, 2, calls.Load())
		assert.EqualValues(t, 8, replays.Load())
	})
}

func TestIdempotencyStoreIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var s server.IdempotencyStore
		calls := 0
		do := func(key, answer string) bool {
			_, replayed, err := s.Do(t.Context(), key, "r", answering(answer, &calls))
			require.NoError(t, err)
			return replayed
		}
		for i := range server.IdempotencyEntries + 10 {
			do(fmt.Sprint(i), "{}")
		}
		keys, _ := s.Held()
		assert.LessOrEqual(t, keys, server.IdempotencyEntries)
		assert.True(t, do(fmt.Sprint(server.IdempotencyEntries+9), "{}"), "the newest is kept")
		assert.False(t, do("0", "{}"), "the oldest is forgotten")
		assert.True(t, s.Overflowed())
		assert.False(t, s.Overflowed(), "said once")

		large := strings.Repeat("x", 1<<20)
		for i := range 100 {
			do(fmt.Sprint("large", i), large)
		}
		_, bytes := s.Held()
		assert.LessOrEqual(t, bytes, 16<<20)
		assert.False(t, s.Overflowed(), "said once a window")

		<-time.After(server.IdempotencyWindow)
		do("later", "{}")
		keys, bytes = s.Held()
		assert.Equal(t, 1, keys)
		assert.Less(t, bytes, 1<<10)
	})
}
