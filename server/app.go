package server

import (
	"context"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// app is one application at run time: its key pairs, and who is connected and
// subscribed. Its methods are safe for concurrent use.
//
// The HTTP API is written in terms of these methods. They expect validated
// arguments: names from channel.Parse, and sizes within s.limits.
type app struct {
	server      *Server
	id          string
	credentials atomic.Pointer[credentials]
	stripes     [stripeCount]stripe
	cacheBytes  atomic.Int64 // of all stripes
	userTable   userTable
	idempotency idempotencyStore
	stats       counters
	renewal     struct { // of the credentials
		mu   sync.Mutex
		turn uint64
	}

	connsMu sync.RWMutex
	conns   map[string]*conn // by socket id
}

// stripeCount is the number of stripes that an app's channels are divided into.
const stripeCount = 16

var stripeSeed = maphash.MakeSeed()

func newApp(s *Server, c auth.App) *app {
	a := &app{server: s, id: c.ID, conns: make(map[string]*conn)}
	a.credentials.Store(newCredentials(c))
	return a
}

// stripe returns the stripe that holds the channel with that name.
func (a *app) stripe(name string) *stripe {
	return &a.stripes[maphash.String(stripeSeed, name)%stripeCount]
}

// conn returns the connection with that socket id, or nil.
func (a *app) conn(socketID string) *conn {
	if socketID == "" {
		return nil
	}
	a.connsMu.RLock()
	defer a.connsMu.RUnlock()
	return a.conns[socketID]
}

// occupancy counts who is on a channel at one moment.
type occupancy struct {
	subscriptions int // connections that are subscribed
	users         int // distinct users; 0 unless it is a presence channel
}

func (o occupancy) occupied() bool { return o.subscriptions > 0 }

// signer returns the verifier of signatures made with the secret of the key,
// which may be the current one or a former one. It returns nil if the app has
// no such key.
func (a *app) signer(key string) *pusherproto.Signer { return a.credentials.Load().signers[key] }

// publish queues an event for every connection that is subscribed to one of the
// channels, once for each channel. It skips the connection whose socket id is
// except, unless that is empty. Cache channels among them keep the event. data
// is sent byte for byte; for an encrypted channel it is already sealed. The
// events of two successive calls arrive in that order on every connection,
// whatever their channels.
//
// publish returns when the event is queued. It waits only while the server is
// further behind than it may buffer. The error is that of the context or
// ErrClosed; the last channels of the list may then be left out.
func (a *app) publish(ctx context.Context, event, data string, channels []channel.Channel, except string) error {
	excluded := a.conn(except)
	var quoted []byte // of the data, once for all channels
	for _, ch := range channels {
		if err := a.server.admit(ctx); err != nil {
			return err
		}
		name := ch.String()
		st := a.stripe(name)
		if !ch.IsCached() && !st.has(name) {
			a.hintNearMiss(ctx, event, ch)
			continue
		}
		if quoted == nil {
			quoted = appendQuoted(make([]byte, 0, len(data)+len(data)/8+2), data)
		}
		frame := eventFrame(event, name, quoted, "")
		st.mu.Lock()
		if ch.IsCached() {
			st.remember(a, name, event, data)
		}
		rm := st.rooms[name]
		if rm != nil {
			rm.deliver(frame, excluded)
		}
		st.mu.Unlock()
		if rm == nil {
			a.hintNearMiss(ctx, event, ch)
		}
	}
	a.stats.published.Add(1)
	return nil
}

// occupied yields every occupied channel whose name on the wire begins with
// prefix, in no particular order. It leaves out the channels of users.
func (a *app) occupied(prefix string) iter.Seq2[channel.Channel, occupancy] {
	type row struct {
		ch channel.Channel
		o  occupancy
	}
	return func(yield func(channel.Channel, occupancy) bool) {
		var rows []row
		for i := range a.stripes {
			st := &a.stripes[i]
			rows = rows[:0]
			st.mu.Lock()
			for name, rm := range st.rooms {
				if rm.ch.Kind() != channel.KindUser && strings.HasPrefix(name, prefix) {
					rows = append(rows, row{rm.ch, rm.occupancy()})
				}
			}
			st.mu.Unlock()
			for _, r := range rows {
				if !yield(r.ch, r.o) {
					return
				}
			}
		}
	}
}

// occupancy returns who is on the channel.
func (a *app) occupancy(ch channel.Channel) occupancy {
	name := ch.String()
	st := a.stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	if rm := st.rooms[name]; rm != nil {
		return rm.occupancy()
	}
	return occupancy{}
}

// cached returns the data of the last event on a cache channel, and for how
// much longer it is kept. ok is false if there is none.
func (a *app) cached(ch channel.Channel) (data string, ttl time.Duration, ok bool) {
	name := ch.String()
	st := a.stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	if e := st.recall(a, name); e != nil {
		return e.data, e.ttl(a.server.now()), true
	}
	return "", 0, false
}

// users returns the ids of the members of a presence channel, sorted.
func (a *app) users(ch channel.Channel) []string {
	name := ch.String()
	st := a.stripe(name)
	st.mu.Lock()
	defer st.mu.Unlock()
	rm := st.rooms[name]
	if rm == nil || rm.presence == nil {
		return nil
	}
	ids := make([]string, len(rm.presence.members))
	for i, m := range rm.presence.members {
		ids[i] = m.id
	}
	slices.Sort(ids)
	return ids
}

// terminate closes every connection on which the user has signed in, with an
// error and a close frame of code 4009, and returns how many there were. None
// of them can end while terminate holds the lock, so Shutdown waits for what it
// queues.
func (a *app) terminate(userID string) int {
	a.userTable.mu.Lock()
	defer a.userTable.mu.Unlock()
	u := a.userTable.users[userID]
	if u == nil {
		return 0
	}
	for c := range u.conns {
		c.closeWith(closeUnauthorized, "terminated by the application")
	}
	return len(u.conns)
}
