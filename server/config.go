package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

// Config configures a [Server]. At least one of App, Apps and Resolve is
// required; everything else has a default.
//
// A zero duration or limit is its default and a negative one is off, unless
// its comment says otherwise.
type Config struct {
	// App is the app that the server serves.
	App auth.App
	// Apps are further apps, each with an id and keys of its own.
	Apps []auth.App
	// Resolve finds apps that are not listed, such as those of tenants. It is
	// asked whenever somebody connects, calls the HTTP API or uses what
	// [Server.For] returns, by several goroutines at a time, so it should answer
	// from memory. [ErrUnknownApp] says that there is none. When it answers with
	// other keys than before, those are taken from then on, and pages that are
	// connected stay so.
	Resolve func(ctx context.Context, q AppQuery) (auth.App, error)

	// Prefix is the path that the server is mounted below, such as
	// "/realtime", empty for the root. Do not strip it in front of the server:
	// it is part of what callers of the HTTP API may sign. Pages are given it as
	// wsPath, drivers/pusher as Path, and libraries that have no such option as
	// the end of their host: "ws.example.com:8080/realtime".
	Prefix string

	// Authorizer decides subscriptions in process: those whose frame carries
	// no signature are decided for the identity that it finds in the request
	// that opened the connection. nil means that every subscription to a
	// private, presence or encrypted channel needs a signature.
	//
	// A grant counts only if it is signed with a key of the app that the page
	// connected to, as those of [auth.Handler] are: pages choose the app, and a
	// user of one tenant is nobody in another's. For several apps use a handler
	// with auth.WithAppResolver. With a single app a grant may be without Auth.
	Authorizer auth.Authorizer
	// RuleTimeout bounds one decision of the Authorizer; 10 seconds by
	// default.
	RuleTimeout time.Duration

	// AllowedOrigins are the origins of pages that may connect, such as
	// "https://app.example.com", "https://*.example.com" for every host below
	// that one, and "http://localhost:*" for every port. Without any, a page
	// may connect to the host that it came from; with some, that one needs to be
	// among them. Requests without an Origin header come from no browser and are
	// allowed.
	AllowedOrigins []string
	// InsecureAnyOrigin lets pages of every origin connect. With an Authorizer
	// that goes by cookies, this lets every site on the web subscribe as the
	// user who visits it.
	InsecureAnyOrigin bool

	// AllowMissingProtocol takes a connection without the protocol parameter
	// for one of protocol 7, for clients written by hand.
	AllowMissingProtocol bool
	// ActivityTimeout is the silence of a client after which it is pinged; it
	// is also told to the client, in whole seconds. 120 seconds by default.
	ActivityTimeout time.Duration
	// PongWait is for how long a pinged client may stay silent before it is
	// closed with 4201; 30 seconds by default.
	PongWait time.Duration
	// AuthorizedWithin closes connections that after this long have neither
	// signed in nor subscribed to a private, presence or encrypted channel.
	// Off by default. When on, a sign-in that fails closes the connection too.
	AuthorizedWithin time.Duration
	// WatchlistGrace is for how long a user who left counts as online to those
	// who watch, so that a page that is loaded anew makes no noise. 2 seconds
	// by default.
	WatchlistGrace time.Duration
	// DrainWindow is the time over which Shutdown spreads the closing of the
	// connections, as all clients come back a second after; 10 seconds by
	// default. A negative one closes all at the same time.
	DrainWindow time.Duration

	// DisableClientEvents refuses the events that pages send each other,
	// Echo's whispers.
	DisableClientEvents bool
	// SubscriptionCounts tells the subscribers of public, private and
	// encrypted channels how many they are.
	SubscriptionCounts bool

	// Limits bounds what clients and publishers may do.
	Limits Limits
	// Hooks are called when something happens on a connection.
	Hooks Hooks
	// Development gives refused clients the reason in full, such as the string
	// that should have been signed. The secret is in none of them.
	Development bool
	// Logger takes the log of the server; nil is slog.Default.
	Logger *slog.Logger
}

// AppQuery asks for an app by its id or by one of its keys; the other is
// empty.
type AppQuery struct {
	// ID is the app's id, or empty.
	ID string
	// Key is one of the app's keys, or empty.
	Key string
}

