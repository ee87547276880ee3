package auth

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

// Pass is what a rule returns as its error to leave the decision to the next
// rule whose pattern matches. When every rule passes, the subscription is
// refused.
var Pass error = pass{}

type pass struct{}

func (pass) Error() string { return "auth: pass to the next rule" }

var (
	// ErrNotFound is what a binding or a rule returns, wrapped or not, to refuse
	// with status 403, as a missing row does in Laravel. No further rule is
	// asked.
	ErrNotFound = errors.New("auth: not found")

	// ErrTimeout is wrapped by the error about a rule that took too long, and
	// about one that was not started because too many such rules still run. It
	// is answered with status 503.
	ErrTimeout = errors.New("auth: rule took too long")

	// ErrInvalidMember is wrapped by the refusal of a presence subscription
	// whose [Member] cannot be sent: no id, an id or info that is too large,
	// info that does not encode as JSON. It is answered with status 403 and
	// logged as an error, since the rule is at fault.
	ErrInvalidMember = errors.New("auth: invalid member")

	// ErrInvalidUser is to [UserData] what ErrInvalidMember is to [Member].
	ErrInvalidUser = errors.New("auth: invalid user")
)

// DenyError is a refusal: the client asked for what it may not have or cannot
// have. Rules make one with [Deny].
type DenyError struct {
	// Status is the HTTP status of the answer, 400 to 499.
	Status int
	// Message is sent to the client.
	Message string
	// Reason tells the developer what the Message keeps quiet about. It is
	// logged (see [WithLogger]), and sent only in development mode; rules need
	// not set it.
	Reason string

	cause error
}

// Deny returns the error by which a rule refuses with a status and a message
// of its own. Clients see the message. It panics when the status is not
// between 400 and 499: a refusal is the client's affair, and any other error
// that a rule returns is a fault of the program.
func Deny(status int, message string) error {
	if status < 400 || status > 499 {
		panic(fmt.Sprintf("auth: Deny with status %d; a refusal has a status from 400 to 499", status))
	}
	return &DenyError{Status: status, Message: message}
}

// Error returns status, message and reason.
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

// asDeny finds the refusal in an error. One that an application built with a
// status that is none does not count.
func asDeny(err error) (*DenyError, bool) {
	deny, ok := errors.AsType[*DenyError](err)
	return deny, ok && deny.Status >= 400 && deny.Status <= 499
}

// forbid is the refusal of all that is well-formed. Whatever the reason, the
// client sees the same bytes, so that nobody can find out which channels exist.
func forbid(reason string, cause error) *DenyError {
	return &DenyError{Status: http.StatusForbidden, Message: "forbidden", Reason: reason, cause: cause}
}

// malformed is the refusal of what no correct client sends.
func malformed(message string) *DenyError {
	return &DenyError{Status: http.StatusBadRequest, Message: message}
}

// panicError is a panic of the application's code.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// recovered, deferred, turns a panic of the application's code into an error.
func recovered(err *error) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler: // the caller wants the connection cut
		panic(v)
	default:
		*err = &panicError{value: v, stack: debug.Stack()}
	}
}
