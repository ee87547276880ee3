package channel

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxNameLength is the maximum length of a channel name in bytes, including
// prefixes. Pusher documents a limit of 164, but its libraries and servers
// accept 200.
const MaxNameLength = 200

const (
	privatePrefix   = "private-"
	presencePrefix  = "presence-"
	encryptedPrefix = "private-encrypted-"
	cachePrefix     = "cache-"
	userPrefix      = "#server-to-user-"
)

// wirePrefixes lists every prefix. A prefix that begins with another one comes
// before it, so the first match decides.
var wirePrefixes = [...]struct {
	prefix string
	kind   Kind
	cached bool
}{
	{userPrefix, KindUser, false},
	{encryptedPrefix + cachePrefix, KindEncrypted, true},
	{encryptedPrefix, KindEncrypted, false},
	{privatePrefix + cachePrefix, KindPrivate, true},
	{privatePrefix, KindPrivate, false},
	{presencePrefix + cachePrefix, KindPresence, true},
	{presencePrefix, KindPresence, false},
	{cachePrefix, KindPublic, true},
}

func prefixOf(kind Kind, cached bool) string {
	for _, p := range wirePrefixes {
		if p.kind == kind && p.cached == cached {
			return p.prefix
		}
	}
	if kind == KindUser {
		return userPrefix
	}
	return ""
}

// Parse parses a channel name as it appears on the wire; the prefix determines
// the kind. It accepts what the protocol accepts: at most [MaxNameLength] bytes
// in all, with at least one letter, digit or one of _ - = @ , . ; after the
// prefix. It does not reject names that are legal but almost certainly a
// mistake, such as one with two prefixes; [Channel.Validate] does. The error is
// a [*NameError].
func Parse(wire string) (Channel, error) {
	c := Channel{wire: wire}
	for _, p := range wirePrefixes {
		if strings.HasPrefix(wire, p.prefix) {
			c.kind, c.cached = p.kind, p.cached
			break
		}
	}
	if err := c.check(); err != nil {
		return Channel{}, err
	}
	return c, nil
}

// Validate checks a name chosen by the application. In addition to what
// [Parse] rejects, it rejects names that are legal but almost certainly a
// mistake: a second prefix (Echo adds the prefix itself, so nobody would be
// listening), an empty segment (an empty id leaves "mentor." behind), and a
// cached user channel. User ids are not checked for prefixes and empty
// segments. The error is a [*NameError].
func (c Channel) Validate() error {
	if err := c.check(); err != nil {
		return err
	}
	if c.kind == KindUser {
		if c.cached {
			return &NameError{Name: c.wire, Reason: ReasonCachedUser, Pos: -1}
		}
		return nil
	}
	name := c.Name()
	start := len(c.wire) - len(name)
	for _, p := range wirePrefixes {
		if strings.HasPrefix(name, p.prefix) {
			return &NameError{Name: c.wire, Reason: ReasonDoublePrefix, Pos: start, prefix: p.prefix}
		}
	}
	// Private("encrypted-x") would be the encrypted channel x on the wire.
	if seen, err := Parse(c.wire); err != nil || seen != c {
		return &NameError{Name: c.wire, Reason: ReasonDoublePrefix, Pos: start, prefix: "encrypted-"}
	}
	if i := emptySegment(name); i >= 0 {
		return &NameError{Name: c.wire, Reason: ReasonEmptySegment, Pos: start + i}
	}
	return nil
}

// check reports what the protocol forbids.
func (c Channel) check() error {
	start := len(c.wire) - len(c.Name())
	if start == len(c.wire) {
		return &NameError{Name: c.wire, Reason: ReasonEmpty, Pos: start}
	}
	if len(c.wire) > MaxNameLength {
		return &NameError{Name: c.wire, Reason: ReasonTooLong, Pos: MaxNameLength}
	}
	for i := start; i < len(c.wire); i++ {
		if !legal[c.wire[i]] {
			return &NameError{Name: c.wire, Reason: ReasonIllegalCharacter, Pos: i}
		}
	}
	return nil
}

func emptySegment(name string) int {
	if name[0] == '.' {
		return 0
	}
	if i := strings.Index(name, ".."); i >= 0 {
		return i + 1
	}
	if name[len(name)-1] == '.' {
		return len(name)
	}
	return -1
}

// legal holds the bytes that the Pusher protocol allows in channel names.
var legal = func() (t [256]bool) {
	for c := range 256 {
		b := byte(c)
		t[c] = b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z' || b >= '0' && b <= '9' ||
			strings.IndexByte("_-=@,.;", b) >= 0
	}
	return t
}()

// Reason says what is wrong with a channel name.
type Reason uint8

// The reasons of a [NameError].
const (
	// ReasonEmpty means that the name is empty, or has nothing after its prefix.
	ReasonEmpty Reason = iota + 1
	// ReasonTooLong means that the name has more than [MaxNameLength] bytes.
	ReasonTooLong
	// ReasonIllegalCharacter means that the name has a character that the
	// protocol does not allow.
	ReasonIllegalCharacter
	// ReasonEmptySegment means that the name begins or ends with a dot, as in
	// "mentor.", or has two dots in a row.
	ReasonEmptySegment
	// ReasonDoublePrefix means that the name passed to a constructor already
	// has a prefix.
	ReasonDoublePrefix
	// ReasonCachedUser means that [Channel.Cached] was called on a [User]
	// channel.
	ReasonCachedUser
)

// String returns the reason in words, such as "double prefix".
func (r Reason) String() string {
	switch r {
	case ReasonEmpty:
		return "empty"
	case ReasonTooLong:
		return "too long"
	case ReasonIllegalCharacter:
		return "illegal character"
	case ReasonEmptySegment:
		return "empty segment"
	case ReasonDoublePrefix:
		return "double prefix"
	case ReasonCachedUser:
		return "cached user channel"
	}
	return fmt.Sprintf("channel.Reason(%d)", uint8(r))
}

// NameError reports a channel name that cannot be used.
type NameError struct {
	// Name is the name on the wire, including its prefix.
	Name string
	// Reason says what is wrong with the name.
	Reason Reason
	// Pos is the byte offset of the problem in Name, or -1 if it has none.
	Pos int

	prefix string
}

// Error returns a message that names the problem and, where there is one, the
// remedy. A name of more than 80 bytes is truncated.
func (e *NameError) Error() string {
	name := e.Name
	if len(name) > 80 {
		name = strings.ToValidUTF8(name[:80], "") + "…"
	}
	return fmt.Sprintf("channel: name %q %s", name, e.detail())
}

func (e *NameError) detail() string {
	switch e.Reason {
	case ReasonEmpty:
		if e.Name == "" {
			return "is empty"
		}
		return "is empty after its prefix"
	case ReasonTooLong:
		return fmt.Sprintf("has %d bytes, the limit is %d", len(e.Name), MaxNameLength)
	case ReasonIllegalCharacter:
		r, _ := utf8.DecodeRuneInString(e.Name[e.Pos:])
		return fmt.Sprintf("has the character %q at byte %d; letters, digits and _ - = @ , . ; are allowed", r, e.Pos)
	case ReasonEmptySegment:
		return fmt.Sprintf("has an empty segment at byte %d; is an id missing?", e.Pos)
	case ReasonDoublePrefix:
		return fmt.Sprintf("has a prefix of its own in the name; leave out %q, the constructor and Echo add prefixes", e.prefix)
	case ReasonCachedUser:
		return "is a user channel, which cannot be cached"
	}
	return "is not valid"
}
