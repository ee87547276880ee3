package broadcast

import (
	"time"

	"github.com/google/uuid"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// Message is an event on its way to one or more channels, in the form that
// drivers take. Its JSON form is stable.
type Message struct {
	// ID identifies the message. It is a version 7 UUID. A driver may pass it to a
	// service as an idempotency key, so that sending again is safe.
	ID string `json:"id"`
	// Event is the event's name on the wire.
	Event string `json:"event"`
	// Channels holds at least one channel and no duplicates. An encrypted channel
	// is always the only one, since the data is encrypted for it, and so is a
	// user's channel.
	Channels []channel.Channel `json:"channels"`
	// Data is the payload, usually JSON. Drivers pass it on unchanged. For an
	// encrypted channel it is still in plain text here, and the driver encrypts
	// it.
	Data string `json:"data"`
	// SocketID is the socket id of the connection that does not get the message.
	// It is empty if every connection gets it.
	SocketID string `json:"socket_id,omitempty"`
}

// Encrypted reports whether the message is for an encrypted channel. Its data
// must then be encrypted before it leaves the program, and must not be logged.
func (m Message) Encrypted() bool {
	return len(m.Channels) > 0 && m.Channels[0].Kind() == channel.KindEncrypted
}

// PayloadSize returns the size in bytes of the data as it is sent, which is the
// encrypted form for an encrypted channel. [Limits].Payload bounds this size.
func (m Message) PayloadSize() int {
	if m.Encrypted() {
		return pusherproto.SealedSize(len(m.Data))
	}
	return len(m.Data)
}

// Delivery is a message for one connection: the unit that is queued, stored and
// retried. Its JSON form is stable.
type Delivery struct {
	// ID identifies the delivery. It is a version 7 UUID.
	ID string `json:"id"`
	// Connection is the name of the connection.
	Connection string `json:"connection"`
	// Message is the message to deliver.
	Message Message `json:"message"`
	// NotBefore is the earliest time at which to deliver. The zero time means at
	// once. It is meant for queues; [Broadcaster.Deliver] ignores it.
	NotBefore time.Time `json:"not_before,omitzero"`
}

// newID returns a version 7 UUID. Such ids sort by time of creation.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
