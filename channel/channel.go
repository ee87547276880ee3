// Package channel names the places an event goes to.
//
// A [Channel] is a small comparable value: a kind (public, private, presence,
// encrypted, or one user's connections), whether the last event is cached, and
// a name. The constructors take the name without its prefix, as Laravel's
// channel classes do; [Channel.String] adds the prefix that the Pusher
// protocol asks for.
//
// Names cannot fail where they are written, so that they can be used inside
// BroadcastOn. They are checked by [Channel.Validate], which every dispatch
// calls, and by [Parse], which reads a name that came over the wire.
//
// Everything in this package is a value or immutable and safe for concurrent
// use.
package channel

import "fmt"

// Kind says who may subscribe to a channel and what travels on it.
type Kind uint8

// The kinds of channels of the Pusher protocol.
const (
	// KindPublic is open to every connection. It is the zero Kind.
	KindPublic Kind = iota
	// KindPrivate needs an authorised subscription.
	KindPrivate
	// KindPresence is private and shows its members to each other.
	KindPresence
	// KindEncrypted is private, and its events are sealed for the subscribers.
	KindEncrypted
	// KindUser reaches the connections that one user has signed in on.
	KindUser
)

// String returns the word for the kind: "public", "private", "presence",
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

// Guarded reports whether a subscription needs an authorisation signed by the
// application: private, presence and encrypted channels do.
func (k Kind) Guarded() bool {
	return k == KindPrivate || k == KindPresence || k == KindEncrypted
}

// Channel is a channel's kind, name and whether it is a cache channel. It is
// comparable and can be a map key. The zero Channel is a public channel with
// an empty name, which [Channel.Validate] refuses.
type Channel struct {
	wire   string // the name with its prefix
	kind   Kind
	cached bool
}

// Public returns the public channel of that name, Laravel's Channel.
func Public(name string) Channel { return Channel{wire: name, kind: KindPublic} }

// Private returns the private channel of that name, Laravel's PrivateChannel.
// The name is written without "private-".
func Private(name string) Channel { return Channel{wire: privatePrefix + name, kind: KindPrivate} }

// Presence returns the presence channel of that name, Laravel's
// PresenceChannel. The name is written without "presence-".
func Presence(name string) Channel { return Channel{wire: presencePrefix + name, kind: KindPresence} }

// Encrypted returns the end-to-end encrypted channel of that name, Laravel's
// EncryptedPrivateChannel. The name is written without "private-encrypted-".
func Encrypted(name string) Channel {
	return Channel{wire: encryptedPrefix + name, kind: KindEncrypted}
}

// User returns the channel that reaches every connection on which the user
// with that id has signed in (pusher.signin in the browser).
func User(id string) Channel { return Channel{wire: userPrefix + id, kind: KindUser} }

// Cached returns the cache channel of the same kind and name: the server keeps
// the last event and gives it to whoever subscribes later. Browsers subscribe
// to it with "cache-" in front of the name. A user channel cannot be cached;
// [Channel.Validate] refuses it.
func (c Channel) Cached() Channel {
	return Channel{wire: prefixOf(c.kind, true) + c.Name(), kind: c.kind, cached: true}
}

// Kind returns the channel's kind.
func (c Channel) Kind() Kind { return c.kind }

// Name returns the name without any prefix, as it was given to the
// constructor. For a user channel it is the user's id.
func (c Channel) Name() string { return c.wire[len(prefixOf(c.kind, c.cached)):] }

// IsCached reports whether the server keeps the channel's last event.
func (c Channel) IsCached() bool { return c.cached }

// IsZero reports whether c is the zero Channel.
func (c Channel) IsZero() bool { return c == Channel{} }

// String returns the name on the wire, prefixes included, such as
// "private-encrypted-cache-chat.7".
func (c Channel) String() string { return c.wire }

// RuleName returns the name that authorisation patterns are matched against:
// the name on the wire without its one leading "private-",
// "private-encrypted-" or "presence-". As in Laravel, "cache-" stays, so a
// rule for a cache channel is written "cache-score.{id}".
func (c Channel) RuleName() string {
	if !c.kind.Guarded() {
		return c.Name()
	}
	return c.wire[len(prefixOf(c.kind, false)):]
}

// MarshalText returns the name on the wire.
func (c Channel) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a name on the wire with [Parse].
func (c *Channel) UnmarshalText(text []byte) error {
	parsed, err := Parse(string(text))
	if err != nil {
		return err
	}
	*c = parsed
	return nil
}
