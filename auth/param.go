package auth

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
)

// ParamError reports that the text of a parameter does not parse as the
// requested type. A rule that returns it, wrapped or not, refuses with status
// 403.
type ParamError struct {
	// Name is the parameter's name.
	Name string
	// Value is the parameter's text in the channel name.
	Value string
	// Type is the name of the requested Go type.
	Type string
}

// Error returns a text that contains the parameter's name, its value and the
// type.
func (e *ParamError) Error() string {
	return fmt.Sprintf("auth: parameter %q: %q does not parse as %s", e.Name, e.Value, e.Type)
}

// Param returns the value of a parameter as a T. T may be a string, a bool
// (written true, false, 1 or 0), an integer of any size, a type derived from
// one of these, or a type whose pointer implements encoding.TextUnmarshaler,
// such as a UUID. Any other T panics.
//
// An integer must be written exactly as strconv.Itoa writes it. Neither "007"
// nor "+7" parses as 7. Otherwise the channel "orders.7" would have many names,
// and nobody broadcasts on the others.
//
// The error is a [*ParamError]. Return it unchanged from the rule: a value that
// does not parse is a refusal.
func Param[T any](s *Subscription, name string) (T, error) {
	var v T
	text := s.Param(name)
	if !parseParam(&v, text) {
		return *new(T), &ParamError{Name: name, Value: text, Type: reflect.TypeFor[T]().String()}
	}
	return v, nil
}

// parseParam parses text into the value that p points to.
func parseParam(p any, text string) bool {
	if u, ok := p.(encoding.TextUnmarshaler); ok {
		return u.UnmarshalText([]byte(text)) == nil
	}
	switch v := reflect.ValueOf(p).Elem(); v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		v.SetBool(text == "true" || text == "1")
		return text == "true" || text == "1" || text == "false" || text == "0"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return err == nil && strconv.FormatInt(n, 10) == text
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		v.SetUint(n)
		return err == nil && strconv.FormatUint(n, 10) == text
	default:
		panic(fmt.Sprintf("auth: Param cannot read a %v; take a string, bool, integer or encoding.TextUnmarshaler", v.Type()))
	}
	return true
}
