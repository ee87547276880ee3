package log_test

import (
	"context"
	"log/slog"
	"os"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/log"
	"github.com/onairgo/onair/event"
)

func ExampleNew() {
	logger := slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{ReplaceAttr: withoutTimeAndID}))
	b := broadcast.New(log.New(logger))
	ctx := context.Background()

	_ = b.Dispatch(ctx, event.Of("order.paid", map[string]any{"id": 7}, channel.Private("orders.7")), broadcast.Except("1.2"))
	_ = b.Dispatch(ctx, event.Of("note", map[string]any{"text": "for two"}, channel.Encrypted("chat.7")))
	// Output:
	// level=INFO msg="broadcasting event" event=order.paid echo=.order.paid channels=[private-orders.7] data="{\"id\":7}" socket_id=1.2
	// level=INFO msg="broadcasting event" event=note echo=.note channels=[private-encrypted-chat.7] data=withheld
}

// withoutTimeAndID leaves out what differs from run to run.
func withoutTimeAndID(_ []string, a slog.Attr) slog.Attr {
	if a.Key == slog.TimeKey || a.Key == "id" {
		return slog.Attr{}
	}
	return a
}
