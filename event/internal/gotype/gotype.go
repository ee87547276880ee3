// Package gotype answers the questions that the event packages have about a Go
// type: its name, which Laravel's conventions build on, and whether it has a
// method that is named like an optional one but would be ignored.
package gotype

import (
	"reflect"
	"strings"
	"sync"
)

// Name returns the type's name without package, pointers and type arguments,
// or "" if it has none.
func Name(t reflect.Type) string {
	for t.Kind() == reflect.Pointer && t.Name() == "" {
		t = t.Elem()
	}
	name, _, _ := strings.Cut(t.Name(), "[")
	return name
}

// IsNil reports whether v is nil or a nil pointer. The methods of such a value
// must not be called.
func IsNil(v any) bool {
	if v == nil {
		return true
	}
	r := reflect.ValueOf(v)
	return r.Kind() == reflect.Pointer && r.IsNil()
}

// Optional is an optional method.
type Optional struct {
	// Name and Signature are the method's, as its declaration states them.
	Name, Signature string
	// Want is the interface that has the method.
	Want reflect.Type
	// On looks up the method on a type. It must call MethodByName with a
	// constant name: if the name is not a constant, the linker keeps every
	// exported method of the program.
	On func(reflect.Type) (reflect.Method, bool)
}

// Ignored is an optional method that a type has in a form that would never be
// called.
type Ignored struct {
	Optional
	// Have is the method's actual signature, or empty if only the receiver is
	// wrong.
	Have string
}

// Checker looks for ignored methods. It caches the result for each type and is
// safe for concurrent use.
type Checker struct {
	methods []Optional
	known   sync.Map // from reflect.Type to *Ignored, which may be nil
}

// NewChecker returns a Checker for the methods.
func NewChecker(methods ...Optional) *Checker { return &Checker{methods: methods} }

// Check returns the first of the methods that the type has in a form that would
// be ignored, or nil if there is none.
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

// signature formats a method's type without its receiver.
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
