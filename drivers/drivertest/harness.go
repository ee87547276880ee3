package drivertest

import (
	"fmt"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

// Harness holds a driver under test, and functions that let the suite observe
// and control what is behind it. All fields but Driver are optional.
//
// The suite also checks the method Shutdown(context.Context) error and the
// interfaces [broadcast.Limiter] and [broadcast.Pinger] if the driver has them.
type Harness struct {
	// Driver is the driver. It must be ready for use and not be shared with
	// other harnesses.
	Driver broadcast.Driver
	// Features says what the driver promises beyond the contract.
	Features Features
	// Arrived returns everything that has arrived since the harness was made,
	// in order of arrival. The suite expects want arrivals, one for each
	// channel of each message. If Broadcast can return before its messages have
	// arrived, Arrived must wait for them, and for any further one that may
	// still be on its way. Arrived is nil if the driver delivers nothing.
	//
	// If the channels must be subscribed to beforehand, [Channels] lists them.
	Arrived func(want int) []Arrival
	// Fail makes the delivery of messages with the given event name fail from
	// now on, while other messages still succeed. With an empty name, all
	// messages succeed again. Fail is nil if failures cannot be produced.
	Fail func(event string)
	// Tries returns how many times the driver has tried to deliver a message
	// with the given event name. Tries is nil if that cannot be counted.
	Tries func(event string) int
	// Stall makes everything that Broadcast waits for stop responding until the
	// end of the test. Stall is nil if Broadcast waits for nothing.
	Stall func()
	// Secrets are strings that the driver knows and that no error may contain.
	Secrets []string
}

// Features says what a driver promises beyond the contract.
type Features struct {
	// Encrypts means that the payload of an encrypted channel is sealed before
	// it leaves the program. Arrival.Data must then be what a subscriber
	// decrypts, and Arrival.Wire what left the program.
	Encrypts bool
	// ExcludesSocket means that the driver tells the service which connection
	// to leave out, and that Arrival.SocketID contains it.
	ExcludesSocket bool
	// InProcess means that nothing leaves the program, so the payload of an
	// encrypted channel need not be sealed.
	InProcess bool
}

// Arrival is a message as it arrived on one channel.
type Arrival struct {
	// Event is the event's name.
	Event string
	// Channel is the channel's name on the wire.
	Channel string
	// Data is the payload, decrypted if it was sealed.
	Data string
	// Wire is the payload as it left the program, if that is not Data.
	Wire string
	// SocketID is the connection that is left out, or empty if there is none.
	SocketID string
}

// many is the number of channels that the suite sends to if the driver has no
// limit.
const many = 250

// Channels returns all the channels that the suite uses.
func Channels() []channel.Channel {
	return append(append(numbered(many), kinds()...), encrypted()...)
}

func numbered(n int) []channel.Channel {
	list := make([]channel.Channel, n)
	for i := range list {
		list[i] = channel.Public(fmt.Sprintf("drivertest.%d", i))
	}
	return list
}

func kinds() []channel.Channel {
	return []channel.Channel{
		channel.Public("drivertest"),
		channel.Public("drivertest").Cached(),
		channel.Private("drivertest"),
		channel.Private("drivertest").Cached(),
		channel.Presence("drivertest"),
		channel.Presence("drivertest").Cached(),
		channel.User("drivertest"),
	}
}

func encrypted() []channel.Channel {
	return []channel.Channel{channel.Encrypted("drivertest"), channel.Encrypted("drivertest").Cached()}
}

func arrives(h Harness) string {
	if h.Arrived == nil {
		return "the harness cannot show what arrived (Harness.Arrived is nil)"
	}
	return ""
}

func fails(h Harness) string {
	if h.Fail == nil {
		return "the harness cannot make a delivery fail (Harness.Fail is nil)"
	}
	return ""
}

func counts(h Harness) string {
	if h.Tries == nil {
		return "the harness cannot count tries (Harness.Tries is nil)"
	}
	return ""
}

func stalls(h Harness) string {
	if h.Stall == nil {
		return "the driver waits for nothing, or the harness cannot stall it (Harness.Stall is nil)"
	}
	return ""
}

func encrypts(h Harness) string {
	if !h.Features.Encrypts {
		return "the driver does not encrypt (Features.Encrypts)"
	}
	return ""
}

func leaves(h Harness) string {
	if h.Features.InProcess {
		return "nothing leaves the program (Features.InProcess)"
	}
	return ""
}

func excludes(h Harness) string {
	if !h.Features.ExcludesSocket {
		return "the driver does not leave out a connection (Features.ExcludesSocket)"
	}
	return ""
}

func pings(h Harness) string {
	if _, ok := h.Driver.(broadcast.Pinger); !ok {
		return "the driver has no Ping"
	}
	return ""
}

func shutsDown(h Harness) string {
	if _, ok := h.Driver.(shutdowner); !ok {
		return "the driver has no Shutdown(context.Context) error"
	}
	return ""
}
