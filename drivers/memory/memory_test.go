package memory_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/memory"
)

func message(data string, on ...channel.Channel) broadcast.Message {
	return broadcast.Message{ID: "id-" + data, Event: "e", Channels: on, Data: data, SocketID: "1.2"}
}

func subscribe(t *testing.T, d *memory.Driver, on channel.Channel, options ...memory.Option) *memory.Subscription {
	t.Helper()
	sub, err := d.Subscribe(t.Context(), on, options...)
	require.NoError(t, err)
	return sub
}

func send(t *testing.T, d *memory.Driver, messages ...broadcast.Message) {
	t.Helper()
	require.NoError(t, d.Broadcast(t.Context(), messages))
}

// drain shuts the driver down, so that loops end, and returns the data of all
// that the subscription still gets.
func drain(t *testing.T, d *memory.Driver, sub *memory.Subscription) []string {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_ = d.Shutdown(ctx) // does not wait
	var got []string
	for e := range sub.Events() {
		got = append(got, e.Data)
	}
	return got
}

func TestEvent(t *testing.T) {
	t.Parallel()
	d := memory.New()
	sub := subscribe(t, d, channel.Private("shop.{shop}.orders.{id}"))
	on := channel.Private("shop.3.orders.7")
	send(t, d, broadcast.Message{ID: "0199", Event: "order.paid", Channels: []channel.Channel{channel.Public("a"), on}, Data: `{"id":7}`, SocketID: "1.2"})
	for e := range sub.Events() {
		assert.Equal(t, "0199", e.ID)
		assert.Equal(t, "order.paid", e.Name)
		assert.Equal(t, on, e.Channel)
		assert.Equal(t, `{"id":7}`, e.Data)
		assert.Equal(t, "1.2", e.SocketID)
		assert.Zero(t, e.Missed)
		assert.Equal(t, "3", e.Param("shop"))
		assert.Equal(t, "7", e.Param("id"))
		assert.Empty(t, e.Param("other"))
		break
	}
	assert.Empty(t, memory.Event{}.Param("id"), "the zero value works")
}

func TestWhatASubscriptionHears(t *testing.T) {
	t.Parallel()
	all := []channel.Channel{
		channel.Public("orders"), channel.Public("orders.7"), channel.Public("orders.7.items"), channel.Public("orders.8").Cached(),
		channel.Private("orders.7"), channel.Private("orders.7").Cached(), channel.Presence("orders.7"),
		channel.Encrypted("orders.7"), channel.Encrypted("orders.7").Cached(), channel.User("7"),
	}
	for _, row := range []struct {
		on   channel.Channel
		want []string
	}{
		{channel.Public("orders"), []string{"orders"}},
		{channel.Public("{any}"), []string{"orders"}},
		{channel.Public("orders.{id}"), []string{"orders.7"}},
		{channel.Public("orders.{id}").Cached(), []string{"cache-orders.8"}},
		{channel.Private("orders.{id}"), []string{"private-orders.7"}},
		{channel.Private("orders.7").Cached(), []string{"private-cache-orders.7"}},
		{channel.Presence("orders.{id}"), []string{"presence-orders.7"}},
		{channel.Encrypted("orders.{id}"), []string{"private-encrypted-orders.7"}},
		{channel.Encrypted("orders.{id}").Cached(), []string{"private-encrypted-cache-orders.7"}},
		{channel.User("{id}"), []string{"#server-to-user-7"}},
		{channel.Private("orders.8"), nil},
	} {
		t.Run(row.on.String(), func(t *testing.T) {
			t.Parallel()
			d := memory.New()
			sub := subscribe(t, d, row.on)
			for _, c := range all {
				send(t, d, message(c.String(), c))
			}
			assert.Equal(t, row.want, drain(t, d, sub))
		})
	}
}

func TestAMessageComesOnceForEachChannelHeard(t *testing.T) {
	t.Parallel()
	d := memory.New()
	sub := subscribe(t, d, channel.Public("orders.{id}"))
	send(t, d, message("x", channel.Public("orders.1"), channel.Public("users.1"), channel.Public("orders.2")))
	var got []string
	for e := range sub.Events() {
		if got = append(got, e.Channel.String()+" "+e.ID); len(got) == 2 {
			break
		}
	}
	assert.Equal(t, []string{"orders.1 id-x", "orders.2 id-x"}, got)
}

