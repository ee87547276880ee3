package channel_test

import (
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/vectortest"
)

// TestParsePatternRefuses covers LIB-027: an unclosed brace, nested ones, the
// same parameter twice. Package auth tests that registration panics.
func TestParsePatternRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		pattern string
		pos     int
		detail  string
	}{
		{"", 0, "it is empty"},
		{"a.{", 2, "an opening brace that is not closed"},
		{"a.{id", 2, "an opening brace that is not closed"},
		{"a.{{id}}", 2, "an opening brace that is not closed"},
		{"{a{b}", 0, "an opening brace that is not closed"},
		{"a.id}", 4, "a closing brace without an opening one"},
		{"{a}}", 3, "a closing brace without an opening one"},
		{"a.{}", 2, "a parameter without a name"},
		{"a.{id?}", 2, `the parameter "id?" is not a name of letters, digits and underscores`},
		{"a.{order-id}", 2, `the parameter "order-id" is not a name of letters, digits and underscores`},
		{"a.{order.id}", 2, `the parameter "order.id" is not a name of letters, digits and underscores`},
		{"a.{1}", 2, `the parameter "1" is not a name of letters, digits and underscores`},
		{"a.{é}", 2, `the parameter "é" is not a name of letters, digits and underscores`},
		{"{id}.{id}", 5, `the parameter "id" is given twice`},
		{"{" + strings.Repeat("n", 33) + "}", 0, "a parameter's name of more than 32 bytes"},
	} {
		_, err := channel.ParsePattern(test.pattern)
		var e *channel.PatternError
		require.ErrorAs(t, err, &e, "pattern %q", test.pattern)
		assert.Equal(t, channel.PatternError{Pattern: test.pattern, Pos: test.pos, Detail: test.detail}, *e)
	}
	_, err := channel.ParsePattern("a.{id")
	assert.EqualError(t, err, `channel: pattern "a.{id": an opening brace that is not closed at byte 2`)
}

func TestPattern(t *testing.T) {
	t.Parallel()
	p, err := channel.ParsePattern("room.{a}-{b}.x")
	require.NoError(t, err)
	assert.Equal(t, "room.{a}-{b}.x", p.String())
	assert.Equal(t, []string{"a", "b"}, p.Names())

	params, ok := p.Match("room.1-2-3.x")
	assert.True(t, ok)
	assert.Equal(t, []string{"1-2", "3"}, params)

	given := []string{"kept"}
	got, ok := p.AppendMatch(given, "room.1-2.x")
	assert.True(t, ok)
	assert.Equal(t, []string{"kept", "1", "2"}, got)
	for _, name := range []string{"", "room", "room.1-2", "room.1-2.y", "room.1-2.x.", "room.-2.x", "room.1-.x", "room.12.x", "Room.1-2.x"} {
		got, ok = p.AppendMatch(given, name)
		assert.False(t, ok, "name %q", name)
		assert.Equal(t, given, got, "what does not match adds nothing")
	}
}

// TestLiteralsDoNotOverlap has names that begin and end right and are too short.
func TestLiteralsDoNotOverlap(t *testing.T) {
	t.Parallel()
	p, err := channel.ParsePattern("aba{x}bab")
	require.NoError(t, err)
	for _, name := range []string{"ab", "aba", "abab", "ababa", "ababab"} {
		_, ok := p.Match(name)
		assert.False(t, ok, "name %q", name)
	}
	params, ok := p.Match("abaxbab")
	assert.True(t, ok)
	assert.Equal(t, []string{"x"}, params)
}

// TestLiteralsBesideParameters has names that are long enough and belong to
// somebody else's rule.
func TestLiteralsBesideParameters(t *testing.T) {
	t.Parallel()
	for pattern, names := range map[string][]string{
		"order-{id}":       {"other-7", "Order-7", "xrder-7", "7-order-", "-----77", "order_7"},
		"{id}-order":       {"7-other", "7-ordeR", "7-orders", "order-7", "7_order"},
		"a-{id}-z":         {"b-7-z", "a-7-y", "a_7-z", "a-7_z", "z-7-a"},
		"team.order-{id}":  {"team.other-7", "order-7.team", "tean.order-7"},
		"order-{id}.lines": {"other-7.lines", "order-7.liness"},
	} {
		p, err := channel.ParsePattern(pattern)
		require.NoError(t, err)
		for _, name := range names {
			params, ok := p.Match(name)
			assert.False(t, ok, "%q matches %q with %q", pattern, name, params)
		}
	}
}

