package event_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// on is what the events below have in common.
type on struct{}

func (on) BroadcastOn() []channel.Channel { return []channel.Channel{channel.Public("c")} }
func (on) BroadcastAs() string            { return "" }

// named is an event with a name and a payload of the test's choice.
type named struct {
	on
	name string
}

func (n named) BroadcastAs() string { return n.name }

type (
	OrderShipped   struct{ on }
	Generic[T any] struct {
		on
		Value T
	}
	Pair[K comparable, V any] struct{ on }
	number                    int
)

func (number) BroadcastOn() []channel.Channel { return nil }
func (number) BroadcastAs() string            { return "" }

func TestNameOfAType(t *testing.T) {
	t.Parallel()
	type local struct{ on }
	pointer := &OrderShipped{}
	for _, test := range []struct {
		e         event.Event
		namespace string
		want      string
	}{
		{OrderShipped{}, event.DefaultNamespace, `App\Events\OrderShipped`},
		{pointer, event.DefaultNamespace, `App\Events\OrderShipped`},
		{OrderShipped{}, "", "OrderShipped"},
		{OrderShipped{}, `\Acme\Things\`, `Acme\Things\OrderShipped`},
		{Generic[int]{}, event.DefaultNamespace, `App\Events\Generic`},
		{&Generic[map[string]OrderShipped]{}, event.DefaultNamespace, `App\Events\Generic`},
		{Pair[string, Generic[int]]{}, "", "Pair"},
		{number(1), "", "number"},
		{local{}, "", "local"},
		{named{name: "order.shipped"}, event.DefaultNamespace, "order.shipped"},
		{named{name: `Other\Namespace\Event`}, event.DefaultNamespace, `Other\Namespace\Event`},
		{named{name: "client-typing"}, event.DefaultNamespace, "client-typing"},
		{named{name: "0"}, "", "0"},
		{named{name: "Zoë 用户"}, "", "Zoë 用户"},
		{named{name: strings.Repeat("x", event.MaxNameLength)}, "", strings.Repeat("x", event.MaxNameLength)},
	} {
		got, err := event.Name(test.e, test.namespace)
		require.NoError(t, err)
		require.Equal(t, test.want, got)
	}
}

// TestNameRefused covers LIB-009 (a reserved prefix) and its neighbours.
func TestNameRefused(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name string
		e    event.Event
		want string
	}{
		{"LIB-009 reserved prefix", named{name: "pusher:x"}, `event: name "pusher:x" of event_test.named begins with a prefix that the Pusher protocol keeps`},
		{"internal prefix", named{name: "pusher_internal:member_added"}, "keeps for its own events"},
		{"leading dot", named{name: ".order.paid"}, "begins with a dot, which belongs in the browser only"},
		{"too long", named{name: strings.Repeat("x", 201)}, "has 201 bytes, the limit is 200"},
		{"newline", named{name: "a\nb"}, "control character"},
		{"escape", named{name: "a\x1b[2Jb"}, "control character"},
		{"delete", named{name: "a\x7f"}, "control character"},
		{"not UTF-8", named{name: "a\xff"}, "not valid UTF-8"},
		{"unnamed type", struct{ on }{}, "cannot be derived from a type without a name; return a name from BroadcastAs"},
		{"pointer to an unnamed type", &struct{ on }{}, "cannot be derived"},
		{"nil", nil, event.ErrNil.Error()},
		{"nil pointer", (*OrderShipped)(nil), event.ErrNil.Error()},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			name, err := event.Name(test.e, event.DefaultNamespace)
			require.ErrorContains(t, err, test.want)
			require.Empty(t, name)
			require.Less(t, len(err.Error()), 300)
			if !errors.Is(err, event.ErrNil) {
				wrong, ok := errors.AsType[*event.NameError](err)
				require.True(t, ok)
				require.NotEmpty(t, wrong.Type)
			}
		})
	}
}

func TestNameErrorsAreShort(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, shown string }{
		{"." + strings.Repeat("a", 79), "." + strings.Repeat("a", 79)},
		{"." + strings.Repeat("a", 80), "." + strings.Repeat("a", 79) + "…"},
		{"." + strings.Repeat("a", 78) + "é", "." + strings.Repeat("a", 78) + "…"}, // not in the middle of a character
	} {
		_, err := event.Name(named{name: test.name}, "")
		require.ErrorContains(t, err, `name "`+test.shown+`" of event_test.named begins with a dot`)
	}
	_, err := event.Name(struct{ on }{}, "")
	require.EqualError(t, err, `event: name "" of struct { event_test.on } cannot be derived from a type without a name; return a name from BroadcastAs`)
}

func TestTypeName(t *testing.T) {
	t.Parallel()
	require.Equal(t, "event_test.OrderShipped", event.TypeName(OrderShipped{}))
	require.Equal(t, "event_test.OrderShipped", event.TypeName(&OrderShipped{}))
	require.Equal(t, "event_test.Generic[int]", event.TypeName(Generic[int]{}))
	require.Equal(t, "nil", event.TypeName(nil))
}

func TestOf(t *testing.T) {
	t.Parallel()
	channels := []channel.Channel{channel.Encrypted("chat.7"), channel.Public("b")}
	e := event.Of("order.paid", map[string]any{"id": 7}, channels...)
	channels[0] = channel.Public("changed")
	require.NoError(t, event.Check(e))
	require.Equal(t, []channel.Channel{channel.Encrypted("chat.7"), channel.Public("b")}, e.BroadcastOn())
	require.Equal(t, "order.paid", e.BroadcastAs())
	data, err := event.Payload(e)
	require.NoError(t, err)
	require.Equal(t, `{"id":7}`, data)
}

func TestVia(t *testing.T) {
	t.Parallel()
	require.Equal(t, []event.Connection{{Name: "a"}, {}, {Name: "b"}}, event.Via("a", "", "b"))
	require.Empty(t, event.Via())
}

func FuzzName(f *testing.F) {
	for _, s := range []string{"", "order.paid", ".x", "pusher:x", `App\Events\X`, "a\xff", "\u0080", strings.Repeat("é", 101)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, namespace string) {
		got, err := event.Name(named{name: name}, namespace)
		if err != nil {
			require.Less(t, len(err.Error()), 700)
			return
		}
		// What is accepted is heard by Echo behind a dot, and fits the protocol.
		require.NotEmpty(t, got)
		require.LessOrEqual(t, len(got), event.MaxNameLength)
		require.NotEqual(t, byte('.'), got[0])
		require.False(t, strings.HasPrefix(got, "pusher:") || strings.HasPrefix(got, "pusher_internal:"))
		require.Equal(t, got, strings.ToValidUTF8(got, ""))
		if name != "" {
			require.Equal(t, name, got)
		}
	})
}
