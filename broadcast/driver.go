package broadcast

import (
	"context"
	"fmt"
	"time"
)

// Driver carries messages to where the browsers are. Implementations must be
// safe for concurrent use.
//
// Broadcast sends the messages in their order and returns nil when all were
// taken over. A message that was not is told by a [*DeliveryError] in the
// returned tree (use [errors.Join] for several); an error without any means
// that none was taken over. A driver classifies its errors for the caller
// ([ErrPermanent], [RetryAfter]) and never retries by itself. It does not keep
// the slice, and it honours the context.
//
// Package drivertest checks an implementation against this contract.
type Driver interface {
	Broadcast(ctx context.Context, messages []Message) error
}

// DriverFunc makes a function a [Driver].
type DriverFunc func(ctx context.Context, messages []Message) error

// Broadcast calls f.
func (f DriverFunc) Broadcast(ctx context.Context, messages []Message) error { return f(ctx, messages) }

// Limits are the bounds of a driver. The broadcaster cuts an event into
// messages that keep them, and refuses what cannot be cut. A zero field is no
// limit.
type Limits struct {
	// Payload is the most bytes of one message's data, as
	// [Message.PayloadSize] counts them.
	Payload int
	// Channels is the most channels of one message.
	Channels int
	// Batch is the most messages of one call of Broadcast.
	Batch int
	// ChannelName is the most bytes of a channel's name on the wire, where the
	// driver takes less than channel.MaxNameLength.
	ChannelName int
	// NoEncryption reports that the driver has no key to seal data with, so
	// that encrypted channels are refused before anything is sent.
	NoEncryption bool
}

// Limiter is implemented by drivers that have [Limits].
type Limiter interface {
	Limits() Limits
}

// Pinger is implemented by drivers that can tell whether the service behind
// them answers and knows the credentials.
type Pinger interface {
	Ping(ctx context.Context) error
}

// Middleware puts something around a driver, as HTTP middleware does around a
// handler. The driver it returns should have an Unwrap method that returns
// next, so that [LimitsOf] and [Ping] still find what next can do.
type Middleware func(next Driver) Driver

// Chain puts middleware around a driver; the first is the outermost. It panics
// when one of them returns no driver.
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
// DriverFunc, which has no Unwrap.
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

// LimitsOf returns the limits of the driver or of the one that it wraps, or
// the zero Limits.
func LimitsOf(d Driver) Limits {
	if l, ok := find[Limiter](d); ok {
		return l.Limits()
	}
	return Limits{}
}

// Ping asks the driver, or the one that it wraps, whether it can deliver. The
// error is [errors.ErrUnsupported] when none of them can tell.
func Ping(ctx context.Context, d Driver) error {
	if p, ok := find[Pinger](d); ok {
		return p.Ping(ctx)
	}
	return errNoPing
}

// Observation tells what one call of a driver was.
type Observation struct {
	// Connection is the connection's name.
	Connection string
	// Messages are the messages of the call. They must not be changed.
	Messages []Message
	// Duration is how long the driver took.
	Duration time.Duration
	// Err is what it returned, nil when all went well.
	Err error
}