// vector is a row of patterns.json.
type vector struct {
	Name  string `json:"name"`
	Kind  string `json:"kind"`
	Class string `json:"class"`
	Input struct {
		Pattern    string `json:"pattern"`
		Channel    string `json:"channel"`
		ChannelHex string `json:"channel_hex"`
	} `json:"input"`
	Want struct {
		Match      *bool           `json:"match"`
		Names      []string        `json:"names"`
		Params     json.RawMessage `json:"params"`
		Guarded    bool            `json:"guarded"`
		Normalized string          `json:"normalized"`
	} `json:"want"`
}

// name returns the channel name of the row.
func (v vector) name(t *testing.T) string {
	if v.Input.ChannelHex == "" {
		return v.Input.Channel
	}
	b, err := hex.DecodeString(v.Input.ChannelHex)
	require.NoError(t, err)
	return string(b)
}

// reference matches by a regular expression in which all that stands outside
// braces is quoted.
func reference(pattern, name string) ([]string, bool) {
	var b strings.Builder
	for rest := pattern; rest != ""; {
		literal, after, _ := strings.Cut(rest, "{")
		b.WriteString(regexp.QuoteMeta(literal))
		var found bool
		if _, rest, found = strings.Cut(after, "}"); found {
			b.WriteString(`([^.]+)`)
		}
	}
	m := regexp.MustCompile(`(?s)\A` + b.String() + `\z`).FindStringSubmatch(name)
	if m == nil {
		return nil, false
	}
	return m[1:], true
}

func TestLaravelsPatterns(t *testing.T) {
	t.Parallel()
	var n vectortest.Tally
	for _, v := range vectortest.Rows[vector](t, "patterns.json") {
		switch v.Kind {
		case "match":
			n.Add(matchVector(t, v))
		case "normalize":
			n.Add(normalizeVector(t, v))
		case "order":
			n.None++ // which rule decides is tested with the rules, in package auth
		default:
			t.Errorf("%s: unknown kind %q", v.Name, v.Kind)
		}
	}
	n.Report(t, "patterns.json", vectortest.Tally{Agree: 127, Differ: 62, None: 12})
}

// matchVector reports whether the row agrees, or asserts our answer where it
// must not.
func matchVector(t *testing.T, v vector) bool {
	name := v.name(t)
	p, err := channel.ParsePattern(v.Input.Pattern)
	if err != nil {
		// Braces that are no parameter, and the empty pattern, which no legal
		// name matches: found at start-up instead of matching or crashing later.
		refused := v.Input.Pattern == "" || v.Class == "bad-name" || v.Class == "metachar" && strings.ContainsAny(v.Input.Pattern, "{}")
		assert.True(t, refused, "%s: %v", v.Name, err)
		return false
	}
	params, ok := p.Match(name)
	switch v.Class {
	case "plain", "outside-channel-alphabet":
		require.NotNil(t, v.Want.Match, v.Name)
		assert.Equal(t, *v.Want.Match, ok, v.Name)
		if ok {
			var want []string
			require.NoError(t, json.Unmarshal(v.Want.Params, &want))
			assert.Equal(t, v.Want.Names, append([]string{}, p.Names()...), v.Name)
			assert.Equal(t, want, append([]string{}, params...), v.Name)
		}
		return true
	case "metachar", "bytes", "trailing-newline":
		wantParams, want := reference(v.Input.Pattern, name)
		assert.Equal(t, want, ok, "%s: everything outside braces is literal", v.Name)
		if want {
			assert.Equal(t, wantParams, append([]string{}, params...), v.Name)
		}
		return v.Want.Match != nil && *v.Want.Match == ok
	}
	t.Errorf("%s: a pattern of class %q was taken", v.Name, v.Class)
	return false
}

// normalizeVector reports whether the row agrees: the name without its prefix,
// and whether a user is needed.
func normalizeVector(t *testing.T, v vector) bool {
	ch, err := channel.Parse(v.Input.Channel)
	if err != nil { // an empty rest, or a character that no name has
		legal := regexp.MustCompile(`\A(#server-to-user-)?[-a-zA-Z0-9_=@,.;]+\z`)
		assert.True(t, v.Want.Normalized == "" || !legal.MatchString(v.Input.Channel), "%s: %v", v.Name, err)
		return false
	}
	assert.Equal(t, v.Want.Guarded, ch.Kind().Guarded(), v.Name)
	if ch.Kind() == channel.KindUser {
		return !v.Want.Guarded // no rule is asked about these
	}
	assert.Equal(t, v.Want.Normalized, ch.RuleName(), v.Name)
	return true
}
