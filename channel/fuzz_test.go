package channel_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/onairgo/onair/channel"
)

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"", "a", "private-a.1", "private-encrypted-cache-a", "presence-cache-", "cache-a", "#server-to-user-7",
		"private-private-a", "private-é", "a\x00", "private-a:{\"user_id\":1}", strings.Repeat("a", 201),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, wire string) {
		ch, err := channel.Parse(wire)
		if err != nil {
			e, ok := errors.AsType[*channel.NameError](err)
			if !ok || e.Name != wire || e.Pos < 0 || e.Pos > len(wire) || e.Error() == "" || !ch.IsZero() {
				t.Fatalf("Parse(%q) = %+v, %#v", wire, ch, err)
			}
			return
		}
		if ch.String() != wire {
			t.Fatalf("Parse(%q).String() = %q", wire, ch)
		}
		if len(wire) > channel.MaxNameLength || strings.ContainsAny(wire, ":\n\r\x00 \"{}\\") {
			t.Fatalf("%q was taken", wire)
		}
		if guarded := strings.HasPrefix(wire, "private-") || strings.HasPrefix(wire, "presence-"); guarded != ch.Kind().Guarded() {
			t.Fatalf("%q is %v", wire, ch.Kind())
		}
		if err := ch.Validate(); err == nil && rebuild(ch) != ch {
			t.Fatalf("%q is valid, and its constructor makes %q of it", wire, rebuild(ch))
		}
	})
}

// rebuild makes the channel with its constructor.
func rebuild(ch channel.Channel) channel.Channel {
	made := map[channel.Kind]func(string) channel.Channel{
		channel.KindPublic: channel.Public, channel.KindPrivate: channel.Private, channel.KindPresence: channel.Presence,
		channel.KindEncrypted: channel.Encrypted, channel.KindUser: channel.User,
	}[ch.Kind()](ch.Name())
	if ch.IsCached() {
		return made.Cached()
	}
	return made
}

func FuzzPattern(f *testing.F) {
	for _, s := range [][2]string{
		{"a.{id}", "a.1"},
		{"{a}-{b}", "1-2-3"},
		{"{a}{b}", "xyz"},
		{"{a}x{b}", "xxx"},
		{"{x}..{y}", "a..b"},
		{"a|b", "a"},
		{"a.{", "a"},
		{"{id}.{id}", "1.1"},
		{"{a}é{b}", "1é2"},
		{"r.{a}{b}", "r.\xff\xfe"},
		{"{a}{b}", "é"},
	} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, pattern, name string) {
		p, err := channel.ParsePattern(pattern)
		if err != nil {
			if e, ok := errors.AsType[*channel.PatternError](err); !ok || e.Pos < 0 || e.Pos > len(pattern) {
				t.Fatalf("ParsePattern(%q): %#v", pattern, err)
			}
			return
		}
		if p.String() != pattern {
			t.Fatalf("ParsePattern(%q).String() = %q", pattern, p)
		}
		got, ok := p.Match(name)
		if !utf8.ValidString(pattern) || len(pattern) > 300 || len(name) > 300 {
			return // package regexp cannot be asked, or takes too long
		}
		want, wantOK := reference(pattern, name)
		if ok != wantOK || !slices.Equal(got, want) {
			t.Fatalf("pattern %q, name %q: %q %v, want %q %v", pattern, name, got, ok, want, wantOK)
		}
	})
}
