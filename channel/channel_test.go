package channel_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
)

func TestConstructors(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ch       channel.Channel
		wire     string
		kind     channel.Kind
		name     string
		cached   bool
		ruleName string
		guarded  bool
	}{
		{channel.Public("a.1"), "a.1", channel.KindPublic, "a.1", false, "a.1", false},
		{channel.Public("a.1").Cached(), "cache-a.1", channel.KindPublic, "a.1", true, "a.1", false},
		{channel.Private("a.1"), "private-a.1", channel.KindPrivate, "a.1", false, "a.1", true},
		{channel.Private("a.1").Cached(), "private-cache-a.1", channel.KindPrivate, "a.1", true, "cache-a.1", true},
		{channel.Presence("a.1"), "presence-a.1", channel.KindPresence, "a.1", false, "a.1", true},
		{channel.Presence("a.1").Cached(), "presence-cache-a.1", channel.KindPresence, "a.1", true, "cache-a.1", true},
		{channel.Encrypted("a.1"), "private-encrypted-a.1", channel.KindEncrypted, "a.1", false, "a.1", true},
		{channel.Encrypted("a.1").Cached(), "private-encrypted-cache-a.1", channel.KindEncrypted, "a.1", true, "cache-a.1", true},
		{channel.User("7"), "#server-to-user-7", channel.KindUser, "7", false, "7", false},
	} {
		t.Run(test.wire, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, test.wire, test.ch.String())
			assert.Equal(t, test.kind, test.ch.Kind())
			assert.Equal(t, test.name, test.ch.Name())
			assert.Equal(t, test.cached, test.ch.IsCached())
			assert.Equal(t, test.ruleName, test.ch.RuleName())
			assert.Equal(t, test.guarded, test.ch.Kind().Guarded())
			assert.False(t, test.ch.IsZero())
			require.NoError(t, test.ch.Validate())

			parsed, err := channel.Parse(test.wire)
			require.NoError(t, err)
			assert.Equal(t, test.ch, parsed, "a name on the wire leads back to its channel")
		})
	}
}

func TestCachedTwiceIsCachedOnce(t *testing.T) {
	t.Parallel()
	assert.Equal(t, channel.Private("a").Cached(), channel.Private("a").Cached().Cached())
}

func TestChannelIsComparable(t *testing.T) {
	t.Parallel()
	set := map[channel.Channel]bool{channel.Private("a"): true}
	assert.True(t, set[channel.Private("a")])
	assert.False(t, set[channel.Presence("a")])
	assert.False(t, set[channel.Private("a").Cached()])
	assert.NotEqual(t, channel.Private("encrypted-a"), channel.Encrypted("a"), "the same on the wire, and still not the same")
	assert.True(t, channel.Channel{}.IsZero())
	assert.Equal(t, channel.Public(""), channel.Channel{})
}

func TestKindStrings(t *testing.T) {
	t.Parallel()
	for kind, want := range map[channel.Kind]string{
		channel.KindPublic: "public", channel.KindPrivate: "private", channel.KindPresence: "presence",
		channel.KindEncrypted: "encrypted", channel.KindUser: "user", 99: "channel.Kind(99)",
	} {
		assert.Equal(t, want, kind.String())
	}
}

func TestReasonStrings(t *testing.T) {
	t.Parallel()
	for reason, want := range map[channel.Reason]string{
		channel.ReasonEmpty: "empty", channel.ReasonTooLong: "too long", channel.ReasonIllegalCharacter: "illegal character",
		channel.ReasonEmptySegment: "empty segment", channel.ReasonDoublePrefix: "double prefix", channel.ReasonCachedUser: "cached user channel",
		0: "channel.Reason(0)",
	} {
		assert.Equal(t, want, reason.String())
	}
}