func TestSubscribeRefusesWhatCouldNeverHear(t *testing.T) {
	t.Parallel()
	for _, on := range []channel.Channel{
		{},
		channel.Private("mentor."), channel.Public("private-orders.{id}"), channel.Private("encrypted-{id}"),
		channel.Private("orders/{id}"), channel.Private("{a}..{b}"), channel.User("7").Cached(),
	} {
		_, err := memory.New().Subscribe(t.Context(), on)
		require.Error(t, err, on)
		_, name := errors.AsType[*channel.NameError](err)
		_, pattern := errors.AsType[*channel.PatternError](err)
		assert.True(t, name || pattern, err)
	}
	for _, name := range []string{"{", "a}", "{a}{a}", "{}", "{a b}"} {
		_, err := memory.New().Subscribe(t.Context(), channel.Private(name))
		_, ok := errors.AsType[*channel.PatternError](err)
		assert.True(t, ok, "%s: %v", name, err)
	}
	_, err := memory.New().Subscribe(t.Context(), channel.Public("a"), memory.Queue(0))
	assert.EqualError(t, err, "memory: subscribe: a queue of 0; it needs room for at least 1")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = memory.New().Subscribe(ctx, channel.Public("a"))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestFullQueueDropsTheOldestAndTells(t *testing.T) {
	t.Parallel()
	d := memory.New()
	sub := subscribe(t, d, channel.Public("a"), memory.Queue(3))
	next := func() string {
		for e := range sub.Events() {
			return e.Data + " missed " + strconv.Itoa(e.Missed)
		}
		return "ended"
	}
	for i := range 7 {
		send(t, d, message(strconv.Itoa(i), channel.Public("a")))
	}
	assert.Equal(t, "4 missed 4", next())
	assert.Equal(t, "5 missed 0", next())
	send(t, d, message("7", channel.Public("a")), message("8", channel.Public("a")), message("9", channel.Public("a")))
	assert.Equal(t, "7 missed 1", next())
	assert.Equal(t, "8 missed 0", next())
	assert.Equal(t, "9 missed 0", next())
}

func TestLoopWaitsForTheNextEvent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		sub := subscribe(t, d, channel.Public("a"))
		var got []string
		var wg sync.WaitGroup
		wg.Go(func() {
			for e := range sub.Events() {
				got = append(got, e.Data)
			}
		})
		for i := range 3 {
			send(t, d, message(strconv.Itoa(i), channel.Public("a")))
			synctest.Wait()
			assert.Len(t, got, i+1)
		}
		require.NoError(t, d.Shutdown(t.Context()))
		wg.Wait()
		assert.Equal(t, []string{"0", "1", "2"}, got)
	})
}

func TestLoopsShareTheEvents(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		sub := subscribe(t, d, channel.Public("a{n}"))
		release := make(chan struct{})
		var wg sync.WaitGroup
		var busy atomic.Int32
		for range 2 {
			wg.Go(func() {
				for range sub.Events() {
					busy.Add(1)
					<-release
				}
			})
		}
		synctest.Wait()
		send(t, d, message("1", channel.Public("a1"), channel.Public("a2")))
		synctest.Wait()
		assert.EqualValues(t, 2, busy.Load())
		close(release)
		require.NoError(t, d.Shutdown(t.Context()))
		wg.Wait()
	})
}

func TestCloseEndsAllLoops(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		sub := subscribe(t, d, channel.Public("a"))
		var wg sync.WaitGroup
		for range 3 {
			wg.Go(func() {
				for range sub.Events() {
				}
			})
		}
		synctest.Wait()
		sub.Close()
		sub.Close()
		wg.Wait()
		send(t, d, message("1", channel.Public("a")))
		for e := range sub.Events() {
			t.Errorf("a closed subscription got %q", e.Data)
		}
	})
}

func TestCloseDiscardsTheQueue(t *testing.T) {
	t.Parallel()
	d := memory.New()
	sub := subscribe(t, d, channel.Public("a"))
	send(t, d, message("1", channel.Public("a")))
	sub.Close()
	assert.Empty(t, drain(t, d, sub))
}