// Limits are the bounds of a [Server]. For each of them zero is the default
// and a negative value means no limit. Lengths are in bytes.
type Limits struct {
	// Connections is the most connections of the server; no limit by default.
	// One more is closed with 4100, and its client tries again.
	Connections int
	// ConnectionsPerIP is the most connections from one address, of IPv6 from
	// one /64 network; no limit by default, since behind a proxy all have the
	// same.
	ConnectionsPerIP int
	// ChannelsPerConnection is the most subscriptions of a connection; 128 by
	// default.
	ChannelsPerConnection int
	// Frame is the most bytes of one message of a client, whose connection is
	// closed with 1009 after more; 32 KiB by default. Without a limit strangers
	// can fill the memory.
	Frame int
	// Overflow is the most bytes that wait for a client whose socket is full,
	// beyond what the operating system buffers and the message that is on its
	// way, before it is closed with 4100; 1 MiB by default.
	Overflow int
	// OverflowTime is for how long the socket of such a client may stay full; 5
	// seconds by default.
	OverflowTime time.Duration
	// ClientEvents is the most client events a second of one connection, with
	// bursts of the same size; 10 by default.
	ClientEvents int
	// Leaves is the most channels that one connection leaves in a second, with
	// bursts of 20 times as many; 20 by default, and so 400 at once. A client
	// that leaves more, or asks again for channels that it is on, is not refused,
	// as the protocol has no error for it, but read more slowly.
	Leaves int
	// Refusals is the most requests of one connection that the Authorizer
	// refuses in a minute, with bursts of the same size; 120 by default. While
	// they are used up, what it would be asked is refused with status 429, and
	// it is not asked. They are counted by connection and not by address, since
	// behind a proxy all have the same, and one could lock out all others.
	Refusals int
	// EventData is the most bytes of an event's data; 10,240 by default.
	EventData int
	// EventName is the most bytes of an event's name; 200 by default.
	EventName int
	// ChannelName is the most bytes of a channel's name, prefix included; 200
	// by default, which is also the most.
	ChannelName int
	// Channels is the most channels of one request to publish; 100 by default.
	Channels int
	// Batch is the most events of one batch request; 10 by default.
	Batch int
	// PresenceMembers is the most members of a presence channel; 100 by
	// default.
	PresenceMembers int
	// UserInfo is the most bytes of what is told about a member or a user who
	// signs in, as JSON; 1,024 by default.
	UserInfo int
	// UserID is the most bytes of a user's id; 128 by default.
	UserID int
	// Watchlist is the most users that a user can watch; 100 by default.
	Watchlist int
	// CacheTTL is how long a cache channel keeps its last event; 30 minutes by
	// default.
	CacheTTL time.Duration
	// CacheBytes is about how much the cache channels of an app may hold; 64
	// MiB by default. When it is full the oldest event of some channel is
	// forgotten, as if its time were over.
	CacheBytes int
	// HookQueue is the most calls of hooks that wait; 10,000 by default. When
	// it is full the oldest is dropped, counted and logged. It cannot be
	// without limit.
	HookQueue int
}

// The defaults. Those of the protocol are in Pusher's documents.
const (
	defaultActivityTimeout = 120 * time.Second
	defaultPongWait        = 30 * time.Second
	defaultRuleTimeout     = 10 * time.Second
	defaultWatchlistGrace  = 2 * time.Second
	defaultDrainWindow     = 10 * time.Second
)

func (l *Limits) setDefaults() {
	setDefault(&l.Connections, -1)
	setDefault(&l.ConnectionsPerIP, -1)
	setDefault(&l.ChannelsPerConnection, 128)
	setDefault(&l.Frame, 32<<10)
	setDefault(&l.Overflow, 1<<20)
	setDefault(&l.OverflowTime, 5*time.Second)
	setDefault(&l.ClientEvents, 10)
	setDefault(&l.Leaves, 20)
	setDefault(&l.Refusals, 120)
	setDefault(&l.EventData, 10<<10)
	setDefault(&l.EventName, 200)
	setDefault(&l.ChannelName, channel.MaxNameLength)
	setDefault(&l.Channels, 100)
	setDefault(&l.Batch, 10)
	setDefault(&l.PresenceMembers, 100)
	setDefault(&l.UserInfo, 1<<10)
	setDefault(&l.UserID, 128)
	setDefault(&l.Watchlist, 100)
	setDefault(&l.CacheTTL, 30*time.Minute)
	setDefault(&l.CacheBytes, 64<<20)
	setDefault(&l.HookQueue, 10_000)
}

func (c *Config) setDefaults() {
	setDefault(&c.ActivityTimeout, defaultActivityTimeout)
	setDefault(&c.PongWait, defaultPongWait)
	setDefault(&c.RuleTimeout, defaultRuleTimeout)
	setDefault(&c.WatchlistGrace, defaultWatchlistGrace)
	setDefault(&c.DrainWindow, defaultDrainWindow)
	c.Limits.setDefaults()
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
}

// setDefault sets a zero value to its default.
func setDefault[T int | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// over reports whether n is beyond the limit; a negative limit is none.
func over(n, limit int) bool { return limit >= 0 && n > limit }

// validate reports all that is wrong at once.
func (c *Config) validate() error {
	var errs []error
	wrong := func(format string, args ...any) { errs = append(errs, fmt.Errorf("server: "+format, args...)) }
	if p := c.Prefix; p != "" && (p[0] != '/' || strings.HasSuffix(p, "/") || strings.ContainsAny(p, "?#%")) {
		wrong("prefix %q must begin with a slash, end without one and hold no ? # %%", p)
	}
	if c.ActivityTimeout > 0 && c.ActivityTimeout < time.Second {
		wrong("activity timeout %s is less than a second, which clients cannot be told", c.ActivityTimeout)
	}
	if c.Limits.ChannelName > channel.MaxNameLength {
		wrong("channel name limit %d is more than %d, which is as far as names are understood", c.Limits.ChannelName, channel.MaxNameLength)
	}
	if c.Limits.HookQueue < 0 {
		wrong("hook queue must have a limit; it is %d", c.Limits.HookQueue)
	}
	if c.InsecureAnyOrigin && len(c.AllowedOrigins) > 0 {
		wrong("AllowedOrigins and InsecureAnyOrigin contradict each other; set one")
	}
	return errors.Join(errs...)
}
