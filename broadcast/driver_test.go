package broadcast_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
)

// limited is a driver that takes everything within its limits.
type limited struct{ limits broadcast.Limits }

func (limited) Broadcast(context.Context, []broadcast.Message) error { return nil }
func (l limited) Limits() broadcast.Limits                           { return l.limits }

// pinged is a driver whose service answers with an error or not.
type pinged struct {
	limited
	err error
}

func (p pinged) Ping(context.Context) error { return p.err }

// pass is middleware that hides everything but Broadcast.
func pass(next broadcast.Driver) broadcast.Driver {
	return broadcast.DriverFunc(next.Broadcast)
}

// note is middleware that adds its name to calls at each call.
func note(name string, calls *[]string) broadcast.Middleware {
	return func(next broadcast.Driver) broadcast.Driver {
		return broadcast.DriverFunc(func(ctx context.Context, m []broadcast.Message) error {
			*calls = append(*calls, name)
			return next.Broadcast(ctx, m)
		})
	}
}

// unwrapping is a wrapper as a program's own would be.
type unwrapping struct{ next broadcast.Driver }

func (u unwrapping) Broadcast(ctx context.Context, m []broadcast.Message) error {
	return u.next.Broadcast(ctx, m)
}
func (u unwrapping) Unwrap() broadcast.Driver { return u.next }

// narrowing is a wrapper with limits of its own.
type narrowing struct{ unwrapping }

func (narrowing) Limits() broadcast.Limits { return broadcast.Limits{Payload: 1} }

func TestChainOrder(t *testing.T) {
	t.Parallel()
	var order []string
	d := broadcast.Chain(limited{}, note("a", &order), note("b", &order))
	require.NoError(t, d.Broadcast(t.Context(), nil))
	require.Equal(t, []string{"a", "b"}, order)
	require.Equal(t, limited{}, broadcast.Chain(limited{}), "no middleware, no wrapper")
	require.PanicsWithValue(t, "broadcast: middleware 2 of 2 returned no driver", func() {
		broadcast.Chain(limited{}, pass, func(broadcast.Driver) broadcast.Driver { return nil })
	})
}

func TestLimitsAreFoundThroughWrappers(t *testing.T) {
	t.Parallel()
	limits := broadcast.Limits{Payload: 10, Channels: 2}
	inner := limited{limits}
	wrap := func(next broadcast.Driver) broadcast.Driver { return unwrapping{next} }
	narrow := func(next broadcast.Driver) broadcast.Driver { return narrowing{unwrapping{next}} }
	for name, test := range map[string]struct {
		d    broadcast.Driver
		want broadcast.Limits
	}{
		"bare":                     {inner, limits},
		"none":                     {pass(inner), broadcast.Limits{}},
		"chain hides nothing":      {broadcast.Chain(inner, pass, pass), limits},
		"own wrapper":              {unwrapping{unwrapping{inner}}, limits},
		"mixed":                    {broadcast.Chain(unwrapping{inner}, pass, wrap), limits},
		"the outermost wins":       {broadcast.Chain(inner, pass, narrow), broadcast.Limits{Payload: 1}},
		"chain of a chain":         {broadcast.Chain(broadcast.Chain(inner, pass), pass), limits},
		"wrapper that hides, bare": {broadcast.DriverFunc(inner.Broadcast), broadcast.Limits{}},
	} {
		require.Equal(t, test.want, broadcast.LimitsOf(test.d), name)
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	require.NoError(t, broadcast.Ping(t.Context(), broadcast.Chain(pinged{}, pass)))
	require.ErrorIs(t, broadcast.Ping(t.Context(), unwrapping{pinged{err: refused}}), refused)
	require.ErrorIs(t, broadcast.Ping(t.Context(), limited{}), errors.ErrUnsupported)
	require.ErrorIs(t, broadcast.Ping(t.Context(), broadcast.Chain(limited{}, pass)), errors.ErrUnsupported)
}
