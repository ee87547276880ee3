package auth

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

// Pass is the error that a rule returns to leave the decision to the next rule
// whose pattern matches. If every rule passes, the subscription is refused.
var Pass error = pass{}

type pass struct{}

func (pass) Error() string { return "auth: pass to the next rule" }

var (
	// ErrNotFound is returned by a binding or a rule, wrapped or not, to refuse
	// with status 403, as a missing row does in Laravel. No further rule is tried.
	ErrNotFound = errors.New("auth: not found")

	// ErrTimeout is wrapped by the error for a rule that took too long, and for
	// one that was not started because too many such rules are still running. The
	// response has status 503.
	ErrTimeout = errors.New("auth: rule took too long")

	// ErrInvalidMember is wrapped by the refusal of a presence subscription whose
	// [Member] cannot be sent: its ID is empty, too long or not valid UTF-8, or
	// its Info does not encode as JSON or makes it too large. The response has
	// status 403. It is logged at level error, since the rule is at fault.
	ErrInvalidMember = errors.New("auth: invalid member")

	// ErrInvalidUser is the counterpart of ErrInvalidMember for [UserData].
	ErrInvalidUser = errors.New("auth: invalid user")
)

// DenyError is a refusal: the client asked for something that it may not have
// or that cannot be given. Rules make one with [Deny].
type DenyError struct {
	// Status is the HTTP status of the response, from 400 to 499.
	Status int
	// Message is sent to the client.
	Message string
	// Reason tells the developer what Message does not disclose. It is logged (see
	// [WithLogger]) and sent to the client only in development mode. Rules need
	// not set it.
	Reason string

	cause error
}

// Deny returns an error with which a rule refuses with its own status and
// message. The client sees the message. Deny panics unless the status is
// between 400 and 499, because only those statuses say that the request is at
// fault.
func Deny(status int, message string) error {
	if status < 400 || status > 499 {
		panic(fmt.Sprintf("auth: Deny with status %d; a refusal has a status from 400 to 499", status))
	}
	return &DenyError{Status: status, Message: message}
}

// Error returns the status, message and reason as text.
func (e *DenyError) Error() string {
	text := fmt.Sprintf("auth: refused with status %d", e.Status)
	if e.Message != "" {
		text += ": " + e.Message
	}
	if e.Reason != "" {
		text += ": " + e.Reason
	}
	return text
}

// Unwrap returns the cause, such as a [*ParamError], or nil.
func (e *DenyError) Unwrap() error { return e.cause }

// asDeny finds the refusal in an error. A DenyError with a status outside 400
// to 499, which an application may have built itself, does not count.
func asDeny(err error) (*DenyError, bool) {
	deny, ok := errors.AsType[*DenyError](err)
	return deny, ok && deny.Status >= 400 && deny.Status <= 499
}

// forbid returns the refusal of a well-formed request. Whatever the reason, the
// client sees the same bytes, so that nobody can find out which channels exist.
func forbid(reason string, cause error) *DenyError {
	return &DenyError{Status: http.StatusForbidden, Message: "forbidden", Reason: reason, cause: cause}
}

// malformed returns the refusal of a request that no correct client sends.
func malformed(message string) *DenyError {
	return &DenyError{Status: http.StatusBadRequest, Message: message}
}

// panicError is a panic in the application's code.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// recovered, when deferred, turns a panic in the application's code into an
// error.
func recovered(err *error) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler: // the application wants the connection aborted
		panic(v)
	default:
		*err = &panicError{value: v, stack: debug.Stack()}
	}
}
