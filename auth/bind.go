package auth

import (
	"context"
	"fmt"
	"reflect"
)

// binding loads what a parameter stands for.
type binding struct {
	load   func(ctx context.Context, raw string) (any, error)
	source string
}

// Bind makes the handler load a value for every parameter of that name, in
// whichever pattern, before the rule is asked: Laravel's Route::bind. The rule
// takes it out with [Bound].
//
// When load returns [ErrNotFound], wrapped or not, a [*ParamError], or a nil
// pointer, the subscription is refused with status 403 and no further rule is
// asked; any other error is a fault, answered with status 500 and logged.
// Loading counts into the rule's time. Nothing is loaded for guests.
//
// Bind panics when the name is bound already.
func Bind[T, U any](h *Handler[U], name string, load func(ctx context.Context, raw string) (T, error)) {
	source := caller()
	if load == nil {
		panic(fmt.Sprintf("auth: binding %q (%s): the function is nil", name, source))
	}
	b := &binding{source: source, load: func(ctx context.Context, raw string) (any, error) {
		v, err := load(ctx, raw)
		if err != nil {
			return nil, err
		}
		if r := reflect.ValueOf(v); r.Kind() == reflect.Pointer && r.IsNil() {
			return nil, ErrNotFound
		}
		return v, nil
	}}
	h.update(func(t *table[U]) {
		if other, ok := t.bindings[name]; ok {
			panic(fmt.Sprintf("auth: %q is bound twice: %s and %s", name, other.source, source))
		}
		t.bindings[name] = b
	})
}

// Bound returns the value that [Bind] loaded for the parameter. It panics, as
// [Subscription.Param] does, when the pattern has no such parameter, nothing
// is bound to it, or the bound value is not a T.
func Bound[T any](s *Subscription, name string) T {
	s.index(name)
	bound, ok := s.bound[name]
	if !ok {
		panic(fmt.Sprintf("auth: nothing is bound to the parameter %q; call auth.Bind first", name))
	}
	v, ok := bound.(T)
	if !ok {
		panic(fmt.Sprintf("auth: the parameter %q is bound to a %T, not to a %v", name, bound, reflect.TypeFor[T]()))
	}
	return v
}
