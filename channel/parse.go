package channel

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxNameLength is the largest length of a channel name in bytes, prefixes
// included. Pusher's documents say 164, its libraries and servers take 200.
const MaxNameLength = 200

const (
	privatePrefix   = "private-"
	presencePrefix  = "presence-"
	encryptedPrefix = "private-encrypted-"
	cachePrefix     = "cache-"
	userPrefix      = "#server-to-user-"
)

// wirePrefixes lists every prefix, the longest of those that share a beginning
// first, so that the first hit decides.
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

// Parse reads a channel name as it stands on the wire and tells its kind by
// its prefix. It accepts what the protocol accepts: 1 to [MaxNameLength] bytes
// of letters, digits and _ - = @ , . ; behind the prefix. Names that are legal
// but surely a mistake, such as one with two prefixes, pass here and are found
// by [Channel.Validate]. The error is a [*NameError].
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

// Validate checks a name that the application has written itself. On top of
// what [Parse] refuses, it refuses what is legal and surely a mistake: a second
// prefix (Echo adds the prefix itself, so nobody would listen), an empty segment
// ("mentor." is what an empty id leaves behind), and a cached user channel. The
// error is a [*NameError].
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
	// Private("encrypted-x") would leave as the encrypted channel x.
	if seen, err := Parse(c.wire); err != nil || seen != c {
		return &NameError{Name: c.wire, Reason: ReasonDoublePrefix, Pos: start, prefix: "encrypted-"}
	}
	if i := emptySegment(name); i >= 0 {
		return &NameError{Name: c.wire, Reason: ReasonEmptySegment, Pos: start + i}
	}
	return nil
}

// check looks for what the protocol forbids.
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

// legal is the alphabet of channel names in the Pusher protocol.
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
	// ReasonEmpty means that there is no name, or nothing behind its prefix.
	ReasonEmpty Reason = iota + 1
	// ReasonTooLong means more than [MaxNameLength] bytes.
	ReasonTooLong
	// ReasonIllegalCharacter means a character outside the protocol's alphabet.
	ReasonIllegalCharacter
	// ReasonEmptySegment means nothing between two dots or at an end, as in "mentor.".
	ReasonEmptySegment
	// ReasonDoublePrefix means a prefix inside the name given to a constructor.
	ReasonDoublePrefix
	// ReasonCachedUser means [Channel.Cached] of a [User] channel.
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
	// Name is the name on the wire, prefix included.
	Name string
	// Reason is the cause.
	Reason Reason
	// Pos is the byte offset in Name where the cause is, or -1.
	Pos int

	prefix string
}

// Error names the cause and the cure. Long names are cut.
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
		return "is empty behind its prefix"
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
