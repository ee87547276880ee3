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

// ChannelInfo is an occupied channel and who is on it at one moment.
type ChannelInfo struct {
	channel.Channel
	// AppID is the id of the app.
	AppID string
	// Subscriptions is how many connections are on the channel.
	Subscriptions int
	// Users is how many distinct users are; 0 unless it is a presence channel.
	Users int
}

// Channels yields the occupied channels of the app, in no order. Channels that
// come or go meanwhile may be yielded or not. The channels of users are left
// out. An app that is unknown has none.
func (h *Hub) Channels() iter.Seq[ChannelInfo] {
	return func(yield func(ChannelInfo) bool) {
		a, err := h.app(context.Background())
		if err == nil {
			a.channels(yield)
		}
	}
}

// Channels is [Hub.Channels] over all apps.
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

// Members returns the members of a presence channel, in the order in which they
// came; none if it is empty. Info is a json.RawMessage, or nil.
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

// Members is [Hub.Members] of the only app. With several it is an error; use
// For.
func (s *Server) Members(ctx context.Context, ch channel.Channel) ([]auth.Member, error) {
	return s.only().Members(ctx, ch)
}

// Connections yields the open connections of the app, in no order. An app that
// is unknown has none.
func (h *Hub) Connections() iter.Seq[Connection] {
	return func(yield func(Connection) bool) {
		a, err := h.app(context.Background())
		if err == nil {
			a.connections(yield)
		}
	}
}

// Connections is [Hub.Connections] over all apps.
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

// about returns all about the connection but its user.
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

// Terminate closes every connection that is signed in as the user, with 4009,
// after which pusher-js stays away, and returns how many those are. Connections
// that have the user as member of a presence channel only are none of them.
func (h *Hub) Terminate(ctx context.Context, userID string) (int, error) {
	a, err := h.app(ctx)
	if err != nil {
		return 0, err
	}
	return a.terminate(userID), nil
}

// Terminate is [Hub.Terminate] of the only app. With several it is an error;
// use For.
func (s *Server) Terminate(ctx context.Context, userID string) (int, error) {
	return s.only().Terminate(ctx, userID)
}

// Stats counts what a server or one of its apps has done since it began, and
// what it has open.
type Stats struct {
	// Open is how many connections are open.
	Open int
	// Connections is how many were ever open.
	Connections uint64
	// Published is how many events were taken over for delivery, and
	// ClientEvents how many events of pages were passed on to others.
	Published, ClientEvents uint64
	// Delivered is how many frames were given to connections: of both kinds of
	// events, and of news about members and counts.
	Delivered uint64
	// Refused is how many subscriptions and sign-ins were refused.
	Refused uint64
	// Slow is how many connections were closed because they took their events
	// too slowly.
	Slow uint64
	// CacheEvicted is how many cached events were forgotten for lack of room.
	CacheEvicted uint64
	// HooksDropped is how many calls of hooks were dropped. It is counted for
	// the server only.
	HooksDropped uint64
}

// counters are what Stats tells of one app.
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

// Stats returns the counters of all apps together.
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
