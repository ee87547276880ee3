package broadcast_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// Prepare checks the events now and returns what can be stored as JSON. A
// worker delivers it later, possibly in another process.
func ExampleBroadcaster_Prepare() {
	b := broadcast.New(printer("sent:"))
	ctx := context.Background()

	deliveries, err := b.Prepare(ctx, SessionStarted{SessionID: "9", MentorID: "1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	stored, _ := json.Marshal(deliveries)

	var due []broadcast.Delivery
	if err := json.Unmarshal(stored, &due); err != nil {
		fmt.Println(err)
		return
	}
	if err := b.Deliver(ctx, due...); err != nil {
		fmt.Println(err)
	}
	// Output:
	// sent: session.started [private-mentor.1] {"sessionId":"9"}
}

func ExampleBroadcaster_DispatchIf() {
	b := broadcast.New(printer("sent:"))
	for _, student := range []string{"", "Ada"} {
		err := b.DispatchIf(context.Background(), student != "", event.Of("student.waits", student, channel.Public("lobby")))
		if err != nil {
			fmt.Println(err)
		}
	}
	// Output:
	// sent: student.waits [lobby] "Ada"
}

// When the program ends, new events are refused and those in progress are
// completed.
func ExampleBroadcaster_Shutdown() {
	b := broadcast.New(printer("sent:"))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	fmt.Println(b.Shutdown(ctx))
	err := b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"})
	fmt.Println(errors.Is(err, broadcast.ErrClosed))
	// Output:
	// <nil>
	// true
}

// An observer feeds the program's metrics.
func ExampleWithObserver() {
	sent := map[string]int{}
	count := func(_ context.Context, o broadcast.Observation) {
		if o.Err == nil {
			sent[o.Connection] += len(o.Messages)
		}
	}
	b := broadcast.New(broadcast.DriverFunc(discard), broadcast.WithObserver(count))
	for range 3 {
		if err := b.Dispatch(context.Background(), SessionStarted{SessionID: "9", MentorID: "1"}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(sent)
	// Output:
	// map[default:3]
}

func discard(context.Context, []broadcast.Message) error { return nil }

// Pages that set Echo's namespace to false hear the bare type name.
func ExampleWithNamespace() {
	b := broadcast.New(printer("sent:"), broadcast.WithNamespace(""))
	if err := b.Dispatch(context.Background(), LessonEnded{}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// sent: LessonEnded [lobby] {}
}

// LessonEnded has no name of its own.
type LessonEnded struct{}

func (LessonEnded) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Public("lobby")}
}
func (LessonEnded) BroadcastAs() string { return "" }

// pigeon is a driver of the program's own. It takes little at a time, tells
// whether it is there, and says of each failure whether trying again can help.
type pigeon struct{ asleep bool }

func (p pigeon) Limits() broadcast.Limits { return broadcast.Limits{Payload: 40, Channels: 1} }

func (p pigeon) Ping(context.Context) error {
	if p.asleep {
		return io.ErrNoProgress
	}
	return nil
}

func (p pigeon) Broadcast(_ context.Context, messages []broadcast.Message) error {
	var failed []error
	for _, m := range messages {
		if strings.HasPrefix(m.Event, "heavy.") {
			err := broadcast.Permanent(errors.New("pigeon: cannot lift it"))
			failed = append(failed, &broadcast.DeliveryError{Message: m, Err: err})
		} else {
			fmt.Println("carries", m.Event, "to", m.Channels[0])
		}
	}
	return errors.Join(failed...)
}

func ExampleDriver() {
	b := broadcast.New(pigeon{}, quiet)
	ctx := context.Background()

	err := b.Dispatch(ctx, event.Of("note", nil, channel.Public("north"), channel.Public("south")))
	fmt.Println(err)
	err = b.Dispatch(ctx, event.Of("heavy.book", nil, channel.Public("north")))
	fmt.Println(err, errors.Is(err, broadcast.ErrPermanent))

	d, err := b.Driver(ctx, broadcast.DefaultConnection)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(broadcast.LimitsOf(d).Payload, broadcast.Ping(ctx, d))
	// Output:
	// carries note to north
	// carries note to south
	// <nil>
	// broadcast: event "heavy.book" on north via "default": pigeon: cannot lift it true
	// 40 <nil>
}

func ExamplePayloadError() {
	b := broadcast.New(pigeon{})
	letter := map[string]string{"from": "Ada", "text": strings.Repeat("dear ", 10)}
	err := b.Dispatch(context.Background(), event.Of("letter", letter, channel.Public("north")))
	fmt.Println(err)
	if e, ok := errors.AsType[*broadcast.PayloadError](err); ok {
		fmt.Println("without", e.Largest[0].Field, "it would have", e.Size-e.Largest[0].Size)
	}
	// Output:
	// broadcast: payload too large: event "letter" has 74 bytes, connection "default" takes 40; largest fields: "text" 52, "from" 5; send an id and let the page fetch the rest
	// without text it would have 22
}
