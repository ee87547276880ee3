package server

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/strictjson"
)

// Hooks are functions of the application that the server calls when something
// happens. Any of them may be nil.
//
// They are called one at a time, in the order in which things happened on a
// channel and on a connection, and never under a lock of the server. So a hook
// may take its time and may call the server. Meanwhile, further calls wait in a
// queue (Limits.HookQueue). A panic in a hook is logged and goes no further.
//
// [Server.Shutdown] waits for all hooks that are running or queued, so a hook
// must not wait for Shutdown. The context of the hooks is cancelled when
// Shutdown is done, or when the context given to Shutdown is. What a hook
// publishes after the last connection has ended is refused with [ErrClosed].
type Hooks struct {
	// Connected and Disconnected are called when a connection has opened and
	// when it has ended.
	Connected, Disconnected func(ctx context.Context, c Connection)
	// Subscribed and Unsubscribed are called when a connection has joined a
	// channel and when it has left one. The channels of users are included. A
	// connection that ends leaves all its channels first.
	Subscribed, Unsubscribed func(ctx context.Context, s Subscription)
	// MemberJoined and MemberLeft are called when the first connection of a
	// user has joined a presence channel and when the last one has left it.
	MemberJoined, MemberLeft func(ctx context.Context, m MemberChange)
	// ClientEvent is called for every event that a page sends to others, after
	// it has been passed on.
	ClientEvent func(ctx context.Context, e ClientEvent)
	// CacheMiss is called when a connection subscribes to a cache channel that
	// holds no event.
	CacheMiss func(ctx context.Context, m CacheMiss)
}

// Connection describes the connection of a page.
type Connection struct {
	// AppID is the id of the app.
	AppID string
	// SocketID identifies the connection. It is not secret: all that anybody
	// can do with it is to exclude the connection from their own events.
	SocketID string
	// UserID is the id of the user who has signed in, or empty.
	UserID string
	// RemoteAddr is the address that the connection comes from. It may be that
	// of a proxy.
	RemoteAddr string
	// Opened is when the connection was opened.
	Opened time.Time
}

// Subscription describes a connection that has joined or left a channel.
type Subscription struct {
	// AppID, Channel and SocketID say who subscribed to what.
	AppID    string
	Channel  channel.Channel
	SocketID string
	// UserID is the id of the member on a presence channel; empty on others.
	UserID string
	// Subscriptions is how many connections are on the channel now: 1 after the
	// first has joined, 0 after the last has left.
	Subscriptions int
}

// MemberChange describes a user who has joined or left a presence channel.
type MemberChange struct {
	// AppID, Channel and UserID say which user and which channel.
	AppID   string
	Channel channel.Channel
	UserID  string
	// Info is what the other members are told about the user, as JSON. It is
	// null if there is nothing to tell.
	Info string
}

// ClientEvent describes an event that a page sent to the other subscribers of a
// channel.
type ClientEvent struct {
	// AppID, Channel and SocketID say which connection sent it, and where.
	AppID    string
	Channel  channel.Channel
	SocketID string
	// Event is the event's name, including "client-", and Data is what came
	// with it.
	Event string
	Data  string
	// UserID is the id of the member on a presence channel; empty on others.
	UserID string
}

// CacheMiss describes a subscription to a cache channel that holds no event.
type CacheMiss struct {
	// AppID, Channel and SocketID say who subscribed to what.
	AppID    string
	Channel  channel.Channel
	SocketID string
}

// hookQueue holds the calls of hooks that are still to be made. One goroutine
// makes them, and runs only while there are any.
type hookQueue struct {
	server *Server

	mu      sync.Mutex
	ring    []func(context.Context) // the oldest is at first; grows up to the limit
	first   int
	waiting int
	running bool
	dropped uint64 // in all
	logged  uint64 // of them
}

func (q *hookQueue) init(s *Server) { q.server = s }

