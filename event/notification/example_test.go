package notification_test

import (
	"context"
	"fmt"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/event/model"
	"github.com/onairgo/onair/event/notification"
)

// Customer receives notifications on the channel that Laravel would use.
type Customer struct{ ID int64 }

func (c Customer) ReceivesBroadcastNotificationsOn() []channel.Channel {
	return []channel.Channel{model.Class("App.Models.User").Channel(c.ID)}
}

// OrderShipped is a notification: its fields are the data.
type OrderShipped struct {
	OrderID int `json:"orderId"`
}

func Example() {
	b := broadcast.New(broadcast.DriverFunc(func(_ context.Context, messages []broadcast.Message) error {
		for _, m := range messages {
			fmt.Println(m.Event)
			fmt.Println(m.Channels, m.Data)
		}
		return nil
	}))
	// echo.private("App.Models.User.7").notification(…) hears it. The id is a
	// new UUID unless WithID gives that of a stored notification.
	e := notification.To(Customer{ID: 7}, OrderShipped{OrderID: 15}).WithID("a1")
	if err := b.Dispatch(context.Background(), e); err != nil {
		fmt.Println(err)
	}
	// Output:
	// Illuminate\Notifications\Events\BroadcastNotificationCreated
	// [private-App.Models.User.7] {"id":"a1","orderId":15,"type":"App\\Notifications\\OrderShipped"}
}

func ExampleRoute() {
	// Nobody in particular: channels, also public ones and a tenant's.
	e := notification.To(notification.Route(
		channel.Public("news"),
		model.Class("tenant.acme.User").Channel("5b2c"),
	), OrderShipped{OrderID: 15})
	fmt.Println(e.BroadcastOn())
	// Output:
	// [news private-tenant.acme.User.5b2c]
}

// LessonCancelled has a type of its own and hides what pages need not know.
type LessonCancelled struct{ LessonID, Reason string }

func (LessonCancelled) BroadcastType() string { return "lesson.cancelled" }
func (l LessonCancelled) ToBroadcast() any    { return map[string]string{"lessonId": l.LessonID} }

func ExampleTyper() {
	e := notification.To(Customer{ID: 7}, LessonCancelled{LessonID: "3", Reason: "ill"}).WithID("a1")
	data, err := event.Payload(e)
	fmt.Println(data, err)
	// Output:
	// {"id":"a1","lessonId":"3","type":"lesson.cancelled"} <nil>
}
