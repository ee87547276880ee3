package event

import (
	"fmt"
	"reflect"
	"sync"
)

// MethodError reports a method that has the name of an optional one and would
// be ignored: its signature is another, or it belongs to the pointer while the
// event was passed by value.
type MethodError struct {
	// Type is the event's Go type.
	Type string
	// Method is the method's name.
	Method string
	// Have and Want are the signatures.
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

// Check reports an optional method that would be ignored, as a [*MethodError].
// The answer is kept for each type. A misspelt name cannot be seen here;
// broadcasttest.CheckEvent looks for those.
func Check(e Event) error {
	if isNil(e) {
		return ErrNil
	}
	t := reflect.TypeOf(e)
	if known, ok := checked.Load(t); ok {
		err, _ := known.(error)
		return err
	}
	err := checkType(t)
	checked.Store(t, err)
	return err
}

// checkType spells each method's name as a constant, so that the linker can
// still drop the methods a program does not use.
func checkType(t reflect.Type) error {
	p := reflect.PointerTo(t)
	m, byValue := t.MethodByName("BroadcastWith")
	_, byPointer := p.MethodByName("BroadcastWith")
	if err := checkMethod[Payloader](t, m, byValue, byPointer, "BroadcastWith", "() any"); err != nil {
		return err
	}
	m, byValue = t.MethodByName("BroadcastWhen")
	_, byPointer = p.MethodByName("BroadcastWhen")
	if err := checkMethod[Conditional](t, m, byValue, byPointer, "BroadcastWhen", "() bool"); err != nil {
		return err
	}
	m, byValue = t.MethodByName("BroadcastConnections")
	_, byPointer = p.MethodByName("BroadcastConnections")
	if err := checkMethod[Router](t, m, byValue, byPointer, "BroadcastConnections", "() []event.Connection"); err != nil {
		return err
	}
	m, byValue = t.MethodByName("ShouldRescue")
	_, byPointer = p.MethodByName("ShouldRescue")
	return checkMethod[Rescuer](t, m, byValue, byPointer, "ShouldRescue", "() bool")
}

func checkMethod[I any](t reflect.Type, m reflect.Method, byValue, byPointer bool, name, want string) error {
	if t.Implements(reflect.TypeFor[I]()) || !byValue && !byPointer {
		return nil
	}
	err := &MethodError{Type: t.String(), Method: name, Want: want, PointerReceiver: !byValue}
	if byValue {
		err.Have = signature(m.Type)
	}
	return err
}

// signature prints a method's type without its receiver.
func signature(f reflect.Type) string {
	s := "("
	for i := 1; i < f.NumIn(); i++ {
		if i > 1 {
			s += ", "
		}
		s += f.In(i).String()
	}
	s += ")"
	switch f.NumOut() {
	case 0:
		return s
	case 1:
		return s + " " + f.Out(0).String()
	}
	s += " ("
	for i := range f.NumOut() {
		if i > 0 {
			s += ", "
		}
		s += f.Out(i).String()
	}
	return s + ")"
}
