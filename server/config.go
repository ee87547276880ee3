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
// For durations and limits, zero selects the default and a negative value
// switches the bound off, unless the field's comment says otherwise.
type Config struct {
	// App is the app that the server serves.
	App auth.App
	// Apps are further apps, each with its own id and keys.
	Apps []auth.App
	// Resolve finds apps that are not listed above, such as those of tenants.
	// It is called whenever somebody connects, calls the HTTP API or uses a
	// [Hub] from [Server.For], by several goroutines at a time, so it should
	// answer from memory. It returns [ErrUnknownApp] if there is no such app.
	// When it returns other keys than before, the new ones apply from then on,
	// and pages that are connected stay connected.
	Resolve func(ctx context.Context, q AppQuery) (auth.App, error)

	// Prefix is the path that the server is mounted below, such as "/realtime",
	// or empty for the root. Do not strip it from requests before they reach
	// the server: callers of the HTTP API may have signed it. Pages set it as
	// wsPath, and drivers/pusher as Path. With libraries that have no such
	// option, append it to the host: "ws.example.com:8080/realtime".
	Prefix string

	// Authorizer decides in process about subscriptions and sign-ins that carry
	// no signature. It identifies the request that opened the connection, and
	// decides for that identity. If it is nil, every sign-in and every
	// subscription to a private, presence or encrypted channel needs a
	// signature.
	//
	// A grant counts only if it is signed with a key of the app that the page
	// connected to. [auth.Handler] signs its grants. Pages choose the app they
	// connect to, and a user of one tenant must not become a user of another.
	// For several apps, use a handler with auth.WithAppResolver. With a single
	// app, a grant may leave Auth empty.
	Authorizer auth.Authorizer
	// RuleTimeout bounds one decision of the Authorizer; 10 seconds by default.
	RuleTimeout time.Duration

	// AllowedOrigins are the origins of pages that may connect, such as
	// "https://app.example.com", "https://*.example.com" for every host below
	// example.com, and "http://localhost:*" for every port. If there are none,
	// a page may connect to the host that it was loaded from. If there are any,
	// that origin must be among them. Requests without an Origin header do not
	// come from a browser and are allowed.
	AllowedOrigins []string
	// InsecureAnyOrigin lets pages of every origin connect. With an Authorizer
	// that relies on cookies, it lets every site on the web subscribe as the
	// user who visits it.
	InsecureAnyOrigin bool

	// AllowMissingProtocol treats a connection without the protocol parameter
	// as one of protocol 7. It is meant for clients written by hand.
	AllowMissingProtocol bool
	// ActivityTimeout is how long a client may be silent before the server
	// pings it. The client is told it too, in whole seconds, so it cannot be
	// between zero and one second. 120 seconds by default.
	ActivityTimeout time.Duration
	// PongWait is how long a client that was pinged may stay silent before it
	// is closed with 4201; 30 seconds by default.
	PongWait time.Duration
	// AuthorizedWithin is how long a connection may stay open without signing
	// in or subscribing to a private, presence or encrypted channel. After that
	// it is closed with 4009. Off by default. When it is on, a failed sign-in
	// closes the connection too.
	AuthorizedWithin time.Duration
	// WatchlistGrace is how long a user who has left still counts as online to
	// those who watch the user, so that nobody is told of a page that is only
	// reloaded. 2 seconds by default.
	WatchlistGrace time.Duration
	// DrainWindow is the time over which Shutdown spreads the closing of the
	// connections, because every client reconnects a second after it is closed.
	// 10 seconds by default. A negative value closes all of them at once.
	DrainWindow time.Duration

	// DisableClientEvents refuses the events that pages send to each other,
	// which Echo calls whispers.
	DisableClientEvents bool
	// SubscriptionCounts tells the subscribers of public, private and encrypted
	// channels how many of them there are.
	SubscriptionCounts bool

	// Limits bounds what clients and publishers may do.
	Limits Limits
	// Hooks are called when something happens on a connection.
	Hooks Hooks
	// Development tells refused clients the full reason, such as the string
	// that should have been signed. The reason never contains the secret.
	Development bool
	// Logger receives the log of the server; nil means slog.Default.
	Logger *slog.Logger
}

