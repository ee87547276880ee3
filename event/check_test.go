package event_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

type (
	wrongWith          struct{ on }
	wrongWhen          struct{ on }
	wrongConnections   struct{ on }
	wrongRescue        struct{ on }
	wrongValidate      struct{ on }
	pointerWith        struct{ on }
	pointerWhen        struct{ on }
	pointerRouter      struct{ on }
	pointerRescue      struct{ on }
	pointerValidate    struct{ on }
	noResult           struct{ on }
	manyArguments      struct{ on }
	genericWith[T any] struct{ on }
	embedsWrong        struct{ wrongWith }
	right              struct {
		on
		err error
	}
)

func (wrongWith) BroadcastWith() map[string]any                    { return nil }
func (wrongWhen) BroadcastWhen() (bool, error)                     { return true, nil }
func (wrongConnections) BroadcastConnections() []string            { return nil }
func (wrongRescue) ShouldRescue(error) bool                        { return true }
func (wrongValidate) ValidateBroadcast() bool                      { return true }
func (*pointerWith) BroadcastWith() any                            { return nil }
func (*pointerWhen) BroadcastWhen() bool                           { return true }
func (*pointerRouter) BroadcastConnections() []event.Connection    { return nil }
func (*pointerRescue) ShouldRescue() bool                          { return true }
func (*pointerValidate) ValidateBroadcast() error                  { return nil }
func (noResult) BroadcastWhen()                                    {}
func (manyArguments) BroadcastWith(string, ...channel.Channel) any { return nil }
func (genericWith[T]) BroadcastWith() T                            { var zero T; return zero }
func (right) BroadcastWith() any                                   { return nil }
func (right) BroadcastWhen() bool                                  { return true }
func (right) BroadcastConnections() []event.Connection             { return nil }
func (right) ShouldRescue() bool                                   { return true }
func (r right) ValidateBroadcast() error                           { return r.err }

// signatures are those that the optional methods must have.
var signatures = map[string]string{
	"BroadcastWith": "() any", "BroadcastWhen": "() bool", "BroadcastConnections": "() []event.Connection",
	"ShouldRescue": "() bool", "ValidateBroadcast": "() error",
}

func TestCheckRefusesWhatWouldBeIgnored(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		e            event.Event
		method, have string // have is empty when only the receiver is wrong
		text         string
	}{
		{
			e: wrongWith{}, method: "BroadcastWith", have: "() map[string]interface {}",
			text: "event: BroadcastWith of event_test.wrongWith is func() map[string]interface {} and would be ignored; declare func (e event_test.wrongWith) BroadcastWith() any",
		},
		{e: wrongWhen{}, method: "BroadcastWhen", have: "() (bool, error)", text: "BroadcastWhen() bool"},
		{e: wrongConnections{}, method: "BroadcastConnections", have: "() []string", text: "BroadcastConnections() []event.Connection"},
		{e: wrongRescue{}, method: "ShouldRescue", have: "(error) bool", text: "ShouldRescue() bool"},
		{e: wrongValidate{}, method: "ValidateBroadcast", have: "() bool", text: "ValidateBroadcast() error"},
		{e: noResult{}, method: "BroadcastWhen", have: "()", text: "is func() and would be ignored"},
		{e: manyArguments{}, method: "BroadcastWith", have: "(string, []channel.Channel) interface {}", text: "BroadcastWith() any"},
		{e: genericWith[int]{}, method: "BroadcastWith", have: "() int", text: "event_test.genericWith[int]"},
		{e: embedsWrong{}, method: "BroadcastWith", have: "() map[string]interface {}", text: "event_test.embedsWrong"},
		{e: &wrongWith{}, method: "BroadcastWith", have: "() map[string]interface {}", text: "func (e *event_test.wrongWith)"},
		{
			e: pointerWith{}, method: "BroadcastWith",
			text: "event: BroadcastWith of event_test.pointerWith has a pointer receiver and the event was passed by value; declare func (e event_test.pointerWith) BroadcastWith() any, or pass a pointer",
		},
		{e: pointerWhen{}, method: "BroadcastWhen", text: "has a pointer receiver"},
		{e: pointerRouter{}, method: "BroadcastConnections", text: "has a pointer receiver"},
		{e: pointerRescue{}, method: "ShouldRescue", text: "has a pointer receiver"},
		{e: pointerValidate{}, method: "ValidateBroadcast", text: "has a pointer receiver"},
	} {
		t.Run(reflect.TypeOf(test.e).String(), func(t *testing.T) {
			t.Parallel()
			for range 2 { // the second answer comes from what is kept for the type
				err := event.Check(test.e)
				wrong, ok := errors.AsType[*event.MethodError](err)
				require.True(t, ok, "%v", err)
				require.Equal(t, test.method, wrong.Method)
				require.Equal(t, test.have, wrong.Have)
				require.ErrorContains(t, err, test.text)
				require.Equal(t, signatures[test.method], wrong.Want)
			}
		})
	}
}

func TestCheckPasses(t *testing.T) {
	t.Parallel()
	for _, e := range []event.Event{
		OrderShipped{},
		right{},
		&right{}, &pointerWith{}, &pointerWhen{}, &pointerRouter{}, &pointerRescue{}, &pointerValidate{},
		genericWith[any]{},
		event.Of("", nil), number(1),
	} {
		require.NoError(t, event.Check(e), "%T", e)
	}
}

func TestCheckAsksTheEvent(t *testing.T) {
	t.Parallel()
	refused := errors.New("orders: no id")
	require.Equal(t, refused, event.Check(right{err: refused}))
	require.ErrorIs(t, event.Check(nil), event.ErrNil)
	require.ErrorIs(t, event.Check((*OrderShipped)(nil)), event.ErrNil)
}
