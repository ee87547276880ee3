package broadcast

import (
	"context"
	"fmt"
	"time"
)

// Driver carries messages towards the browsers. Implementations must be safe
// for concurrent use.
//
// Broadcast sends the messages in order and returns nil if all of them were
// accepted. For each message that was not, the returned error contains a
// [*DeliveryError] (use [errors.Join] for several); an error that contains none
// means that no message was accepted. A driver classifies its errors for the
// caller ([ErrPermanent], [RetryAfter]) and never retries on its own. It must
// not retain the slice, and it must honour the context.
//
// Package drivertest checks an implementation against this contract.
type Driver interface {
	Broadcast(ctx context.Context, messages []Message) error
}

// DriverFunc is an adapter that lets a function serve as a [Driver].
type DriverFunc func(ctx context.Context, messages []Message) error

// Broadcast calls f(ctx, messages).
func (f DriverFunc) Broadcast(ctx context.Context, messages []Message) error { return f(ctx, messages) }

// Limits describes what a driver can carry. The broadcaster splits an event
// into messages that stay within the limits, and refuses an event that cannot
// be split. A zero field means no limit.
type Limits struct {
	// Payload is the maximum number of bytes of data in a message, as counted by
	// [Message.PayloadSize].
	Payload int
	// Channels is the maximum number of channels of a message.
	Channels int
	// Batch is the maximum number of messages in a call of Broadcast.
	Batch int
	// ChannelName is the maximum length in bytes of a channel's name on the wire.
	// It matters only if it is less than channel.MaxNameLength.
	ChannelName int
	// NoEncryption reports that the driver has no key to encrypt data with. Events
	// on encrypted channels are then refused before anything is sent.
	NoEncryption bool
}

// Limiter is implemented by drivers that have [Limits].
type Limiter interface {
	Limits() Limits
}

// Pinger is implemented by drivers that can check whether the service behind
// them responds and accepts the credentials.
type Pinger interface {
	Ping(ctx context.Context) error
}

// Middleware wraps a driver, as HTTP middleware wraps a handler. [Chain] and
// [WithMiddleware] remember next, so that [LimitsOf] and [Ping] still find what
// next implements. A driver that wraps another one in any other way needs a
// method Unwrap() Driver for that.
type Middleware func(next Driver) Driver

// Chain wraps a driver in middleware; the first one is the outermost. It panics
// if one of them returns nil.
func Chain(d Driver, middleware ...Middleware) Driver {
	for i := len(middleware) - 1; i >= 0; i-- {
		outer := middleware[i](d)
		if isNil(outer) {
			panic(fmt.Sprintf("broadcast: middleware %d of %d returned no driver", i+1, len(middleware)))
		}
		d = &chained{Driver: outer, inner: d}
	}
	return d
}

// chained remembers the inner driver for middleware that returns a plain
// DriverFunc, which has no Unwrap method.
type chained struct {
	Driver
	inner Driver
}

func (c *chained) Unwrap() Driver { return c.inner }

// find returns the first driver in d's chain that is a T.
func find[T any](d Driver) (T, bool) {
	for d != nil {
		if t, ok := d.(T); ok {
			return t, true
		}
		if c, ok := d.(*chained); ok {
			if t, ok := c.Driver.(T); ok {
				return t, true
			}
		}
		u, ok := d.(interface{ Unwrap() Driver })
		if !ok {
			break
		}
		d = u.Unwrap()
	}
	var zero T
	return zero, false
}

// LimitsOf returns the limits of the driver or of the one that it wraps. If
// neither has any, it returns the zero Limits.
func LimitsOf(d Driver) Limits {
	if l, ok := find[Limiter](d); ok {
		return l.Limits()
	}
	return Limits{}
}

// Ping checks that the driver, or the one that it wraps, can deliver. If none
// of them is a [Pinger], the error wraps [errors.ErrUnsupported].
func Ping(ctx context.Context, d Driver) error {
	if p, ok := find[Pinger](d); ok {
		return p.Ping(ctx)
	}
	return errNoPing
}

// Observation describes one call of a driver.
type Observation struct {
	// Connection is the connection's name.
	Connection string
	// Messages are the messages of the call. Do not modify them.
	Messages []Message
	// Duration is how long the call took.
	Duration time.Duration
	// Err is the error of the call, nil if it succeeded.
	Err error
}
