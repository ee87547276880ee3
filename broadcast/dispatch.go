package broadcast

import (
	"context"
	"log/slog"
	"net/http"
	"slices"

	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/pusherproto"
)

// SocketIDHeader is the header in which laravel-echo sends the socket id of
// the page that makes a request.
const SocketIDHeader = "X-Socket-ID"

// DispatchOption changes one dispatch.
type DispatchOption func(*dispatchOptions)

type dispatchOptions struct {
	socketID string
	ignored  string // the beginning of an unusable socket id, for the log
	via      []string
}

// ToOthers leaves out the connection that the request came from, Laravel's
// toOthers: it takes the socket id from the request's X-Socket-ID header.
// Echo sets that header with axios, jQuery, Vue resource and Turbo; with fetch
// the page sets it itself, to Echo.socketId(). Without the header everybody
// gets the event, and a header that holds no socket id is ignored and logged.
func ToOthers(r *http.Request) DispatchOption {
	return Except(r.Header.Get(SocketIDHeader))
}

// Except leaves out the connection with that socket id. The empty string is
// no connection, and one that is no socket id is ignored and logged.
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

// Via sends over the named connections, whatever the event itself says, with
// the event's own channels and payload. Without names it changes nothing.
func Via(connections ...string) DispatchOption {
	connections = slices.Clone(connections)
	return func(o *dispatchOptions) { o.via = connections }
}

// Dispatch sends the event: [Broadcaster.Prepare] and [Broadcaster.Deliver] in
// one. An event without channels, or one whose BroadcastWhen says no, is not
// sent, which is no error. Failures to deliver an event that wants to be rescued
// ([event.Rescuer]) are logged and not returned.
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

// DispatchIf is [Broadcaster.Dispatch] when the condition holds and nothing
// otherwise, Laravel's broadcast_if.
func (b *Broadcaster) DispatchIf(ctx context.Context, condition bool, e event.Event, options ...DispatchOption) error {
	if !condition {
		return nil
	}
	return b.Dispatch(ctx, e, options...)
}
