// Package gotype holds what the event packages ask of a Go type: the name that
// Laravel's conventions build on, and whether a method that has the name of an
// optional one would be ignored.
package gotype

import (
	"reflect"
	"strings"
	"sync"
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

// Optional is an optional method.
type Optional struct {
	// Name and Signature are what its declaration would say.
	Name, Signature string
	// Want is the interface that asks for it.
	Want reflect.Type
	// On looks the method up on a type. It calls MethodByName with the name as a
	// constant: a name that the linker cannot see would make it keep every
	// method of the program.
	On func(reflect.Type) (reflect.Method, bool)
}

// Ignored is an optional method that a type has and that nobody would call.
type Ignored struct {
	Optional
	// Have is the signature it has; empty when only the receiver is wrong.
	Have string
}

// Checker looks for ignored methods and keeps the answer for each type. It is
// safe for concurrent use.
type Checker struct {
	methods []Optional
	known   sync.Map // reflect.Type to *Ignored, which may be nil
}

// NewChecker returns a Checker for the methods.
func NewChecker(methods ...Optional) *Checker { return &Checker{methods: methods} }

// Check returns the first of the methods that the type has in another form, or
// nil.
func (c *Checker) Check(t reflect.Type) *Ignored {
	known, ok := c.known.Load(t)
	if !ok {
		known, _ = c.known.LoadOrStore(t, c.check(t))
	}
	return known.(*Ignored)
}

func (c *Checker) check(t reflect.Type) *Ignored {
	for _, m := range c.methods {
		if t.Implements(m.Want) {
			continue
		}
		if have, ok := m.On(t); ok {
			return &Ignored{m, signature(have.Type)}
		}
		if _, ok := m.On(reflect.PointerTo(t)); ok {
			return &Ignored{Optional: m}
		}
	}
	return nil
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
