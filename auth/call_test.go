package auth_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

// heeding is a rule that works until its context is done.
func heeding(ctx context.Context, _ *user, _ *auth.Subscription) (bool, error) {
	<-ctx.Done()
	return true, ctx.Err()
}

// deaf is a rule that works for a minute, whatever its context says.
func deaf(context.Context, *user, *auth.Subscription) (bool, error) {
	blockFor60s()
	return true, nil
}

func TestASlowRuleIsGivenUp(t *testing.T) {
	t.Parallel()
	for name, rule := range map[string]func(context.Context, *user, *auth.Subscription) (bool, error){"heeding": heeding, "deaf": deaf} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var l log
				h := newHandler(l.option())
				h.Private("a", rule)
				start := time.Now()
				a := ask(t, h, subscribe("private-a"))
				assert.Equal(t, auth.DefaultRuleTimeout, time.Since(start))
				assert.Equal(t, http.StatusServiceUnavailable, a.Status)
				assert.Equal(t, "the decision took too long", a.Message)
				assert.Empty(t, a.Auth)
				assert.Contains(t, l.String(), "level=ERROR")
				assert.Contains(t, l.String(), "rule took too long")

				_, err := h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Private("a"))
				require.ErrorIs(t, err, auth.ErrTimeout)
				require.NoError(t, h.Shutdown(t.Context()))
			})
		})
	}
}

func TestSlowBindingsAndSignInsAreGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(auth.WithRuleTimeout(time.Second))
		h.Private("a.{order}", allow)
		auth.Bind(h, "order", func(context.Context, string) (int, error) { blockFor60s(); return 1, nil })
		h.Users(func(context.Context, *user) (*auth.UserData, error) {
			blockFor60s()
			return &auth.UserData{ID: "7"}, nil
		})
		start := time.Now()
		_, err := h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Private("a.1"))
		require.ErrorIs(t, err, auth.ErrTimeout)
		_, err = h.AuthorizeUser(t.Context(), h.As(&user{"7"}), "1.1")
		require.ErrorIs(t, err, auth.ErrTimeout)
		assert.Equal(t, 2*time.Second, time.Since(start))
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

func TestAnAnswerInTimeCounts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandler()
		h.Private("a", func(ctx context.Context, _ *user, _ *auth.Subscription) (bool, error) {
			select {
			case <-time.After(auth.DefaultRuleTimeout - 1):
				return true, nil
			case <-ctx.Done():
				return false, ctx.Err()
			}
		})
		assert.Equal(t, http.StatusOK, ask(t, h, subscribe("private-a")).Status)
	})
}

func TestTheContextOfARule(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		h := newHandler(auth.WithRuleTimeout(time.Minute))
		var kept, child context.Context
		var done <-chan struct{}
		h.Private("a", func(ctx context.Context, _ *user, _ *auth.Subscription) (bool, error) {
			done = ctx.Done()
			assert.Equal(t, "trace", ctx.Value(key{}))
			assert.NoError(t, ctx.Err())
			deadline, ok := ctx.Deadline()
			assert.True(t, ok)
			assert.Equal(t, time.Minute, time.Until(deadline))
			var cancel context.CancelFunc
			child, cancel = context.WithCancel(ctx)
			context.AfterFunc(child, cancel)
			kept = ctx
			return true, nil
		})
		var late context.Context
		h.Private("b", func(ctx context.Context, _ *user, _ *auth.Subscription) (bool, error) { late = ctx; return true, nil })
		ctx := context.WithValue(t.Context(), key{}, "trace")
		for _, name := range []string{"a", "b"} {
			_, err := h.Authorize(ctx, h.As(&user{"7"}), "1.1", channel.Private(name))
			require.NoError(t, err)
		}
		assert.ErrorIs(t, kept.Err(), context.Canceled, "it ends with the rule")
		<-done // for whoever waits for it
		assert.ErrorIs(t, child.Err(), context.Canceled)
		assert.ErrorIs(t, late.Err(), context.Canceled, "also when it is first looked at later")
		assert.Equal(t, "trace", late.Value(key{}))
	})
}

