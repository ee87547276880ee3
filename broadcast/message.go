package broadcast

import (
	"time"

	"github.com/google/uuid"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// Message is one event on its way to one or more channels, as drivers take
// it. Its JSON form is stable.
type Message struct {
	// ID identifies the message: a UUID of version 7. A service that knows
	// idempotency keys may be given it, so that sending again is safe.
	ID string `json:"id"`
	// Event is the event's name on the wire.
	Event string `json:"event"`
	// Channels holds at least one channel and none twice. An encrypted channel
	// always stands alone, since its data is sealed for it.
	Channels []channel.Channel `json:"channels"`
	// Data is the payload, usually JSON. Drivers pass it on byte for byte;
	// for an encrypted channel it is still in the clear.
	Data string `json:"data"`
	// SocketID is the connection that does not get the message; empty for
	// none.
	SocketID string `json:"socket_id,omitempty"`
}

// Encrypted reports whether the message goes to an encrypted channel, so that
// its data must be sealed before it leaves and must not be logged.
func (m Message) Encrypted() bool {
	return len(m.Channels) > 0 && m.Channels[0].Kind() == channel.KindEncrypted
}

// PayloadSize returns the bytes of the data in the form that it goes out in,
// which is what [Limits].Payload bounds: sealed for an encrypted channel.
func (m Message) PayloadSize() int {
	if m.Encrypted() {
		return pusherproto.SealedSize(len(m.Data))
	}
	return len(m.Data)
}

// Delivery is a message for one connection: the unit that is queued, stored
// and tried again. Its JSON form is stable.
type Delivery struct {
	// ID identifies the delivery: a UUID of version 7.
	ID string `json:"id"`
	// Connection is the name of the connection.
	Connection string `json:"connection"`
	// Message is what is delivered.
	Message Message `json:"message"`
	// NotBefore is the earliest time to deliver; the zero time is at once.
	// [Broadcaster.Deliver] does not wait for it, queues do.
	NotBefore time.Time `json:"not_before,omitzero"`
}

// newID returns a UUID of version 7, whose order is that of creation.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
