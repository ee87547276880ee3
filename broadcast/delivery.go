package broadcast

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"
)

// Deliver sends deliveries to the drivers of their connections: in order for
// each connection, and to different connections concurrently. A failure does
// not keep the rest from being tried, but once the context is done no further
// driver is called. The error joins one [*DeliveryError] for each message that
// was not delivered; [Undelivered] lists them. Deliver does not wait for a
// delivery's NotBefore.
func (b *Broadcaster) Deliver(ctx context.Context, deliveries ...Delivery) error {
	parts := partition(deliveries)
	if !b.enter() {
		var failed []error
		for _, p := range parts {
			failed = append(failed, failAll(p.connection, p.messages, ErrClosed)...)
		}
		return errors.Join(failed...)
	}
	defer b.leave()
	if len(parts) == 1 {
		return errors.Join(b.deliverPart(ctx, parts[0])...)
	}
	failures := make([][]error, len(parts))
	var wg sync.WaitGroup
	for i, part := range parts {
		wg.Go(func() { failures[i] = b.deliverPart(ctx, part) })
	}
	wg.Wait()
	return errors.Join(slices.Concat(failures...)...)
}

// part is what is to be delivered over one connection.
type part struct {
	connection string
	messages   []Message
}

func partition(deliveries []Delivery) []part {
	var parts []part
	for _, d := range deliveries {
		i := slices.IndexFunc(parts, func(p part) bool { return p.connection == d.Connection })
		if i < 0 {
			i = len(parts)
			parts = append(parts, part{connection: d.Connection, messages: make([]Message, 0, len(deliveries))})
		}
		parts[i].messages = append(parts[i].messages, d.Message)
	}
	return parts
}

func (b *Broadcaster) deliverPart(ctx context.Context, p part) []error {
	connection, d, limits, err := b.find(ctx, p.connection)
	if err != nil {
		return failAll(connection, p.messages, err)
	}
	batch := limits.Batch
	if batch <= 0 {
		batch = len(p.messages)
	}
	var failed []error
	for messages := range slices.Chunk(p.messages, batch) {
		failed = append(failed, b.call(ctx, connection, d, messages)...)
	}
	return failed
}

// call calls the driver once and returns an error for each message that it did
// not accept.
func (b *Broadcaster) call(ctx context.Context, connection string, d Driver, messages []Message) []error {
	start := time.Now()
	err := context.Cause(ctx)
	if err == nil {
		err = b.contain(ctx, "driver panicked", func() error { return d.Broadcast(ctx, messages) })
	}
	took := time.Since(start)
	b.observe(ctx, Observation{Connection: connection, Messages: messages, Duration: took, Err: err})
	b.log(ctx, connection, d, messages, took, err)
	if err == nil {
		return nil
	}
	parts := Undelivered(err)
	if len(parts) == 0 {
		return failAll(connection, messages, err)
	}
	failed := make([]error, len(parts))
	for i, p := range parts {
		failed[i] = &DeliveryError{Connection: connection, Message: p.Message, Err: p.Err}
	}
	return failed
}

func failAll(connection string, messages []Message, err error) []error {
	failed := make([]error, len(messages))
	for i, m := range messages {
		failed[i] = &DeliveryError{Connection: connection, Message: m, Err: err}
	}
	return failed
}

// contain runs foreign code and turns a panic into an error, so that the other
// connections are still served.
func (b *Broadcaster) contain(ctx context.Context, text string, run func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			b.logPanic(ctx, text, v)
			err = Permanent(fmt.Errorf("%w: %v", ErrPanic, v))
		}
	}()
	return run()
}

func (b *Broadcaster) logPanic(ctx context.Context, text string, v any) {
	b.logger.LogAttrs(ctx, slog.LevelError, text, slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
}

// driverName returns the type of the driver inside all middleware.
func driverName(d Driver) string {
	for {
		u, ok := d.(interface{ Unwrap() Driver })
		if !ok {
			return strings.TrimPrefix(fmt.Sprintf("%T", d), "*")
		}
		d = u.Unwrap()
	}
}

func (b *Broadcaster) observe(ctx context.Context, o Observation) {
	for _, observer := range b.observers {
		_ = b.contain(ctx, "observer panicked", func() error {
			observer(ctx, o)
			return nil
		})
	}
}

func (b *Broadcaster) log(ctx context.Context, connection string, d Driver, messages []Message, took time.Duration, err error) {
	level, text := slog.LevelDebug, "event broadcast"
	if err != nil {
		level, text = slog.LevelError, "event not broadcast"
	}
	if !b.logger.Enabled(ctx, level) {
		return
	}
	for _, m := range messages {
		attrs := []slog.Attr{
			slog.String("event", m.Event),
			slog.String("echo", EchoName(m.Event)),
			slog.Any("channels", m.Channels),
			slog.String("connection", connection),
			slog.String("driver", driverName(d)),
			slog.String("id", m.ID),
			slog.Duration("duration", took),
		}
		if err != nil {
			attrs = append(attrs, slog.Any("error", err))
		}
		b.logger.LogAttrs(ctx, level, text, attrs...)
	}
}

// EchoName returns the name that a page passes to Echo's listen for the event:
// the event's name with a leading dot, which keeps Echo from adding its
// namespace.
func EchoName(event string) string { return "." + event }
