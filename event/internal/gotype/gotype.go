// Package gotype holds what the event packages ask of a Go type: the name that
// Laravel's conventions build on, and whether a method that has the name of an
// optional one would be ignored.
package gotype

import (
	"reflect"
	"strings"
)

// Name returns the type's name without package, pointers and type arguments,
// or "" for a type that has none.
func Name(t reflect.Type) string {
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}

// IsNil reports whether v is nil or a nil pointer, whose methods must not be
// called.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// Method is what was found of an optional method on a type.
type Method struct {
	// OnValue is the method of the type itself, and HasValue whether it exists.
	OnValue  reflect.Method
	HasValue bool
	// HasPointer reports whether a pointer to the type has the method.
	HasPointer bool
}

// Ignored reports whether t has the method but is no want, the interface that
// asks for it. have is the signature it has; empty when only the receiver is
// wrong.
//
// The caller looks the method up, with its name spelt as a constant: a name
// that the linker cannot see would make it keep every method of the program.
func (m Method) Ignored(t, want reflect.Type) (have string, ignored bool) {
	if t.Implements(want) || !m.HasValue && !m.HasPointer {
		return "", false
	}
	if !m.HasValue {
		return "", true
	}
	return signature(m.OnValue.Type), true
}

// signature prints a method's type without its receiver.
func signature(f reflect.Type) string {
	var in, out []string
	for i := 1; i < f.NumIn(); i++ {
		in = append(in, f.In(i).String())
	}
	for i := range f.NumOut() {
		out = append(out, f.Out(i).String())
	}
	s := "(" + strings.Join(in, ", ") + ")"
	switch len(out) {
	case 0:
		return s
	case 1:
		return s + " " + out[0]
	}
	return s + " (" + strings.Join(out, ", ") + ")"
}
