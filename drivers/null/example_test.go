package null_test

import (
	"context"
	"fmt"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/null"
	"github.com/onairgo/onair/event"
)

func ExampleNew() {
	b := broadcast.New(null.New())
	ctx := context.Background()

	fmt.Println(b.Dispatch(ctx, event.Of("order.paid", nil, channel.Private("orders.7"))))
	fmt.Println(b.Dispatch(ctx, event.Of("order.paid", nil, channel.Private("orders."))))
	// Output:
	// <nil>
	// broadcast: event "order.paid": channel: name "private-orders." has an empty segment at byte 15; is an id missing?
}
