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

// LessonMoved has a method that nobody calls and a field without a json tag.
type LessonMoved struct {
	To string
}

func (LessonMoved) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Public("lessons")}
}
func (LessonMoved) BroadcastAs() string  { return "lesson.moved" }
func (LessonMoved) BroadcastsWhen() bool { return false }

func ExampleCheckEvent() {
	t := printing{} // in a test it is the function's parameter

	broadcasttest.CheckEvent(t, OrderPaid{ID: 7})
	broadcasttest.CheckEvent(t, LessonMoved{To: "noon"})
	// Output:
	// broadcasttest_test.LessonMoved: nobody calls the method BroadcastsWhen; did you mean BroadcastWhen?
	// broadcasttest_test.LessonMoved: the field To of broadcasttest_test.LessonMoved has no name for JSON, so pages get "To"; write `json:"to"`, or `json:"-"` to keep it off the wire
}

// printing shows what a test would report.
type printing struct{ testing.TB }

func (printing) Helper()                           {}
func (printing) Context() context.Context          { return context.Background() }
func (printing) Errorf(format string, args ...any) { fmt.Printf(format+"\n", args...) }
