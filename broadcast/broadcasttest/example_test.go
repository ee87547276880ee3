package broadcasttest_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/broadcast/broadcasttest"
	"github.com/onairgo/onair/channel"
)

// OrderPaid is an event of the application's.
type OrderPaid struct {
	ID int `json:"id"`
}

func (e OrderPaid) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private(fmt.Sprintf("orders.%d", e.ID))}
}
func (OrderPaid) BroadcastAs() string { return "order.paid" }

func Example() {
	t := new(testing.T) // in a test it is the function's parameter

	rec := broadcasttest.NewRecorder(t)
	b := broadcast.New(rec)

	// The code under test is given b and dispatches.
	if err := b.Dispatch(context.Background(), OrderPaid{ID: 7}); err != nil {
		t.Fatal(err)
	}

	rec.AssertSent("order.paid", channel.Private("orders.7"))
	fmt.Println(broadcasttest.Payloads[OrderPaid](rec, "order.paid"))
	// Output:
	// [{7}]
}
