package auth

import (
	"context"
	"fmt"
	"reflect"
)

// binding loads the value that a parameter stands for.
type binding struct {
	load   func(ctx context.Context, raw string) (any, error)
	source string
}

// Bind makes the handler load a value for every parameter with that name, in
// any pattern, before it calls the rule. It corresponds to Laravel's
// Route::bind. The rule gets the value with [Bound].
//
// If load returns [ErrNotFound] or a [*ParamError], wrapped or not, or a nil
// pointer, the subscription is refused with status 403 and no further rule is
// tried. [Pass] and an error from [Deny] have the same effect as in a rule (see
// [Handler.Private]). Any other error is a fault, which is logged and answered
// with status 500. The time that load takes counts towards the rule's time
// limit. Nothing is loaded for guests.
//
// Bind panics if load is nil or the name is already bound.
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

// Bound returns the value that [Bind] loaded for the named parameter. Like
// [Subscription.Param], it panics if the pattern has no such parameter. It also
// panics if nothing is bound to the parameter or the bound value is not a T.
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
