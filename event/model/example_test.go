package model_test

import (
	"context"
	"fmt"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event/model"
)

// Order is the class of the application's orders, as pages written for
// Laravel know it.
const Order model.Class = "App.Models.Order"

func Example() {
	b := broadcast.New(broadcast.DriverFunc(func(_ context.Context, messages []broadcast.Message) error {
		for _, m := range messages {
			fmt.Println(m.Event, m.Channels, m.Data)
		}
		return nil
	}))
	order := map[string]any{"id": 7, "state": "paid"}

	// useEchoModel("App.Models.Order", 7, …) hears it, and so does whoever
	// listens to .OrderUpdated on the private channel.
	if err := b.Dispatch(context.Background(), Order.Updated(7, order).Also(channel.Public("orders"))); err != nil {
		fmt.Println(err)
	}
	// Output:
	// OrderUpdated [private-App.Models.Order.7 orders] {"model":{"id":7,"state":"paid"},"connection":null,"queue":null,"afterCommit":false}
}

func ExampleClass_SoftDelete() {
	order := map[string]any{"id": 7}
	for _, change := range Order.SoftDelete(7, order) {
		fmt.Println(change.BroadcastAs())
	}
	// Output:
	// OrderTrashed
	// OrderDeleted
}

func ExampleClass_Channel() {
	fmt.Println(Order.Channel(7))
	fmt.Println(channel.Public(Order.ChannelName(7)))
	fmt.Println(model.Class("tenant.acme.Order").Channel("5b2c"))
	fmt.Println(Order.Pattern())
	// Output:
	// private-App.Models.Order.7
	// App.Models.Order.7
	// private-tenant.acme.Order.5b2c
	// App.Models.Order.{order}
}
