package event

import "github.com/onairgo/onair/channel"

// Payloader replaces the payload, as Laravel's broadcastWith does.
type Payloader interface {
	// BroadcastWith returns what is encoded instead of the event. nil falls
	// back to the event itself.
	BroadcastWith() any
}

// Conditional decides at dispatch whether the event is sent, as Laravel's
// broadcastWhen does.
type Conditional interface {
	// BroadcastWhen returns false to send nothing, which is no error.
	BroadcastWhen() bool
}

// Router chooses the connections that carry the event, as Laravel's
// broadcastConnections does.
type Router interface {
	// BroadcastConnections returns the connections, each tried whatever
	// becomes of the others. With none, the event goes nowhere.
	BroadcastConnections() []Connection
}

// Connection is one of several ways an event takes.
type Connection struct {
	// Name is the connection's name; empty is the default connection.
	Name string
	// Channels replaces BroadcastOn for this connection unless it is nil.
	Channels []channel.Channel
	// Payload replaces the payload for this connection unless it is nil.
	Payload any
}

// Via returns connections by name with the event's own channels and payload.
func Via(names ...string) []Connection {
	out := make([]Connection, len(names))
	for i, name := range names {
		out[i].Name = name
	}
	return out
}

// Rescuer marks an event whose failure must not fail the caller, as Laravel's
// ShouldRescue does: what goes wrong in sending is logged instead of returned.
// Mistakes of the program, such as an illegal channel name, are still
// returned.
type Rescuer interface {
	// ShouldRescue returns true for best effort.
	ShouldRescue() bool
}

// Validator lets an event refuse to be sent, the place for what BroadcastOn
// cannot say since it returns no error: a missing id, a state that must not
// leave.
type Validator interface {
	// ValidateBroadcast is asked at dispatch, before anything else of the
	// event. Its error is returned to the caller as it is.
	ValidateBroadcast() error
}
