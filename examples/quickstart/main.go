// Quickstart is the README's first program: it writes one event to the log.
package main

import (
	"context"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/log"
	"github.com/onairgo/onair/event"
)

func main() {
	b := broadcast.New(log.New(nil))
	paid := event.Of("order.paid", map[string]int{"id": 7}, channel.Private("orders.7"))
	if err := b.Dispatch(context.Background(), paid); err != nil {
		panic(err)
	}
}
