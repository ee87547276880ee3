package server

import (
	"sync"

	"github.com/onairgo/onair/channel"
)

// A stripe holds a part of an app's channels. Under its lock everything about
// them happens at once: who is on a channel, the members of a presence channel
// and the cached event change together with what is queued for the subscribers,
// so that what they are told is what was. Nothing waits under it, and no code of
// the application runs under it.
type stripe struct {
	mu    sync.Mutex
	rooms map[string]*room // occupied channels, by name on the wire
	cache eventCache
	due   map[string]*room // whose subscription count is still to be told
}

// room is an occupied channel. All of it is guarded by the stripe.
type room struct {
	ch        channel.Channel
	name      string // on the wire
	audiences []*audience
	count     int       // subscriptions
	presence  *presence // nil unless it is a presence channel
	counted   int64     // when the subscription count was last told
}

// subscription is one connection on one channel.
type subscription struct {
	conn     *conn
	name     string // of the channel, on the wire
	ch       channel.Channel
	audience *audience
	index    int     // in the audience; the shard's own
	member   *member // on a presence channel
}

func (st *stripe) has(name string) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.rooms[name] != nil
}

// room returns the room of that channel; it may be a new one, which is let go
// of with drop if nobody enters.
func (st *stripe) room(ch channel.Channel, name string) *room {
	rm := st.rooms[name]
	if rm == nil {
		rm = &room{ch: ch, name: name}
		if ch.Kind() == channel.KindPresence {
			rm.presence = newPresence()
		}
		if st.rooms == nil {
			st.rooms = make(map[string]*room)
		}
		st.rooms[name] = rm
	}
	return rm
}

// drop forgets the room if it is empty.
func (st *stripe) drop(rm *room) {
	if rm.count == 0 {
		delete(st.rooms, rm.name)
		delete(st.due, rm.name)
	}
}

func (rm *room) occupancy() occupancy {
	o := occupancy{subscriptions: rm.count}
	if rm.presence != nil {
		o.users = len(rm.presence.members)
	}
	return o
}

// deliver queues a frame for all subscribers but except, which may be nil.
func (rm *room) deliver(frame []byte, except *conn) {
	for _, au := range rm.audiences {
		au.shard.push(task{kind: taskDeliver, audience: au, conn: except, frame: frame})
	}
}

// enter queues that the subscription joins and gets the frames first.
func (rm *room) enter(sub *subscription, frames []byte) {
	sh := sub.conn.shard
	for _, au := range rm.audiences {
		if au.shard == sh {
			sub.audience = au
		}
	}
	if sub.audience == nil {
		sub.audience = &audience{shard: sh}
		rm.audiences = append(rm.audiences, sub.audience)
	}
	sub.audience.refs++
	rm.count++
	sh.push(task{kind: taskJoin, sub: sub, frame: frames})
}

// exit queues that the subscription leaves.
func (rm *room) exit(sub *subscription) {
	au := sub.audience
	au.refs--
	rm.count--
	if au.refs == 0 {
		for i := range rm.audiences {
			if rm.audiences[i] == au {
				last := len(rm.audiences) - 1
				rm.audiences[i], rm.audiences[last] = rm.audiences[last], nil
				rm.audiences = rm.audiences[:last]
				break
			}
		}
	}
	au.shard.push(task{kind: taskLeave, sub: sub})
}

// join subscribes the connection and tells everybody who is to know: the
// joiner first that it succeeded, then the cached event, then the others. A
// refusal leaves everything as it was.
func (c *conn) join(sub *subscription, m *member) *refusal {
	a := c.app
	st := a.stripe(sub.name)
	st.mu.Lock()
	defer st.mu.Unlock()
	rm := st.room(sub.ch, sub.name)
	defer st.drop(rm)
	first := false
	if rm.presence != nil {
		var refused *refusal
		if sub.member, first, refused = rm.presence.enter(m, a.server.limits.PresenceMembers); refused != nil {
			return refused
		}
	}
	frames := rm.welcome()
	missed := false
	if sub.ch.IsCached() {
		var cached []byte
		cached, missed = st.replay(a, sub.name)
		frames = append(frames, cached...)
	}
	rm.enter(sub, frames)
	if first {
		rm.deliver(memberAddedFrame(rm.name, sub.member), c)
	}
	rm.countChanged(st, a.server)
	c.hookJoined(rm, sub, first, missed)
	return nil
}

// leave undoes join.
func (c *conn) leave(sub *subscription) {
	a := c.app
	st := a.stripe(sub.name)
	st.mu.Lock()
	defer st.mu.Unlock()
	rm := st.rooms[sub.name]
	rm.exit(sub)
	last := false
	if rm.presence != nil {
		if last = rm.presence.exit(sub.member); last {
			rm.deliver(memberRemovedFrame(rm.name, sub.member), nil)
		}
	}
	rm.countChanged(st, a.server)
	c.hookLeft(rm, sub, last)
	st.drop(rm)
}

// welcome returns the frame that tells a subscriber that it is one.
func (rm *room) welcome() []byte {
	if rm.presence != nil {
		return rm.presence.snapshotFrame(rm.name)
	}
	return eventFrame(eventSubscribed, rm.name, emptyData, "")
}
