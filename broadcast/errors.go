package broadcast

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Conditions that callers test for with [errors.Is].
var (
	// ErrClosed is the error of calls made after [Broadcaster.Shutdown].
	ErrClosed = errors.New("broadcast: broadcaster is shut down")
	// ErrTooLarge is matched by every [*PayloadError].
	ErrTooLarge = errors.New("broadcast: payload too large")
	// ErrPermanent marks a delivery that would fail again in the same way. A
	// driver marks its error with [Permanent].
	ErrPermanent = errors.New("broadcast: permanent failure")
	// ErrUnknownConnection means that there is no driver for a connection.
	ErrUnknownConnection = errors.New("broadcast: unknown connection")
	// ErrNoEncryptionKey means that an event on an encrypted channel was to be
	// sent over a connection whose driver has no key to encrypt the data with.
	ErrNoEncryptionKey = errors.New("broadcast: no encryption key")
	// ErrPanic means that a driver, a resolver or the function of
	// [WithConnectionName] panicked. The stack is in the log. Panics in an event's
	// own methods are not recovered.
	ErrPanic = errors.New("broadcast: panic")
)

var errNoPing = fmt.Errorf("broadcast: driver cannot be pinged: %w", errors.ErrUnsupported)

// DeliveryError reports one message that was not delivered. Pass the result of
// its Delivery method to [Broadcaster.Deliver] to send the message again; this
// repeats nothing that was delivered.
type DeliveryError struct {
	// Connection is the name of the connection. Drivers leave it empty, and the
	// broadcaster fills it in.
	Connection string
	// Message is the message that was not delivered.
	Message Message
	// Err is the cause.
	Err error
}

// Error returns a text that contains the event's name, up to three channels,
// the connection and the cause, but not the payload.
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
		name := strconv.Quote(c.String()) // nobody may have checked the message, so it may contain a line break
		channels.WriteString(name[1 : len(name)-1])
	}
	if e.Connection != "" {
		fmt.Fprintf(&channels, " via %q", e.Connection)
	}
	return fmt.Sprintf("broadcast: event %q on %s: %v", e.Message.Event, channels.String(), e.Err)
}

// GoString returns the same text as Error, so that %#v does not print the
// payload.
func (e *DeliveryError) GoString() string { return e.Error() }

// Unwrap returns the cause.
func (e *DeliveryError) Unwrap() error { return e.Err }

// Delivery returns the message in the form that [Broadcaster.Deliver] takes.
func (e *DeliveryError) Delivery() Delivery {
	return Delivery{ID: e.Message.ID, Connection: e.Connection, Message: e.Message}
}

// Undelivered returns the DeliveryErrors in err, in order. Each stands for a
// message that was not delivered.
func Undelivered(err error) (found []*DeliveryError) {
	if e, ok := err.(*DeliveryError); ok {
		return []*DeliveryError{e}
	}
	for _, inner := range wrapped(err) {
		found = append(found, Undelivered(inner)...)
	}
	return found
}

// wrapped returns the errors directly inside an error. Some may be nil.
func wrapped(err error) []error {
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return []error{e.Unwrap()}
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	}
	return nil
}

// PayloadError reports a payload that exceeds the limit of a connection.
// errors.Is(err, ErrTooLarge) and errors.Is(err, ErrPermanent) are true for it.
type PayloadError struct {
	// Event is the event's name.
	Event string
	// Connection is the name of the connection. It is empty if a driver was called
	// directly.
	Connection string
	// Size and Limit are in bytes. For an encrypted channel, Size is the size of
	// the encrypted form.
	Size, Limit int
	// Largest lists the largest top-level fields of the payload, at most three, in
	// descending order of size.
	Largest []FieldSize
}

// FieldSize is the size in bytes of a payload field's value as JSON.
type FieldSize struct {
	Field string
	Size  int
}

// Error returns a text that contains the event's name, the size, the limit and
// the largest fields.
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

// cut shortens a text that may be long and is only shown.
func cut(s string) string {
	if len(s) <= 40 {
		return s
	}
	return strings.ToValidUTF8(s[:40], "") + "…"
}

// Is reports whether target is [ErrTooLarge] or [ErrPermanent].
func (e *PayloadError) Is(target error) bool { return target == ErrTooLarge || target == ErrPermanent }

// Permanent returns err marked with [ErrPermanent]; its text stays the same. If
// err is nil, Permanent returns nil.
func Permanent(err error) error {
	if err == nil {
		return nil
	}
	return &permanentError{err}
}

type permanentError struct{ error }

func (e *permanentError) Unwrap() error        { return e.error }
func (e *permanentError) Is(target error) bool { return target == ErrPermanent }

// RetryAfter returns how long the service asked the caller to wait before
// trying again. It looks for errors in err's tree that have a RetryAfter method
// without parameters that returns a time.Duration, and takes the longest wait.
// If there is none, ok is false.
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
