package memory_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/memory"
	"github.com/onairgo/onair/event"
)

// One part of the program receives the events that another part broadcasts.
func ExampleDriver_Subscribe() {
	ctx := context.Background()
	driver := memory.New()
	b := broadcast.New(driver)
	orders, err := driver.Subscribe(ctx, channel.Private("orders.{id}"))
	if err != nil {
		fmt.Println(err)
		return
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for e := range orders.Events() {
			fmt.Println(e.Name, e.Param("id"), e.Data)
		}
	}()

	_ = b.Dispatch(ctx, event.Of("order.paid", map[string]any{"total": 12}, channel.Private("orders.7")))
	_ = b.Dispatch(ctx, event.Of("order.sent", nil, channel.Private("orders.7"), channel.Private("orders.8")))
	_ = b.Dispatch(ctx, event.Of("order.sent", nil, channel.Private("other.7")))

	_ = driver.Shutdown(ctx)
	<-done
	// Output:
	// order.paid 7 {"total":12}
	// order.sent 7 {}
	// order.sent 8 {}
}

// A subscriber that falls behind learns how many events it missed.
func ExampleQueue() {
	ctx := context.Background()
	driver := memory.New()
	sub, err := driver.Subscribe(ctx, channel.Public("ticks"), memory.Queue(2))
	if err != nil {
		fmt.Println(err)
		return
	}
	for i := range 5 {
		_ = broadcast.New(driver).Dispatch(ctx, event.Of("tick", map[string]any{"n": i}, channel.Public("ticks")))
	}
	for e := range sub.Events() {
		fmt.Println("missed", e.Missed, "then got", e.Data)
		break
	}
	// Output:
	// missed 3 then got {"n":3}
}

// A blocking subscription misses no events. Broadcast waits for it until the
// broadcast's context is done.
func ExampleBlocking() {
	driver := memory.New()
	sub, err := driver.Subscribe(context.Background(), channel.Public("audit"), memory.Queue(1), memory.Blocking())
	if err != nil {
		fmt.Println(err)
		return
	}
	defer sub.Close()
	b := broadcast.New(driver, broadcast.WithLogger(slog.New(slog.DiscardHandler)))
	audited := event.Of("audited", map[string]int{"n": 1}, channel.Public("audit"))
	fmt.Println(b.Dispatch(context.Background(), audited))

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err = b.Dispatch(ctx, audited) // finds no room
	fmt.Println(errors.Is(err, context.DeadlineExceeded))
	// Output:
	// <nil>
	// true
}
