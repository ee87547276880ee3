package event

import (
	"fmt"
	"reflect"

	"github.com/onairgo/onair/event/internal/gotype"
)

// MethodError reports a method that has the name of an optional one but would
// be ignored. Either its signature differs, or it has a pointer receiver and
// the event was passed by value.
type MethodError struct {
	// Type is the event's Go type.
	Type string
	// Method is the method's name.
	Method string
	// Have and Want are the actual and the expected signature. Have is empty if
	// only the receiver is wrong.
	Have, Want string
}

// Error returns a message that shows the declaration that would work.
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

// Check reports whether the event can be sent, regardless of its payload. It
// returns [ErrNil] for an event that is nil or a nil pointer, a [*MethodError]
// for an optional method that would be ignored, or the error of the event's
// [Validator]. It cannot detect a misspelt method name, which
// broadcasttest.CheckEvent looks for.
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

// CheckType returns a [*MethodError] if the type has an optional method that
// would be ignored. It is meant for packages that turn other values into
// events. The result for each type is cached.
func CheckType(t reflect.Type) error {
	if m := optional.Check(t); m != nil {
		return &MethodError{Type: t.String(), Method: m.Name, Have: m.Have, Want: m.Signature}
	}
	return nil
}
