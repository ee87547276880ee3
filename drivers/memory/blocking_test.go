package memory_test

import (
	"context"
	"strconv"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/memory"
)

func TestFullQueueOfABlockingSubscriptionWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		slow := subscribe(t, d, channel.Public("a"), memory.Queue(2), memory.Blocking())
		fast := subscribe(t, d, channel.Public("{any}"))
		sent := 0
		var wg sync.WaitGroup
		wg.Go(func() {
			for i := range 5 {
				send(t, d, message(strconv.Itoa(i), channel.Public("a")))
				sent++
			}
		})
		synctest.Wait()
		assert.Equal(t, 2, sent)
		send(t, d, message("other", channel.Public("b"))) // others are not held up
		for range slow.Events() {
			break
		}
		synctest.Wait()
		assert.Equal(t, 3, sent)
		got := 0
		for range slow.Events() {
			if got++; got == 4 {
				break
			}
		}
		wg.Wait()
		assert.Equal(t, []string{"0", "1", "other", "2", "3", "4"}, drain(t, d, fast))
	})
}

func TestBlockedBroadcastEndsWithItsContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		subscribe(t, d, channel.Public("a"), memory.Queue(1), memory.Blocking())
		fast := subscribe(t, d, channel.Public("{any}"))
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		messages := []broadcast.Message{message("1", channel.Public("a")), message("2", channel.Public("a")), message("3", channel.Public("b"))}
		err := d.Broadcast(ctx, messages)
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		var undelivered []broadcast.Message
		for _, part := range broadcast.Undelivered(err) {
			undelivered = append(undelivered, part.Message)
		}
		assert.Equal(t, messages[1:], undelivered)
		assert.Equal(t, []string{"1"}, drain(t, d, fast), "what is told as undelivered reached nobody")
	})
}

func TestBlockedBroadcastEndsWithTheSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		full := subscribe(t, d, channel.Public("a"), memory.Queue(1), memory.Blocking())
		send(t, d, message("1", channel.Public("a")))
		var wg sync.WaitGroup
		wg.Go(func() { send(t, d, message("2", channel.Public("a"))) })
		synctest.Wait()
		full.Close()
		wg.Wait()
	})
}

func TestBlockedBroadcastEndsWithShutdown(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		full := subscribe(t, d, channel.Public("a"), memory.Queue(1), memory.Blocking())
		send(t, d, message("1", channel.Public("a")))
		var err error
		var wg sync.WaitGroup
		wg.Go(func() { err = d.Broadcast(t.Context(), []broadcast.Message{message("2", channel.Public("a"))}) })
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		assert.ErrorIs(t, d.Shutdown(ctx), context.Canceled)
		wg.Wait()
		assert.ErrorIs(t, err, memory.ErrClosed)
		assert.Len(t, broadcast.Undelivered(err), 1)
		assert.Equal(t, []string{"1"}, drain(t, d, full))
	})
}

func TestBlockingTakesAMessageLargerThanItsQueue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		sub := subscribe(t, d, channel.Public("a{n}"), memory.Queue(1), memory.Blocking())
		send(t, d, message("1", channel.Public("a1"), channel.Public("a2"), channel.Public("a3")))
		send(t, d, message("other", channel.Public("b")))
		assert.Equal(t, []string{"1", "1", "1"}, drain(t, d, sub))
	})
}