// TestWhatHasEndedIsForgotten: a context that lives on, such as the program's,
// must not keep the subscriptions that were made with it.
func TestWhatHasEndedIsForgotten(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*testing.T, *memory.Driver, *memory.Subscription){
		"closed":    func(_ *testing.T, _ *memory.Driver, sub *memory.Subscription) { sub.Close() },
		"shut down": func(t *testing.T, d *memory.Driver, sub *memory.Subscription) { assert.Empty(t, drain(t, d, sub)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			d := memory.New()
			sub, err := d.Subscribe(ctx, channel.Public("a"))
			require.NoError(t, err)
			kept := weak.Make(sub)
			end(t, d, sub)
			sub = nil
			runtime.GC()
			assert.Nil(t, kept.Value())
			runtime.KeepAlive(d)
		})
	}
}

func TestContextEndsTheSubscription(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		ctx, cancel := context.WithCancel(t.Context())
		sub, err := d.Subscribe(ctx, channel.Public("a"), memory.Queue(1), memory.Blocking())
		require.NoError(t, err)
		send(t, d, message("1", channel.Public("a")))
		cancel()
		synctest.Wait()
		for e := range sub.Events() {
			t.Errorf("a cancelled subscription got %q", e.Data)
		}
		send(t, d, message("2", channel.Public("a")), message("3", channel.Public("a"))) // nobody is waited for
	})
}

func TestShutdownWaitsForQueues(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := memory.New()
		sub := subscribe(t, d, channel.Public("a"))
		subscribe(t, d, channel.Public("a")).Close()
		subscribe(t, d, channel.Public("empty"))
		send(t, d, message("1", channel.Public("a")), message("2", channel.Public("a")))

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		assert.ErrorIs(t, d.Shutdown(ctx), context.DeadlineExceeded)

		assert.ErrorIs(t, d.Broadcast(t.Context(), []broadcast.Message{message("3", channel.Public("a"))}), memory.ErrClosed)
		_, err := d.Subscribe(t.Context(), channel.Public("a"))
		assert.ErrorIs(t, err, memory.ErrClosed)

		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { assert.NoError(t, d.Shutdown(t.Context())) })
		}
		synctest.Wait()
		assert.Equal(t, []string{"1", "2"}, drain(t, d, sub))
		wg.Wait()
		assert.NoError(t, d.Shutdown(t.Context()))
	})
}

func TestShutdownOfAnIdleDriver(t *testing.T) {
	t.Parallel()
	d := memory.New()
	sub := subscribe(t, d, channel.Public("a"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.NoError(t, d.Shutdown(ctx), "there is nothing to wait for")
	require.NoError(t, memory.New().Shutdown(ctx))
	for range sub.Events() {
		t.Error("an event out of nowhere")
	}
}

// TestOneOrderForAll has many broadcasters and subscribers, of which some wait
// and some close, and asks that all who stayed saw the same.
func TestOneOrderForAll(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const broadcasters, each = 8, 50
		d := memory.New()
		var readers, writers sync.WaitGroup
		seen := make([][]string, 4)
		for i := range seen {
			sub := subscribe(t, d, channel.Public("a"), memory.Queue(1+i), memory.Blocking())
			readers.Go(func() {
				for e := range sub.Events() {
					seen[i] = append(seen[i], e.Data)
				}
			})
		}
		passing := subscribe(t, d, channel.Public("a"), memory.Queue(1), memory.Blocking())
		readers.Go(func() {
			n := 0
			for range passing.Events() {
				if n++; n == 20 {
					passing.Close()
				}
			}
		})
		for b := range broadcasters {
			writers.Go(func() {
				for i := range each {
					send(t, d, message(fmt.Sprintf("%d:%02d", b, i), channel.Public("a")))
				}
			})
		}
		writers.Wait()
		require.NoError(t, d.Shutdown(t.Context()))
		readers.Wait()
		require.Len(t, seen[0], broadcasters*each)
		for _, other := range seen[1:] {
			assert.Equal(t, seen[0], other)
		}
		for b := range broadcasters {
			own := slices.DeleteFunc(slices.Clone(seen[0]), func(s string) bool { return s[:1] != strconv.Itoa(b) })
			assert.Len(t, own, each)
			assert.True(t, slices.IsSorted(own), "%v", own)
		}
	})
}
