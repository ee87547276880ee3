package auth

import (
	"encoding"
	"fmt"
	"reflect"
	"strconv"
)

// ParamError reports a parameter whose text is not a value of the wanted type.
// A rule that returns it, wrapped or not, refuses with status 403.
type ParamError struct {
	// Name is the parameter's name.
	Name string
	// Value is the text in its place.
	Value string
	// Type is the name of the wanted Go type.
	Type string
}

// Error names the parameter, its text and the type.
func (e *ParamError) Error() string {
	return fmt.Sprintf("auth: parameter %q: %q does not parse as %s", e.Name, e.Value, e.Type)
}

// Param returns a parameter as a T: a string, a bool (true, false, 1 or 0), an
// integer of any size, a type made of one of these, or a type whose pointer is
// an encoding.TextUnmarshaler, such as a UUID. Any other T panics.
//
// An integer must be written the one way that strconv.Itoa writes it. Neither
// "007" nor "+7" is 7, or "orders.7" would have many names, and nobody
// broadcasts on the others.
//
// The error is a [*ParamError]. Return it as it is: a value that does not
// parse denies.
func Param[T any](s *Subscription, name string) (T, error) {
	var v T
	text := s.Param(name)
	if !parseParam(&v, text) {
		return *new(T), &ParamError{Name: name, Value: text, Type: reflect.TypeFor[T]().String()}
	}
	return v, nil
}

// parseParam reads text into the value that p points to.
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
