package event

import (
	"fmt"
	"reflect"

	"github.com/onairgo/onair/event/internal/gotype"
)

// MethodError reports a method that has the name of an optional one and would
// be ignored: its signature is another, or it belongs to the pointer while the
// event was passed by value.
type MethodError struct {
	// Type is the event's Go type.
	Type string
	// Method is the method's name.
	Method string
	// Have and Want are the signatures; Have is empty when only the receiver
	// is wrong.
	Have, Want string
}

// Error shows the declaration that would work.
func (e *MethodError) Error() string {
	if e.Have == "" {
		return fmt.Sprintf("event: %s of %s has a pointer receiver and the event was passed by value; declare func (e %s) %s%s, or pass a pointer",
			e.Method, e.Type, e.Type, e.Method, e.Want)
	}
	return fmt.Sprintf("event: %s of %s is func%s and would be ignored; declare func (e %s) %s%s",
		e.Method, e.Type, e.Have, e.Type, e.Method, e.Want)
}

var optional = gotype.NewChecker(
	gotype.Optional{
		Name: "BroadcastWith", Signature: "() any", Want: reflect.TypeFor[Payloader](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("BroadcastWith") },
	},
	gotype.Optional{
		Name: "BroadcastWhen", Signature: "() bool", Want: reflect.TypeFor[Conditional](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("BroadcastWhen") },
	},
	gotype.Optional{
		Name: "BroadcastConnections", Signature: "() []event.Connection", Want: reflect.TypeFor[Router](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("BroadcastConnections") },
	},
	gotype.Optional{
		Name: "ShouldRescue", Signature: "() bool", Want: reflect.TypeFor[Rescuer](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("ShouldRescue") },
	},
	gotype.Optional{
		Name: "ValidateBroadcast", Signature: "() error", Want: reflect.TypeFor[Validator](),
		On: func(t reflect.Type) (reflect.Method, bool) { return t.MethodByName("ValidateBroadcast") },
	},
)

// Check reports why the event cannot be sent whatever its payload: it is nil,
// it has an optional method that would be ignored (a [*MethodError]), or its
// [Validator] says so. A misspelt method cannot be seen here;
// broadcasttest.CheckEvent looks for those.
func Check(e Event) error {
	if gotype.IsNil(e) {
		return ErrNil
	}
	if err := CheckType(reflect.TypeOf(e)); err != nil {
		return err
	}
	if v, ok := e.(Validator); ok {
		return v.ValidateBroadcast()
	}
	return nil
}

// CheckType reports an optional method of the type that would be ignored, as a
// [*MethodError]. It serves packages that make events of other values. The
// answer is kept for each type.
func CheckType(t reflect.Type) error {
	if m := optional.Check(t); m != nil {
		return &MethodError{Type: t.String(), Method: m.Name, Have: m.Have, Want: m.Signature}
	}
	return nil
}
