package broadcast

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Conditions that callers ask for with [errors.Is].
var (
	// ErrClosed is returned after [Broadcaster.Shutdown].
	ErrClosed = errors.New("broadcast: broadcaster is shut down")
	// ErrTooLarge is the condition of a [*PayloadError].
	ErrTooLarge = errors.New("broadcast: payload too large")
	// ErrPermanent is the condition of a delivery that would fail again the
	// same way. Wrap it in a driver's error with [Permanent].
	ErrPermanent = errors.New("broadcast: permanent failure")
	// ErrUnknownConnection is the condition of a connection that has no
	// driver.
	ErrUnknownConnection = errors.New("broadcast: unknown connection")
	// ErrNoEncryptionKey is the condition of an encrypted channel on a
	// connection whose driver has no key to seal the data with.
	ErrNoEncryptionKey = errors.New("broadcast: no encryption key")
	// ErrPanic is the condition of a driver or a resolver that panicked; the
	// log has the stack. A panic of the event's own methods is not caught.
	ErrPanic = errors.New("broadcast: panic")
)

var errNoPing = fmt.Errorf("broadcast: driver cannot be pinged: %w", errors.ErrUnsupported)

// DeliveryError is one message that was not delivered. Sending it again, with
// [Broadcaster.Deliver] of its Delivery, repeats nothing that succeeded.
type DeliveryError struct {
	// Connection is the name of the connection. Drivers leave it empty; the
	// broadcaster fills it in.
	Connection string
	// Message is what was not delivered.
	Message Message
	// Err is the cause.
	Err error
}

// Error names the event, the connection and the first channels; the payload
// never.
func (e *DeliveryError) Error() string {
	var channels strings.Builder
	for i, c := range e.Message.Channels {
		if i == 3 {
			fmt.Fprintf(&channels, " and %d more", len(e.Message.Channels)-i)
			break
		}
		if i > 0 {
			channels.WriteString(", ")
		}
		name := strconv.Quote(c.String()) // of a message that nobody checked, with a line break perhaps
		channels.WriteString(name[1 : len(name)-1])
	}
	if e.Connection != "" {
		fmt.Fprintf(&channels, " via %q", e.Connection)
	}
	return fmt.Sprintf("broadcast: event %q on %s: %v", e.Message.Event, channels.String(), e.Err)
}

// GoString returns what Error returns, and so no payload either.
func (e *DeliveryError) GoString() string { return e.Error() }

// Unwrap returns the cause.
func (e *DeliveryError) Unwrap() error { return e.Err }

// Delivery returns what was not delivered in the form that
// [Broadcaster.Deliver] takes.
func (e *DeliveryError) Delivery() Delivery {
	return Delivery{ID: e.Message.ID, Connection: e.Connection, Message: e.Message}
}

// Undelivered returns the messages that err says were not delivered, in the
// order of the error.
func Undelivered(err error) (found []*DeliveryError) {
	if e, ok := err.(*DeliveryError); ok {
		return []*DeliveryError{e}
	}
	for _, inner := range wrapped(err) {
		found = append(found, Undelivered(inner)...)
	}
	return found
}

// wrapped returns what is directly inside an error; nil may be among it.
func wrapped(err error) []error {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	}
	return nil
}

// PayloadError reports a payload over a connection's limit.
// errors.Is(err, ErrTooLarge) holds, and ErrPermanent too.
type PayloadError struct {
	// Event is the event's name.
	Event string
	// Connection is the name of the connection; empty where a driver was called
	// directly.
	Connection string
	// Size and Limit are bytes. For an encrypted channel Size is that of the
	// sealed form.
	Size, Limit int
	// Largest are the largest top-level fields of the payload, the largest
	// first, at most three.
	Largest []FieldSize
}

// FieldSize is a field of a payload with its size in bytes of JSON.
type FieldSize struct {
	Field string
	Size  int
}

// Error names the event, both sizes and the largest fields.
func (e *PayloadError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "broadcast: payload too large: event %q has %d bytes, ", e.Event, e.Size)
	if e.Connection != "" {
		fmt.Fprintf(&b, "connection %q takes %d", e.Connection, e.Limit)
	} else {
		fmt.Fprintf(&b, "the limit is %d", e.Limit)
	}
	for i, f := range e.Largest {
		if i == 0 {
			b.WriteString("; largest fields:")
		} else {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, " %q %d", cut(f.Field), f.Size)
	}
	b.WriteString("; send an id and let the page fetch the rest")
	return b.String()
}

// cut shortens what may be long and is only shown.
func cut(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}

// Is reports whether target is [ErrTooLarge] or [ErrPermanent].
func (e *PayloadError) Is(target error) bool { return target == ErrTooLarge || target == ErrPermanent }

// Permanent returns err marked with [ErrPermanent]; the text stays the same.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ error }

func (e *permanentError) Unwrap() error        { return e.error }
func (e *permanentError) Is(target error) bool { return target == ErrPermanent }

// RetryAfter returns how long the service asked to wait before the next try:
// the longest wait where err joins several. It looks for errors in the tree
// with the method RetryAfter() time.Duration.
func RetryAfter(err error) (wait time.Duration, ok bool) {
	if e, is := err.(interface{ RetryAfter() time.Duration }); is {
		wait = max(0, e.RetryAfter())
	}
	for _, inner := range wrapped(err) {
		asked, _ := RetryAfter(inner)
		wait = max(wait, asked)
	}
	return wait, wait > 0
}