// AppQuery asks for an app by its id or by one of its keys. The other field is
// empty.
type AppQuery struct {
	// ID is the app's id, or empty.
	ID string
	// Key is one of the app's keys, or empty.
	Key string
}

// Limits are the bounds of a [Server]. For each of them, zero selects the
// default and a negative value means no limit. Lengths are in bytes.
type Limits struct {
	// Connections is the maximum number of open connections; no limit by
	// default. A connection beyond it is closed with 4100, and its client tries
	// again.
	Connections int
	// ConnectionsPerIP is the maximum number of connections from one IPv4
	// address or one IPv6 /64 network. A connection beyond it is closed with
	// 4100. No limit by default, since behind a proxy all connections share one
	// address.
	ConnectionsPerIP int
	// ChannelsPerConnection is the maximum number of channels that a connection
	// is subscribed to; 128 by default.
	ChannelsPerConnection int
	// Frame is the maximum length of one message from a client; 32 KiB by
	// default. A longer one closes the connection with 1009. Without a limit, a
	// stranger can exhaust the memory.
	Frame int
	// Overflow is the maximum number of bytes that wait for a client whose
	// socket is full; 1 MiB by default. What the operating system buffers and
	// the message that is being written do not count. A client beyond it is
	// closed with 4100.
	Overflow int
	// OverflowTime is how long such a client may take nothing at all before it
	// is closed with 4100; 5 seconds by default.
	OverflowTime time.Duration
	// ClientEvents is the maximum number of client events per second from one
	// connection, with bursts of the same size; 10 by default.
	ClientEvents int
	// Leaves is the maximum number of channels per second that one connection
	// leaves, with bursts of 20 times as many. 20 by default, and so 400 at
	// once. Subscribing again to a channel counts as leaving one. A client
	// beyond the limit is not refused, since the protocol has no error for
	// this. The server reads from it more slowly instead.
	Leaves int
	// Refusals is the maximum number of requests per minute from one connection
	// that the Authorizer refuses, with bursts of the same size; 120 by
	// default. Once a connection has used them up, whatever the Authorizer
	// would have to decide is refused with status 429 without asking it.
	// Refusals are counted by connection and not by address: behind a proxy all
	// connections share one address, and one client could lock out all the
	// others.
	Refusals int
	// EventData is the maximum length of an event's data; 10,240 by default.
	EventData int
	// EventName is the maximum length of an event's name; 200 by default.
	EventName int
	// ChannelName is the maximum length of a channel's name, prefix included;
	// 200 by default, which is also the highest value allowed.
	ChannelName int
	// Channels is the maximum number of channels in one publish request to the
	// HTTP API; 100 by default.
	Channels int
	// Batch is the maximum number of events in one batch request to the HTTP
	// API; 10 by default.
	Batch int
	// PresenceMembers is the maximum number of members of a presence channel;
	// 100 by default.
	PresenceMembers int
	// UserInfo is the maximum length of the information about a presence member
	// or a user who signs in, as JSON; 1,024 by default.
	UserInfo int
	// UserID is the maximum length of a user's id; 128 by default.
	UserID int
	// Watchlist is the maximum number of users that one user can watch; 100 by
	// default. Of a longer list, the first ones are watched.
	Watchlist int
	// CacheTTL is how long a cache channel keeps its last event; 30 minutes by
	// default.
	CacheTTL time.Duration
	// CacheBytes is roughly how much memory the cached events of one app may
	// take; 64 MiB by default. Beyond it the oldest event of some channel is
	// forgotten, as if it had expired.
	CacheBytes int
	// HookQueue is the maximum number of hook calls that wait; 10,000 by
	// default. When the queue is full, the oldest call is dropped, counted and
	// logged. A negative value is an error.
	HookQueue int
}

// The default durations. Those of the protocol are documented by Pusher.
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

// setDefault replaces a zero value with its default.
func setDefault[T int | time.Duration](v *T, to T) {
	if *v == 0 {
		*v = to
	}
}

// over reports whether n exceeds the limit; a negative limit means none.
func over(n, limit int) bool { return limit >= 0 && n > limit }

// validate reports everything that is wrong at once.
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