func TestAClientThatLeavesEndsTheWaiting(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var l log
		h := newHandler(l.option())
		h.Private("a", deaf)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		ask(t, h, subscribe("private-a").WithContext(ctx))
		assert.Equal(t, time.Second, time.Since(start))
		assert.NotContains(t, l.String(), "level=ERROR", "that is not the program's fault")
		_, err := h.Authorize(ctx, h.As(&user{"7"}), "1.1", channel.Private("a"))
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.NotErrorIs(t, err, auth.ErrTimeout)
		require.NoError(t, h.Shutdown(t.Context()))
	})
}

// TestACallerThatLeavesIsToldSo has no HTTP, where the end of the request says
// it already.
func TestACallerThatLeavesIsToldSo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandler()
		asked := 0
		h.Private("a", func(ctx context.Context, u *user, s *auth.Subscription) (bool, error) {
			asked++
			return deaf(ctx, u, s)
		})
		closed := errors.New("the connection was closed")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, closed)
		defer cancel()
		for range 2 { // the second time it has left before the rule is asked
			_, err := h.Authorize(ctx, h.As(&user{"7"}), "1.1", channel.Private("a"))
			require.ErrorIs(t, err, closed)
			require.NotErrorIs(t, err, auth.ErrTimeout)
		}
		require.NoError(t, h.Shutdown(t.Context()))
		assert.Equal(t, 1, asked)
	})
}

func TestAPanicIsLoggedWithItsStack(t *testing.T) {
	t.Parallel()
	var l log
	h := newHandler(l.option())
	h.Private("a", func(context.Context, *user, *auth.Subscription) (bool, error) { panic("boom") })
	ask(t, h, subscribe("private-a"))
	assert.Contains(t, l.String(), "call_test.go:")
	assert.Contains(t, l.String(), "auth_test.TestAPanicIsLoggedWithItsStack")
}

func TestShutdownWaitsForRulesThatWereGivenUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandler()
		h.Private("a", deaf)
		require.NoError(t, h.Shutdown(t.Context()), "nothing runs")
		start := time.Now()
		for range 2 {
			ask(t, h, subscribe("private-a"))
		}
		assert.Equal(t, 20*time.Second, time.Since(start))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		err := h.Shutdown(ctx)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		require.EqualError(t, err, "auth: 2 rules still run: context deadline exceeded")
		require.NoError(t, h.Shutdown(t.Context()))
		assert.Equal(t, 70*time.Second, time.Since(start), "the second began 10 s after the first")
	})
}

func TestRulesThatWereGivenUpAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const most = 1024
		var l log
		h := newHandler(l.option(), auth.WithRefusalLimit(-1, 0))
		h.Private("a", deaf)
		h.Private("b", allow)
		var wg sync.WaitGroup
		for range most {
			wg.Go(func() { assert.Equal(t, http.StatusServiceUnavailable, ask(t, h, subscribe("private-a")).Status) })
		}
		wg.Wait()
		_, err := h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Private("b"))
		require.ErrorIs(t, err, auth.ErrTimeout)
		require.ErrorContains(t, err, "not asked, as 1024 others still run after their time was up")
		require.NoError(t, h.Shutdown(t.Context()))
		_, err = h.Authorize(t.Context(), h.As(&user{"7"}), "1.1", channel.Private("b"))
		require.NoError(t, err)
	})
}

func TestWithoutATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(auth.WithRuleTimeout(-1))
		h.Private("a", func(ctx context.Context, _ *user, _ *auth.Subscription) (bool, error) {
			_, ok := ctx.Deadline()
			assert.False(t, ok)
			blockFor60s()
			return true, nil
		})
		h.Private("b", func(context.Context, *user, *auth.Subscription) (bool, error) { panic("boom") })
		assert.Equal(t, http.StatusOK, ask(t, h, subscribe("private-a")).Status)
		assert.Equal(t, http.StatusInternalServerError, ask(t, h, subscribe("private-b")).Status)
	})
}

func TestDefaultTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := newHandler(auth.WithRuleTimeout(0))
		h.Private("a", heeding)
		start := time.Now()
		ask(t, h, subscribe("private-a"))
		assert.Equal(t, auth.DefaultRuleTimeout, time.Since(start))
	})
}

func TestADeadlineOfTheRulesOwnCountsAsTimeout(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", says(false, errors.Join(errors.New("query"), context.DeadlineExceeded)))
	assert.Equal(t, http.StatusServiceUnavailable, ask(t, h, subscribe("private-a")).Status)
}
