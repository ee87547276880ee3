package server

import (
	"sync"

	"github.com/onairgo/onair/channel"
)

// A stripe holds a part of an app's channels. Every change to one of them is
// made under the stripe's lock, together with queueing what the subscribers are
// told of it. So the subscriptions, the members, the cached event and what
// subscribers are told always agree. Nothing waits under the lock, and no code
// of the application runs under it.
type stripe struct {
	mu    sync.Mutex
	rooms map[string]*room // occupied channels, by name on the wire
	cache eventCache
	due   map[string]*room // their subscription count is still to be sent
}

// room is an occupied channel. The stripe's lock guards all of it.
type room struct {
	ch        channel.Channel
	name      string // on the wire
	audiences []*audience
	count     int       // subscriptions
	presence  *presence // nil unless it is a presence channel
	counted   int64     // when the subscription count was last sent
}

// subscription is one connection on one channel.
type subscription struct {
	conn     *conn
	name     string // of the channel, on the wire
	ch       channel.Channel
	audience *audience
	index    int     // in the audience; owned by the shard
	member   *member // on a presence channel
}

func (st *stripe) has(name string) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.rooms[name] != nil
}

// room returns the room of the channel, creating it if there is none. The
// caller must drop it if nobody enters.
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

// deliver queues a frame for all subscribers except one, which may be nil.
func (rm *room) deliver(frame []byte, except *conn) {
	for _, au := range rm.audiences {
		au.shard.push(task{kind: taskDeliver, audience: au, conn: except, frame: frame})
	}
}

// enter queues the joining of the subscription and the frames that it gets
// first.
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

// exit queues the leaving of the subscription.
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

// join subscribes the connection. It tells the joiner first that this
// succeeded, then the cached event, and then tells the others. A refusal
// changes nothing.
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

// welcome returns the frame that tells a client that it has subscribed.
func (rm *room) welcome() []byte {
	if rm.presence != nil {
		return rm.presence.snapshotFrame(rm.name)
	}
	return eventFrame(eventSubscribed, rm.name, emptyData, "")
}
