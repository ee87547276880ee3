// Package channel names the channels that events are broadcast on.
//
// A [Channel] is a small comparable value. It holds a kind (public, private,
// presence, encrypted, or one user's connections), a name, and whether the
// server caches the last event. The constructors take the name without its
// prefix, as Laravel's channel classes do; [Channel.String] returns it with
// the prefix that the Pusher protocol requires.
//
// The constructors never fail, so that they can be used inside BroadcastOn.
// Names are checked by [Channel.Validate], which every dispatch calls, and by
// [Parse], which reads a name received over the wire.
//
// Everything in this package is a plain value or immutable, and safe for
// concurrent use.
package channel

import "fmt"

// Kind says who may subscribe to a channel and how its events are sent.
type Kind uint8

// The kinds of channel in the Pusher protocol.
const (
	// KindPublic is open to every connection. It is the zero value of Kind.
	KindPublic Kind = iota
	// KindPrivate requires each subscription to be authorised.
	KindPrivate
	// KindPresence is private, and its members can see each other.
	KindPresence
	// KindEncrypted is private, and its events are encrypted so that only
	// subscribers can read them.
	KindEncrypted
	// KindUser reaches the connections on which one user has signed in.
	KindUser
)

// String returns the kind as a word: "public", "private", "presence",
// "encrypted" or "user".
func (k Kind) String() string {
	switch k {
	case KindPublic:
		return "public"
	case KindPrivate:
		return "private"
	case KindPresence:
		return "presence"
	case KindEncrypted:
		return "encrypted"
	case KindUser:
		return "user"
	}
	return fmt.Sprintf("channel.Kind(%d)", uint8(k))
}

// Guarded reports whether subscribing requires an authorisation signed by the
// application. It does for private, presence and encrypted channels.
func (k Kind) Guarded() bool {
	return k == KindPrivate || k == KindPresence || k == KindEncrypted
}

// Channel holds a channel's kind and name, and whether it is a cache channel.
// It is comparable and can be used as a map key. The zero Channel is a public
// channel with an empty name, which [Channel.Validate] rejects.
type Channel struct {
	wire   string // the name with its prefix
	kind   Kind
	cached bool
}

// Public returns the public channel with the given name, Laravel's Channel.
func Public(name string) Channel { return Channel{wire: name, kind: KindPublic} }

// Private returns the private channel with the given name, Laravel's
// PrivateChannel. The name does not include "private-".
func Private(name string) Channel { return Channel{wire: privatePrefix + name, kind: KindPrivate} }

// Presence returns the presence channel with the given name, Laravel's
// PresenceChannel. The name does not include "presence-".
func Presence(name string) Channel { return Channel{wire: presencePrefix + name, kind: KindPresence} }

// Encrypted returns the end-to-end encrypted channel with the given name,
// Laravel's EncryptedPrivateChannel. The name does not include
// "private-encrypted-".
func Encrypted(name string) Channel {
	return Channel{wire: encryptedPrefix + name, kind: KindEncrypted}
}

// User returns the channel that reaches every connection on which the user
// with the given id has signed in (pusher.signin in the browser).
func User(id string) Channel { return Channel{wire: userPrefix + id, kind: KindUser} }

// Cached returns the cache channel of the same kind and name. The server keeps
// the last event sent to a cache channel and delivers it to later subscribers.
// Browsers subscribe to it with "cache-" in front of the name. A user channel
// cannot be cached, and [Channel.Validate] rejects one that is.
func (c Channel) Cached() Channel {
	return Channel{wire: prefixOf(c.kind, true) + c.Name(), kind: c.kind, cached: true}
}

// Kind returns the channel's kind.
func (c Channel) Kind() Kind { return c.kind }

// Name returns the name without any prefix, as passed to the constructor. For
// a user channel it is the user's id.
func (c Channel) Name() string { return c.wire[len(prefixOf(c.kind, c.cached)):] }

// IsCached reports whether the server keeps the channel's last event.
func (c Channel) IsCached() bool { return c.cached }

// IsZero reports whether c is the zero Channel.
func (c Channel) IsZero() bool { return c == Channel{} }

// String returns the name on the wire, including its prefixes, such as
// "private-encrypted-cache-chat.7".
func (c Channel) String() string { return c.wire }

// RuleName returns the name that authorisation patterns are matched against:
// the name on the wire without its leading "private-", "private-encrypted-" or
// "presence-". As in Laravel, "cache-" is kept, so the pattern of a rule for a
// cache channel is written "cache-score.{id}".
func (c Channel) RuleName() string {
	if !c.kind.Guarded() {
		return c.Name()
	}
	return c.wire[len(prefixOf(c.kind, false)):]
}

// MarshalText returns the name on the wire.
func (c Channel) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText sets c to the channel that [Parse] returns for the text, a
// name on the wire.
func (c *Channel) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}
