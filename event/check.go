package event

import (
	"fmt"
	"reflect"
	"sync"

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
	// PointerReceiver reports that only the receiver is wrong.
	PointerReceiver bool
}

// Error shows the declaration that would work.
func (e *MethodError) Error() string {
	if e.PointerReceiver {
		return fmt.Sprintf("event: %s of %s has a pointer receiver and the event was passed by value; declare func (e %s) %s%s, or pass a pointer",
			e.Method, e.Type, e.Type, e.Method, e.Want)
	}
	return fmt.Sprintf("event: %s of %s is func%s and would be ignored; declare func (e %s) %s%s",
		e.Method, e.Type, e.Have, e.Type, e.Method, e.Want)
}

var checked sync.Map // reflect.Type to error or nil

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
	known, ok := checked.Load(t)
	if !ok {
		known, _ = checked.LoadOrStore(t, checkMethods(t))
	}
	err, _ := known.(error)
	return err
}

// checkMethods spells each method's name as a constant, so that the linker can
// still drop the methods a program does not use.
func checkMethods(t reflect.Type) error {
	p := reflect.PointerTo(t)
	var m gotype.Method
	m.OnValue, m.HasValue = t.MethodByName("BroadcastWith")
	_, m.HasPointer = p.MethodByName("BroadcastWith")
	if err := checkMethod[Payloader](t, m, "BroadcastWith", "() any"); err != nil {
		return err
	}
	m.OnValue, m.HasValue = t.MethodByName("BroadcastWhen")
	_, m.HasPointer = p.MethodByName("BroadcastWhen")
	if err := checkMethod[Conditional](t, m, "BroadcastWhen", "() bool"); err != nil {
		return err
	}
	m.OnValue, m.HasValue = t.MethodByName("BroadcastConnections")
	_, m.HasPointer = p.MethodByName("BroadcastConnections")
	if err := checkMethod[Router](t, m, "BroadcastConnections", "() []event.Connection"); err != nil {
		return err
	}
	m.OnValue, m.HasValue = t.MethodByName("ShouldRescue")
	_, m.HasPointer = p.MethodByName("ShouldRescue")
	if err := checkMethod[Rescuer](t, m, "ShouldRescue", "() bool"); err != nil {
		return err
	}
	m.OnValue, m.HasValue = t.MethodByName("ValidateBroadcast")
	_, m.HasPointer = p.MethodByName("ValidateBroadcast")
	return checkMethod[Validator](t, m, "ValidateBroadcast", "() error")
}

func checkMethod[I any](t reflect.Type, m gotype.Method, name, want string) error {
	have, ignored := m.Ignored(t, reflect.TypeFor[I]())
	if !ignored {
		return nil
	}
	return &MethodError{Type: t.String(), Method: name, Have: have, Want: want, PointerReceiver: !m.HasValue}
}
