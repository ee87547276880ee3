package server

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"sync/atomic"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
)

// ChannelInfo describes an occupied channel at one moment.
type ChannelInfo struct {
	channel.Channel
	// AppID is the id of the app.
	AppID string
	// Subscriptions is how many connections are on the channel.
	Subscriptions int
	// Users is how many distinct users are on the channel if it is a presence
	// channel, and 0 otherwise.
	Users int
}

// Channels yields the occupied channels of the app, in no particular order.
// Channels that become occupied or empty meanwhile may or may not be yielded.
// The channels of users are left out. If the app is unknown, there are none.
func (h *Hub) Channels() iter.Seq[ChannelInfo] {
	return func(yield func(ChannelInfo) bool) {
		a, err := h.app(context.Background())
		if err == nil {
			a.channels(yield)
		}
	}
}

// Channels is like [Hub.Channels], but over all apps.
func (s *Server) Channels() iter.Seq[ChannelInfo] {
	return func(yield func(ChannelInfo) bool) {
		for _, a := range s.apps.all() {
			if !a.channels(yield) {
				return
			}
		}
	}
}

func (a *app) channels(yield func(ChannelInfo) bool) bool {
	for ch, o := range a.occupied("") {
		if !yield(ChannelInfo{Channel: ch, AppID: a.id, Subscriptions: o.subscriptions, Users: o.users}) {
			return false
		}
	}
	return true
}

// Members returns the members of a presence channel in the order in which they
// joined, and none if the channel is empty. Info is a json.RawMessage or nil.
// For any other kind of channel it returns an error.
func (h *Hub) Members(ctx context.Context, ch channel.Channel) ([]auth.Member, error) {
	if ch.Kind() != channel.KindPresence {
		return nil, fmt.Errorf("server: %q is a %s channel; only presence channels have members", ch, ch.Kind())
	}
	a, err := h.app(ctx)
	if err != nil {
		return nil, err
	}
	name := ch.String()
	st := a.stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	rm := st.rooms[name]
	if rm == nil {
		return nil, nil
	}
	members := make([]auth.Member, len(rm.presence.members))
	for i, m := range rm.presence.members {
		members[i].ID = m.id
		if string(m.info) != "null" {
			members[i].Info = json.RawMessage(m.info)
		}
	}
	return members, nil
}

// Members is like [Hub.Members], for the only app of the server. With several
// apps it returns an error; use [Server.For].
func (s *Server) Members(ctx context.Context, ch channel.Channel) ([]auth.Member, error) {
	return s.only().Members(ctx, ch)
}

// Connections yields the open connections of the app, in no particular order.
// If the app is unknown, there are none.
func (h *Hub) Connections() iter.Seq[Connection] {
	return func(yield func(Connection) bool) {
		a, err := h.app(context.Background())
		if err == nil {
			a.connections(yield)
		}
	}
}

// Connections is like [Hub.Connections], but over all apps.
func (s *Server) Connections() iter.Seq[Connection] {
	return func(yield func(Connection) bool) {
		for _, a := range s.apps.all() {
			if !a.connections(yield) {
				return
			}
		}
	}
}

func (a *app) connections(yield func(Connection) bool) bool {
	for _, c := range a.appendConns(nil) {
		about := c.about()
		about.UserID = c.userID()
		if !yield(about) {
			return false
		}
	}
	return true
}

// appendConns appends the open connections to dst.
func (a *app) appendConns(dst []*conn) []*conn {
	a.connsMu.RLock()
	defer a.connsMu.RUnlock()
	for _, c := range a.conns {
		dst = append(dst, c)
	}
	return dst
}

// about describes the connection, without its user.
func (c *conn) about() Connection {
	return Connection{
		AppID:      c.app.id,
		SocketID:   c.id,
		RemoteAddr: c.netConn.RemoteAddr().String(),
		Opened:     c.server.start.Add(time.Duration(c.opened)),
	}
}

func (c *conn) userID() string {
	c.app.userTable.mu.Lock()
	defer c.app.userTable.mu.Unlock()
	if c.user == nil {
		return ""
	}
	return c.user.id
}

// Terminate closes every connection on which the user has signed in, and
// returns how many there were. The code is 4009, after which pusher-js does not
// reconnect. Connections where the user is only a member of a presence channel,
// without having signed in, stay open.
func (h *Hub) Terminate(ctx context.Context, userID string) (int, error) {
	a, err := h.app(ctx)
	if err != nil {
		return 0, err
	}
	return a.terminate(userID), nil
}

// Terminate is like [Hub.Terminate], for the only app of the server. With
// several apps it returns an error; use [Server.For].
func (s *Server) Terminate(ctx context.Context, userID string) (int, error) {
	return s.only().Terminate(ctx, userID)
}

// Stats counts what a server, or one of its apps, has done since it began, and
// tells how many connections are open.
type Stats struct {
	// Open is how many connections are open now.
	Open int
	// Connections is how many connections have been opened in all.
	Connections uint64
	// Published is how many events were accepted for delivery. ClientEvents is
	// how many events of pages were passed on to others.
	Published, ClientEvents uint64
	// Delivered is how many frames were handed to connections. It counts both
	// kinds of events, and the news about members and subscription counts.
	Delivered uint64
	// Refused is how many subscriptions and sign-ins were refused.
	Refused uint64
	// Slow is how many connections were closed because they took their events
	// too slowly.
	Slow uint64
	// CacheEvicted is how many cached events were forgotten to stay within
	// Limits.CacheBytes.
	CacheEvicted uint64
	// HooksDropped is how many hook calls were dropped. It is counted only for
	// the whole server, not for one app.
	HooksDropped uint64
}

// counters are the running counts behind the Stats of one app.
type counters struct {
	connections, published, clientEvents, delivered, refused, slow, cacheEvicted atomic.Uint64
}

// Stats returns the counters of the app.
func (h *Hub) Stats(ctx context.Context) (Stats, error) {
	a, err := h.app(ctx)
	if err != nil {
		return Stats{}, err
	}
	var st Stats
	a.addStats(&st)
	return st, nil
}

// Stats returns the counters of all apps, added up.
func (s *Server) Stats() Stats {
	st := Stats{HooksDropped: s.hooks.droppedTotal()}
	for _, a := range s.apps.all() {
		a.addStats(&st)
	}
	return st
}

func (a *app) addStats(st *Stats) {
	a.connsMu.RLock()
	st.Open += len(a.conns)
	a.connsMu.RUnlock()
	st.Connections += a.stats.connections.Load()
	st.Published += a.stats.published.Load()
	st.ClientEvents += a.stats.clientEvents.Load()
	st.Delivered += a.stats.delivered.Load()
	st.Refused += a.stats.refused.Load()
	st.Slow += a.stats.slow.Load()
	st.CacheEvicted += a.stats.cacheEvicted.Load()
}
