package event

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/onairgo/onair/event/internal/gotype"
)

// Payload returns the event's data as JSON: what BroadcastWith returns, or
// when it has no such method or that returns nil, the event itself. It is
// encoded by [Encode].
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

// Encode returns v as the JSON of a payload, by encoding/json and its tags. A
// payload that would be null is {}. Bytes that are not UTF-8 become U+FFFD, as
// encoding/json has it; characters such as < are not escaped.
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
	// A json.RawMessage goes through the encoder unchecked.
	out := strings.ToValidUTF8(strings.TrimSuffix(b.String(), "\n"), "\ufffd")
	if out == "null" {
		return "{}", nil
	}
	return out, nil
}

var errNumber = errors.New("json: a json.Number in it does not hold a number")

// withoutValues returns the error of the encoder unless it repeats a value of
// the payload, which only the one about a json.Number does.
func withoutValues(err error) error {
	if strings.Contains(err.Error(), "invalid number literal") {
		return errNumber
	}
	return err
}

// ObjectError reports a value that must encode as a JSON object and does not.
type ObjectError struct {
	// Type is the value's Go type.
	Type string
	// Have is what it encodes as: "array", "string", "number" or "boolean".
	Have string
}

// Error names the type and what it encodes as.
func (e *ObjectError) Error() string {
	return fmt.Sprintf("event: %s encodes as a JSON %s where an object is needed; use a struct or a map", e.Type, e.Have)
}

// EncodeObject is [Encode] for what pages expect to be an object, such as a
// stored model or a notification's data. The error of anything else is an
// [*ObjectError].
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
