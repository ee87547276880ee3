package broadcast

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/pusherproto"
)

// SocketIDHeader is the request header in which laravel-echo sends the socket
// id of the page that makes the request.
const SocketIDHeader = "X-Socket-ID"

// DispatchOption configures a single dispatch.
type DispatchOption func(*dispatchOptions)

type dispatchOptions struct {
	socketID string
	ignored  string // the beginning of an unusable socket id, for the log
	via      []string
}

// ToOthers excludes the connection of the page that made the request, as
// Laravel's toOthers does. It takes the socket id from the X-Socket-ID header,
// which Echo sets for axios, jQuery, Vue resource and Turbo. With fetch, the
// page must set the header itself, to Echo.socketId(). Without the header
// everybody gets the event. A header that is not a valid socket id is ignored
// and logged.
func ToOthers(r *http.Request) DispatchOption {
	return Except(r.Header.Get(SocketIDHeader))
}

// Except excludes the connection with the given socket id. The empty string
// excludes nobody. A string that is not a valid socket id is ignored and
// logged.
func Except(socketID string) DispatchOption {
	return func(o *dispatchOptions) {
		o.socketID, o.ignored = "", ""
		if pusherproto.ValidSocketID(socketID) {
			o.socketID = socketID
		} else {
			o.ignored = cut(socketID)
		}
	}
}

// Via sends the event over the named connections instead of those that the
// event selects, with the event's own channels and payload. Without names, the
// event selects as usual.
func Via(connections ...string) DispatchOption {
	connections = slices.Clone(connections)
	return func(o *dispatchOptions) { o.via = connections }
}

// Dispatch sends the event: it calls [Broadcaster.Prepare], then
// [Broadcaster.Deliver]. If the event has no channels or its BroadcastWhen
// returns false, nothing is sent and the error is nil. Failed deliveries of an
// event whose ShouldRescue returns true ([event.Rescuer]) are logged and not
// returned.
func (b *Broadcaster) Dispatch(ctx context.Context, e event.Event, options ...DispatchOption) error {
	deliveries, err := b.Prepare(ctx, e, options...)
	if err != nil {
		return err
	}
	err = b.Deliver(ctx, deliveries...)
	if err != nil {
		if r, ok := e.(event.Rescuer); ok && r.ShouldRescue() {
			b.logger.LogAttrs(ctx, slog.LevelWarn, "event rescued: it was not delivered",
				slog.String("event", deliveries[0].Message.Event), slog.Any("error", err))
			return nil
		}
	}
	return err
}

// DispatchIf calls [Broadcaster.Dispatch] if the condition is true and
// otherwise does nothing. It corresponds to Laravel's broadcast_if.
func (b *Broadcaster) DispatchIf(ctx context.Context, condition bool, e event.Event, options ...DispatchOption) error {
	if !condition {
		return nil
	}
	return b.Dispatch(ctx, e, options...)
}
