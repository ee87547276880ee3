package null_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/null"
	"github.com/onairgo/onair/event"
)

func ExampleNew() {
	b := broadcast.New(null.New())
	ctx := context.Background()

	err := b.Dispatch(ctx, event.Of("order.paid", nil, channel.Private("orders.7")))
	fmt.Println(err)

	// Mistakes still show.
	err = b.Dispatch(ctx, event.Of("order.paid", nil, channel.Private("orders.")))
	if e, ok := errors.AsType[*channel.NameError](err); ok {
		fmt.Println("refused:", e.Name)
	}
	// Output:
	// <nil>
	// refused: private-orders.
}
