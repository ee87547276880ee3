package auth_test

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

// TestRegistrationPanics covers LIB-027: an unclosed brace, nested ones and the
// same parameter twice, at registration, and more that can never work.
func TestRegistrationPanics(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ pattern, want string }{
		{"", `channel: pattern "": it is empty at byte 0`},
		{"a.{", `an opening brace that is not closed at byte 2`},
		{"a.{{id}}", `an opening brace that is not closed at byte 2`},
		{"a.{id}.{id}", `the parameter "id" is given twice`},
		{"a.{order-id}", `is not a name of letters, digits and underscores`},
		{"a/b", `it can never match: channel: name "private-a/b" has the character '/'`},
		{"a|b", "it can never match"},
		{"orders.*", "it can never match"},
		{"(a)", "it can never match"},
		{"room {id}", "it can never match"},
		{"é", "it can never match"},
		{"#server-to-user-{id}", "it can never match"},
		{strings.Repeat("a", 193), "has 201 bytes, the limit is 200"},
		{strings.Repeat("a", 190) + "{b}.{c}", "it can never match"},
		{"cache-", "it can never match"},
	} {
		h := newHandler()
		text := panicOf(t, func() { h.Private(test.pattern, allow) })
		assert.Contains(t, text, test.want)
		assert.Regexp(t, `^auth: private rule ".*" \(.*rule_test.go:\d+\): `, text)
		text = panicOf(t, func() { h.Presence(test.pattern, member) })
		assert.Regexp(t, `^auth: presence rule ".*" \(.*rule_test.go:\d+\): `, text)
		assert.Empty(t, h.Rules())
	}
	h := newHandler()
	assert.Contains(t, panicOf(t, func() { h.Private("a", nil) }), "the function is nil")
	assert.Contains(t, panicOf(t, func() { h.Presence("a", nil) }), "the function is nil")
	h.Private(strings.Repeat("a", 189)+"{b}.{c}", allow) // which one name of each length can match
	h.Presence(strings.Repeat("a", 191), member)
	assert.Contains(t, panicOf(t, func() { h.Presence(strings.Repeat("a", 192), member) }), "the limit is 200")
}

func TestTheSamePatternTwicePanicsWithBothLines(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a.{id}", allow)
	h.Presence("a.{id}", member) // another kind
	h.Private("a.{key}", allow)  // another pattern
	text := panicOf(t, func() { h.Private("a.{id}", allow) })
	assert.Regexp(t, `^auth: private rule "a.{id}" \(.*/rule_test.go:\d+\): already registered at .*/rule_test.go:\d+$`, text)
	lines := regexp.MustCompile(`rule_test.go:(\d+)`).FindAllStringSubmatch(text, -1)
	require.Len(t, lines, 2)
	assert.NotEqual(t, lines[0][1], lines[1][1])
	assert.Contains(t, panicOf(t, func() { h.Presence("a.{id}", member) }), "already registered at")
}

// TestTheFirstOfTwoMatchingRulesDecides covers LIB-029, in either order.
func TestTheFirstOfTwoMatchingRulesDecides(t *testing.T) {
	t.Parallel()
	for _, patterns := range [][]string{{"room.{id}", "room.lobby"}, {"room.lobby", "room.{id}"}, {"{kind}.{id}", "room.{id}"}} {
		h := newHandler()
		var asked []string
		for _, pattern := range patterns {
			h.Private(pattern, func(_ context.Context, _ *user, _ *auth.Subscription) (bool, error) {
				asked = append(asked, pattern)
				return true, nil
			})
		}
		for range 10 {
			_, err := h.Authorize(t.Context(), h.As(&user{id: "7"}), "1.1", channel.Private("room.lobby"))
			require.NoError(t, err)
		}
		assert.Equal(t, slices.Repeat(patterns[:1], 10), asked)
	}
}

func TestPatternsWithAPrefixAreWarnedAbout(t *testing.T) {
	t.Parallel()
	var l log
	h := newHandler(l.option())
	h.Private("orders.{id}", allow)
	assert.Empty(t, l.String())
	h.Private("private-orders.{id}", allow)
	h.Presence("encrypted-orders.{id}", member)
	assert.Equal(t, 2, strings.Count(l.String(), "a pattern begins with a prefix"))
}

