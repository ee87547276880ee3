package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/onairgo/onair/event/internal/gotype"
)

// Payload returns the event's payload as JSON, encoded by [Encode]. The payload
// is what BroadcastWith returns, or the event itself if it has no such method
// or the method returns nil. Payload returns [ErrNil] for an event that is nil
// or a nil pointer.
func Payload(e Event) (string, error) {
	if gotype.IsNil(e) {
		return "", ErrNil
	}
	var v any = e
	if p, ok := e.(Payloader); ok {
		if with := p.BroadcastWith(); with != nil {
			v = with
		}
	}
	return Encode(v)
}

// Encode returns the JSON encoding of v for use as a payload. It uses
// encoding/json and its struct tags. It returns {} instead of null. Invalid
// UTF-8 becomes U+FFFD, as in encoding/json, and characters such as < are not
// escaped.
func Encode(v any) (string, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		if object, ok := errors.AsType[*ObjectError](err); ok {
			return "", object
		}
		return "", fmt.Errorf("event: payload of type %T: %w", v, withoutValues(err))
	}
	// The encoder does not check a json.RawMessage for valid UTF-8.
	out := strings.ToValidUTF8(strings.TrimSuffix(b.String(), "\n"), "\ufffd")
	if out == "null" {
		return "{}", nil
	}
	return out, nil
}

var errNumber = errors.New("json: a json.Number in it does not hold a number")

// withoutValues returns the encoder's error, or a replacement if it repeats a
// value of the payload. Only the error about a json.Number does.
func withoutValues(err error) error {
	if strings.Contains(err.Error(), "invalid number literal") {
		return errNumber
	}
	return err
}

// ObjectError reports a value that must encode as a JSON object but does not.
type ObjectError struct {
	// Type is the value's Go type.
	Type string
	// Have is what the value encodes as: "array", "string", "number" or
	// "boolean".
	Have string
}

// Error returns a message that names the type and what it encodes as.
func (e *ObjectError) Error() string {
	return fmt.Sprintf("event: %s encodes as a JSON %s where an object is needed; use a struct or a map", e.Type, e.Have)
}

// EncodeObject is like [Encode], but for values that pages expect to be an
// object, such as a stored model or a notification's data. It returns an
// [*ObjectError] if v encodes as anything else.
func EncodeObject(v any) (string, error) {
	out, err := Encode(v)
	if err != nil || out[0] == '{' {
		return out, err
	}
	have := "number"
	switch out[0] {
	case '[':
		have = "array"
	case '"':
		have = "string"
	case 't', 'f':
		have = "boolean"
	}
	return "", &ObjectError{Type: fmt.Sprintf("%T", v), Have: have}
}
