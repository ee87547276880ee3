package broadcast_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// SessionStarted is an event of the application's.
type SessionStarted struct {
	SessionID string `json:"sessionId"`
	MentorID  string `json:"-"`
}

func (e SessionStarted) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private("mentor." + e.MentorID)}
}
func (SessionStarted) BroadcastAs() string { return "session.started" }

// printer is a driver that prints, where a program has the embedded server or
// Pusher Channels.
func printer(label string) broadcast.Driver {
	return broadcast.DriverFunc(func(_ context.Context, messages []broadcast.Message) error {
		for _, m := range messages {
			fmt.Println(label, m.Event, m.Channels, m.Data)
			if m.SocketID != "" {
				fmt.Println("but not to", m.SocketID)
			}
		}
		return nil
	})
}

func ExampleBroadcaster_Dispatch() {
	b := broadcast.New(printer("sent:"))
	ctx := context.Background()
	if err := b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"}); err != nil {
		fmt.Println(err)
	}
	// A missing id is refused before anything is sent.
	fmt.Println(b.Dispatch(ctx, SessionStarted{SessionID: "9"}))
	// Output:
	// sent: session.started [private-mentor.1] {"sessionId":"9"}
	// broadcast: event "session.started" on connection "default": channel: name "private-mentor." has an empty segment at byte 15; is an id missing?
}

func ExampleToOthers() {
	b := broadcast.New(printer("sent:"))
	handler := func(w http.ResponseWriter, r *http.Request) {
		// The page that made the request has shown the change already.
		err := b.Dispatch(r.Context(), SessionStarted{SessionID: "9", MentorID: "1"}, broadcast.ToOthers(r))
		if err != nil {
			http.Error(w, "not sent", http.StatusInternalServerError)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "/sessions", nil)
	r.Header.Set("X-Socket-ID", "1234.5678") // laravel-echo does this
	handler(httptest.NewRecorder(), r)
	// Output:
	// sent: session.started [private-mentor.1] {"sessionId":"9"}
	// but not to 1234.5678
}

func ExampleWithConnection() {
	b := broadcast.New(printer("pages:"),
		broadcast.WithConnection("audit", printer("audit:")))
	ctx := context.Background()

	// The caller chooses …
	err := b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"}, broadcast.Via("audit"))
	if err != nil {
		fmt.Println(err)
	}
	// … or the event does; see event.Router.
	if err := b.Dispatch(ctx, Audited{SessionStarted{SessionID: "10", MentorID: "1"}}); err != nil {
		fmt.Println(err)
	}
	// Output:
	// audit: session.started [private-mentor.1] {"sessionId":"9"}
	// audit: session.started [private-audit] {"mentor":"1"}
}

// Audited goes to the audit with a channel and a payload of its own.
type Audited struct{ SessionStarted }

func (e Audited) BroadcastConnections() []event.Connection {
	return []event.Connection{{
		Name:     "audit",
		Channels: []channel.Channel{channel.Private("audit")},
		Payload:  map[string]string{"mentor": e.MentorID},
	}}
}

// tenantOfExample stands for what the program's own middleware has put into
// the request's context.
type tenantOfExample struct{}

func ExampleWithResolver() {
	drivers := map[string]broadcast.Driver{"acme": printer("acme:"), "globex": printer("globex:")}
	b := broadcast.New(printer("shared:"),
		broadcast.WithConnectionName(func(ctx context.Context) (string, error) {
			name, _ := ctx.Value(tenantOfExample{}).(string)
			return name, nil // the empty name is the default connection
		}),
		broadcast.WithResolver(func(_ context.Context, name string) (broadcast.Driver, error) {
			return drivers[name], nil
		}))

	ctx := context.WithValue(context.Background(), tenantOfExample{}, "acme")
	for _, ctx := range []context.Context{ctx, context.Background()} {
		if err := b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"}); err != nil {
			fmt.Println(err)
		}
	}
	fmt.Println(b.Dispatch(ctx, SessionStarted{MentorID: "1"}, broadcast.Via("initech")))
	// Output:
	// acme: session.started [private-mentor.1] {"sessionId":"9"}
	// shared: session.started [private-mentor.1] {"sessionId":"9"}
	// broadcast: unknown connection "initech"; known connections: default
}

func ExampleWithMiddleware() {
	count := 0
	counting := func(next broadcast.Driver) broadcast.Driver {
		return broadcast.DriverFunc(func(ctx context.Context, messages []broadcast.Message) error {
			count += len(messages)
			return next.Broadcast(ctx, messages)
		})
	}
	b := broadcast.New(printer("sent:"), broadcast.WithMiddleware(counting))
	if err := b.Dispatch(context.Background(), SessionStarted{SessionID: "9", MentorID: "1"}); err != nil {
		fmt.Println(err)
	}
	fmt.Println(count)
	// Output:
	// sent: session.started [private-mentor.1] {"sessionId":"9"}
	// 1
}

func ExampleBroadcaster_Deliver() {
	down := true
	flaky := broadcast.DriverFunc(func(ctx context.Context, messages []broadcast.Message) error {
		if down {
			return errors.New("connection refused")
		}
		return printer("flaky:").Broadcast(ctx, messages)
	})
	b := broadcast.New(printer("pages:"), broadcast.WithConnection("flaky", flaky), quiet)
	ctx := context.Background()

	err := b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"}, broadcast.Via("", "flaky"))
	var again []broadcast.Delivery
	for _, failed := range broadcast.Undelivered(err) {
		fmt.Println(failed)
		if !errors.Is(failed, broadcast.ErrPermanent) {
			again = append(again, failed.Delivery())
		}
	}

	down = false
	if err := b.Deliver(ctx, again...); err != nil { // repeats nothing that went out
		fmt.Println(err)
	}
	// Output:
	// pages: session.started [private-mentor.1] {"sessionId":"9"}
	// broadcast: event "session.started" on private-mentor.1 via "flaky": connection refused
	// flaky: session.started [private-mentor.1] {"sessionId":"9"}
}