func TestRules(t *testing.T) {
	t.Parallel()
	h := newHandler()
	assert.Empty(t, h.Rules())
	h.Guard("admin", session("X-Admin"))
	h.Private("orders.{order}", allow, auth.Guards("admin", auth.DefaultGuard))
	h.Presence("chat.{room}", member)
	h.Private("closed", allow, auth.Guards())

	rules := h.Rules()
	require.Len(t, rules, 3)
	for i, want := range []auth.Rule{
		{Kind: channel.KindPrivate, Pattern: "orders.{order}", Guards: []string{"admin", "default"}},
		{Kind: channel.KindPresence, Pattern: "chat.{room}", Guards: []string{"default"}},
		{Kind: channel.KindPrivate, Pattern: "closed", Guards: []string{}},
	} {
		assert.Regexp(t, `/rule_test.go:\d+$`, rules[i].Source)
		rules[i].Source = ""
		assert.Equal(t, want, rules[i])
	}

	var b strings.Builder
	require.NoError(t, h.WriteRules(&b))
	assert.Regexp(t, `^private   orders.{order}  admin, default  rule_test.go:\d+
presence  chat.{room}     default         rule_test.go:\d+
private   closed          nobody          rule_test.go:\d+
3 channel rules
$`, b.String())

	whole := &brokenWriter{after: 1000}
	require.NoError(t, h.WriteRules(whole))
	for n := range 1000 - whole.after {
		require.ErrorIs(t, h.WriteRules(&brokenWriter{after: n}), errBroken, "write %d", n)
	}
}

var errBroken = errors.New("broken pipe")

// brokenWriter fails after so many writes.
type brokenWriter struct{ after int }

func (w *brokenWriter) Write(p []byte) (int, error) {
	if w.after--; w.after < 0 {
		return 0, errBroken
	}
	return len(p), nil
}

func TestRulesMayBeAddedWhileRequestsAreAnswered(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", allow)
	var wg sync.WaitGroup
	for i := range 4 {
		wg.Go(func() {
			name := string(rune('b' + i))
			h.Private(name, allow)
			auth.Bind(h, name, func(context.Context, string) (int, error) { return 1, nil })
			h.Guard(name, session(name))
			for range 50 {
				assert.Equal(t, http.StatusOK, ask(t, h, subscribe("private-a")).Status)
				assert.Equal(t, http.StatusOK, ask(t, h, subscribe("private-"+name)).Status)
			}
		})
	}
	wg.Wait()
	assert.Len(t, h.Rules(), 5)
}

func TestARuleMayCallItsHandler(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", func(ctx context.Context, u *user, s *auth.Subscription) (bool, error) {
		if len(h.Rules()) == 1 {
			h.Private("b", allow)
		}
		_, err := h.Authorize(ctx, h.As(u), s.SocketID(), channel.Private("b"))
		return err == nil, err
	})
	assert.Equal(t, http.StatusOK, ask(t, h, subscribe("private-a")).Status)
}

func TestSubscription(t *testing.T) {
	t.Parallel()
	h := newHandler()
	var kept *auth.Subscription
	h.Private("cache-{a}.{b}.{c}.{d}", func(_ context.Context, _ *user, s *auth.Subscription) (bool, error) { kept = s; return true, nil })
	require.Equal(t, http.StatusOK, ask(t, h, subscribe("private-encrypted-cache-1.2.3.4-5")).Status)
	require.Equal(t, http.StatusOK, ask(t, h, subscribe("private-encrypted-cache-6.7.8.9")).Status)
	first := kept
	require.Equal(t, http.StatusOK, ask(t, h, subscribe("private-cache-x.x.x.x")).Status)
	assert.Equal(t, channel.Encrypted("6.7.8.9").Cached(), first.Channel(), "a rule may keep its subscription")
	assert.Equal(t, "1234.1234", first.SocketID())
	for name, want := range map[string]string{"a": "6", "b": "7", "c": "8", "d": "9"} {
		assert.Equal(t, want, first.Param(name))
	}
	assert.PanicsWithValue(t, `auth: no parameter "e": the pattern "cache-{a}.{b}.{c}.{d}" has only a, b, c, d`, func() { first.Param("e") })
}

func TestNoParameters(t *testing.T) {
	t.Parallel()
	h := newHandler()
	h.Private("a", func(_ context.Context, _ *user, s *auth.Subscription) (bool, error) {
		assert.PanicsWithValue(t, `auth: no parameter "id": the pattern "a" has no parameters`, func() { s.Param("id") })
		return true, nil
	})
	assert.Equal(t, http.StatusOK, ask(t, h, subscribe("private-a")).Status)
}
