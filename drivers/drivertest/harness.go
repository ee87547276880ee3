package drivertest

import (
	"fmt"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

// Harness is a driver under test and what the suite needs to see behind it.
// Everything but Driver is optional.
//
// A driver that has a method Shutdown(context.Context) error, or implements
// [broadcast.Limiter] or [broadcast.Pinger], is checked for that too.
type Harness struct {
	// Driver is the driver, ready to use and shared with nobody.
	Driver broadcast.Driver
	// Features are what the driver promises beyond the contract.
	Features Features
	// Arrived returns all that has arrived since the harness was made, in the
	// order of arrival. The suite expects want deliveries, one for each
	// message and channel. Where a driver returns before its messages have
	// arrived, Arrived must wait for them, and for one too many that may be on
	// its way. nil for a driver that delivers nothing.
	//
	// A service that must subscribe first finds the names in [Channels].
	Arrived func(want int) []Arrival
	// Fail makes the delivery of messages with that event name fail from now
	// on, while others go through; the empty name repairs it. nil when that
	// cannot be brought about.
	Fail func(event string)
	// Tries returns how often delivering a message with that event name was
	// tried. nil when that cannot be counted.
	Tries func(event string) int
	// Stall makes all that Broadcast waits for stop answering until the end of
	// the test. nil for a driver that waits for nothing.
	Stall func()
	// Secrets are strings that the driver knows and no error may show.
	Secrets []string
}

// Features are what a driver promises beyond the contract.
type Features struct {
	// Encrypts means that the payload of an encrypted channel is sealed before
	// it leaves. Arrival.Data must then be what a subscriber opens, and
	// Arrival.Wire what left.
	Encrypts bool
	// ExcludesSocket means that the service is told whom to leave out, and
	// that Arrival.SocketID shows it.
	ExcludesSocket bool
	// InProcess means that nothing leaves the program, so that the payload of
	// an encrypted channel may stay in the clear.
	InProcess bool
}

// Arrival is a message as it arrived on one channel.
type Arrival struct {
	// Event is the event's name.
	Event string
	// Channel is the channel's name on the wire.
	Channel string
	// Data is the payload, opened if it was sealed.
	Data string
	// Wire is the payload as it left, where that is not Data.
	Wire string
	// SocketID is the connection that is left out.
	SocketID string
}

// many is how many channels the suite sends to where a driver has no limit.
const many = 250

// Channels returns every channel that the suite uses.
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