// push queues a call. It may be called under locks of the server.
func (q *hookQueue) push(call func(context.Context)) {
	q.mu.Lock()
	defer q.mu.Unlock()
	limit := q.server.limits.HookQueue
	switch {
	case q.waiting < len(q.ring):
	case len(q.ring) < limit:
		grown := make([]func(context.Context), min(max(64, 2*len(q.ring)), limit))
		n := copy(grown, q.ring[q.first:])
		copy(grown[n:], q.ring[:q.first])
		q.ring, q.first = grown, 0
	default: // the oldest makes room
		q.first = (q.first + 1) % len(q.ring)
		q.waiting--
		q.dropped++
	}
	q.ring[(q.first+q.waiting)%len(q.ring)] = call
	q.waiting++
	if !q.running {
		q.running = true
		q.server.wg.Go(q.run)
	}
}

func (q *hookQueue) run() {
	for {
		q.mu.Lock()
		if q.waiting == 0 {
			q.running = false
			q.ring, q.first = nil, 0
			q.mu.Unlock()
			return
		}
		call := q.ring[q.first]
		q.ring[q.first] = nil
		q.first = (q.first + 1) % len(q.ring)
		q.waiting--
		q.mu.Unlock()
		q.make(call)
	}
}

func (q *hookQueue) make(call func(context.Context)) {
	defer func() {
		if v := recover(); v != nil {
			q.server.log.Error("hook panicked", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
		}
	}()
	call(q.server.base)
}

// logDropped logs what was dropped since the last time.
func (q *hookQueue) logDropped() {
	q.mu.Lock()
	n := q.dropped - q.logged
	q.logged = q.dropped
	q.mu.Unlock()
	if n > 0 {
		q.server.log.Warn("calls of hooks dropped: they come faster than the hooks return",
			slog.Uint64("dropped", n), slog.String("limit", "Limits.HookQueue"))
	}
}

func (q *hookQueue) droppedTotal() uint64 {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.dropped
}

func (c *conn) hookConnected() {
	if f := c.server.config.Hooks.Connected; f != nil {
		about := c.about()
		c.server.hooks.push(func(ctx context.Context) { f(ctx, about) })
	}
}

func (c *conn) hookDisconnected(userID string) {
	if f := c.server.config.Hooks.Disconnected; f != nil {
		about := c.about()
		about.UserID = userID
		c.server.hooks.push(func(ctx context.Context) { f(ctx, about) })
	}
}

// hookJoined is called under the lock of the channel, as are hookLeft and
// hookClientEvent.
func (c *conn) hookJoined(rm *room, sub *subscription, first, missed bool) {
	h := &c.server.config.Hooks
	if f := h.Subscribed; f != nil {
		about := c.aboutSubscription(rm, sub)
		c.server.hooks.push(func(ctx context.Context) { f(ctx, about) })
	}
	if f := h.MemberJoined; f != nil && first {
		about := c.aboutMember(sub)
		c.server.hooks.push(func(ctx context.Context) { f(ctx, about) })
	}
	if f := h.CacheMiss; f != nil && missed {
		about := CacheMiss{AppID: c.app.id, Channel: sub.ch, SocketID: c.id}
		c.server.hooks.push(func(ctx context.Context) { f(ctx, about) })
	}
}

func (c *conn) hookLeft(rm *room, sub *subscription, last bool) {
	h := &c.server.config.Hooks
	if f := h.MemberLeft; f != nil && last {
		about := c.aboutMember(sub)
		c.server.hooks.push(func(ctx context.Context) { f(ctx, about) })
	}
	if f := h.Unsubscribed; f != nil {
		about := c.aboutSubscription(rm, sub)
		c.server.hooks.push(func(ctx context.Context) { f(ctx, about) })
	}
}

func (c *conn) hookClientEvent(sub *subscription, event string, quotedData []byte, userID string) {
	if f := c.server.config.Hooks.ClientEvent; f != nil {
		data, _ := strictjson.String(quotedData)
		about := ClientEvent{AppID: c.app.id, Channel: sub.ch, Event: event, Data: data, SocketID: c.id, UserID: userID}
		c.server.hooks.push(func(ctx context.Context) { f(ctx, about) })
	}
}

func (c *conn) aboutSubscription(rm *room, sub *subscription) Subscription {
	about := Subscription{AppID: c.app.id, Channel: sub.ch, SocketID: c.id, Subscriptions: rm.count}
	if sub.member != nil {
		about.UserID = sub.member.id
	}
	return about
}

func (c *conn) aboutMember(sub *subscription) MemberChange {
	return MemberChange{AppID: c.app.id, Channel: sub.ch, UserID: sub.member.id, Info: string(sub.member.info)}
}