func TestText(t *testing.T) {
	t.Parallel()
	type message struct {
		On channel.Channel `json:"on"`
	}
	b, err := json.Marshal(message{channel.Encrypted("chat.7").Cached()})
	require.NoError(t, err)
	assert.JSONEq(t, `{"on":"private-encrypted-cache-chat.7"}`, string(b))
	var m message
	require.NoError(t, json.Unmarshal(b, &m))
	assert.Equal(t, channel.Encrypted("chat.7").Cached(), m.On)

	err = json.Unmarshal([]byte(`{"on":"private-"}`), &m)
	var nameErr *channel.NameError
	require.ErrorAs(t, err, &nameErr)
	assert.Equal(t, channel.Encrypted("chat.7").Cached(), m.On, "an error leaves the value as it was")
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", channel.MaxNameLength)
	for _, test := range []struct {
		wire   string
		reason channel.Reason
		pos    int
		text   string
	}{
		{"", channel.ReasonEmpty, 0, `channel: name "" is empty`},
		{"private-", channel.ReasonEmpty, 8, `channel: name "private-" is empty after its prefix`},
		{"private-encrypted-cache-", channel.ReasonEmpty, 24, `channel: name "private-encrypted-cache-" is empty after its prefix`},
		{"cache-", channel.ReasonEmpty, 6, `channel: name "cache-" is empty after its prefix`},
		{"#server-to-user-", channel.ReasonEmpty, 16, `channel: name "#server-to-user-" is empty after its prefix`},
		{long + "a", channel.ReasonTooLong, 200, `channel: name "` + long[:80] + `…" has 201 bytes, the limit is 200`},
		{"private-" + long[:193], channel.ReasonTooLong, 200, ""},
		{"a b", channel.ReasonIllegalCharacter, 1, `channel: name "a b" has the character ' ' at byte 1; letters, digits and _ - = @ , . ; are allowed`},
		{"private-é", channel.ReasonIllegalCharacter, 8, `channel: name "private-é" has the character 'é' at byte 8; letters, digits and _ - = @ , . ; are allowed`},
		{"private-a\n", channel.ReasonIllegalCharacter, 9, ""},
		{"private-a\x00", channel.ReasonIllegalCharacter, 9, ""},
		{"private-\xff", channel.ReasonIllegalCharacter, 8, ""},
		{"private-a:b", channel.ReasonIllegalCharacter, 9, ""},
		{"#a", channel.ReasonIllegalCharacter, 0, ""},
		{"private-#server-to-user-7", channel.ReasonIllegalCharacter, 8, ""},
		{"private-orders.７", channel.ReasonIllegalCharacter, 15, ""},
	} {
		_, err := channel.Parse(test.wire)
		var e *channel.NameError
		require.ErrorAs(t, err, &e, "name %q", test.wire)
		assert.Equal(t, test.wire, e.Name)
		assert.Equal(t, test.reason, e.Reason, "name %q", test.wire)
		assert.Equal(t, test.pos, e.Pos, "name %q", test.wire)
		if test.text != "" {
			assert.Equal(t, test.text, e.Error())
		}
	}
}

func TestParseTakesWhatTheProtocolTakes(t *testing.T) {
	t.Parallel()
	for _, wire := range []string{
		"a", "=@,.;_-", strings.Repeat("a", channel.MaxNameLength), "private-" + strings.Repeat("a", 192),
		// mistakes, surely, but legal
		"private-private-a", "presence-private-a", "private-mentor.", "private-.a", "private-a..b",
		// prefixes are lower case and end in a dash
		"PRIVATE-a", "private", "presence.a", "private_a", "private-encrypted",
	} {
		ch, err := channel.Parse(wire)
		require.NoError(t, err)
		assert.Equal(t, wire, ch.String())
	}
}

func TestValidateRefusesWhatCannotBeMeant(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		ch     channel.Channel
		reason channel.Reason
		pos    int
		text   string
	}{
		{channel.Channel{}, channel.ReasonEmpty, 0, ""},
		{channel.Private(""), channel.ReasonEmpty, 8, ""},
		{channel.Private("mentor."), channel.ReasonEmptySegment, 15, `channel: name "private-mentor." has an empty segment at byte 15; is an id missing?`},
		{channel.Private(".a"), channel.ReasonEmptySegment, 8, ""},
		{channel.Private("a..b"), channel.ReasonEmptySegment, 10, ""},
		{channel.Public("private-a"), channel.ReasonDoublePrefix, 0, `channel: name "private-a" has a prefix of its own in the name; leave out "private-", the constructor and Echo add prefixes`},
		{channel.Public("cache-a"), channel.ReasonDoublePrefix, 0, ""},
		{channel.Private("private-a"), channel.ReasonDoublePrefix, 8, ""},
		{channel.Presence("private-encrypted-a"), channel.ReasonDoublePrefix, 9, ""},
		{channel.Private("cache-a"), channel.ReasonDoublePrefix, 8, ""},
		{channel.Private("encrypted-a"), channel.ReasonDoublePrefix, 8, `channel: name "private-encrypted-a" has a prefix of its own in the name; leave out "encrypted-", the constructor and Echo add prefixes`},
		{channel.Private("a b"), channel.ReasonIllegalCharacter, 9, ""},
		{channel.Public("#server-to-user-7"), channel.ReasonIllegalCharacter, 0, ""},
		{channel.User("a|b"), channel.ReasonIllegalCharacter, 17, ""},
		{channel.User("7").Cached(), channel.ReasonCachedUser, -1, `channel: name "#server-to-user-7" is a user channel, which cannot be cached`},
		{channel.Presence(strings.Repeat("a", 192)), channel.ReasonTooLong, 200, ""},
	} {
		err := test.ch.Validate()
		var e *channel.NameError
		require.ErrorAs(t, err, &e, "channel %q", test.ch)
		assert.Equal(t, test.reason, e.Reason, "channel %q: %v", test.ch, e)
		assert.Equal(t, test.pos, e.Pos, "channel %q", test.ch)
		if test.text != "" {
			assert.Equal(t, test.text, e.Error())
		}
	}
}

func TestValidateTakesTheRest(t *testing.T) {
	t.Parallel()
	for _, ch := range []channel.Channel{
		channel.Presence("encrypted-a"), // an ordinary presence channel
		channel.User("private-a"), channel.User("a..b"),
		channel.Public("encrypted-a"), channel.Public("privateer"),
		channel.Private(strings.Repeat("a", 192)),
	} {
		assert.NoError(t, ch.Validate(), "channel %q", ch)
	}
}
