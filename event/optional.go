package event

import "github.com/onairgo/onair/channel"

// Payloader is implemented by events that replace their payload, as Laravel's
// broadcastWith does.
type Payloader interface {
	// BroadcastWith returns the value to encode instead of the event. If it
	// returns nil, the event itself is encoded.
	BroadcastWith() any
}

// Conditional is implemented by events that decide at dispatch whether they are
// sent, as Laravel's broadcastWhen does.
type Conditional interface {
	// BroadcastWhen reports whether to send the event. Not sending it is not an
	// error.
	BroadcastWhen() bool
}

// Router is implemented by events that choose the connections they are sent
// over, as Laravel's broadcastConnections does.
type Router interface {
	// BroadcastConnections returns the connections. Each is tried, whether or
	// not the others fail. If it returns none, the event is not sent.
	BroadcastConnections() []Connection
}

// Connection is one of the connections that a [Router] sends its event over.
type Connection struct {
	// Name is the connection's name. The empty name is the default connection.
	Name string
	// Channels, if not nil, replaces BroadcastOn for this connection.
	Channels []channel.Channel
	// Payload, if not nil, replaces the payload for this connection.
	Payload any
}

// Via returns the connections with the given names, which use the event's own
// channels and payload.
func Via(names ...string) []Connection {
	out := make([]Connection, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

// Rescuer is implemented by events that are sent on a best-effort basis, as
// with Laravel's ShouldRescue: errors in sending are logged instead of returned
// to the caller. Errors in the event itself, such as an illegal channel name,
// are still returned.
type Rescuer interface {
	// ShouldRescue reports whether to log errors in sending instead of
	// returning them.
	ShouldRescue() bool
}

// Validator is implemented by events that can refuse to be sent. This is the
// place for problems that BroadcastOn cannot report because it returns no
// error, such as a missing id or a state that must not be made public.
type Validator interface {
	// ValidateBroadcast is called at dispatch, before the event's other
	// methods. Its error is returned to the caller unchanged.
	ValidateBroadcast() error
}
