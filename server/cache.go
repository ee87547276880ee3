package server

import (
	"container/list"
	"time"
)

// eventCache keeps the last event of each cache channel of a stripe, even while
// nobody is on the channel.
type eventCache struct {
	entries map[string]*list.Element // of *cachedEvent, by the channel's name
	byAge   list.List                // the oldest first
}

type cachedEvent struct {
	channel string
	event   string
	data    string
	expires int64 // on the server's clock; 0 means never
}

// cacheOverhead is the memory that an entry takes besides its strings.
const cacheOverhead = 200

func (e *cachedEvent) size() int64 {
	return int64(len(e.channel) + len(e.event) + len(e.data) + cacheOverhead)
}

// ttl returns for how much longer the event is kept. For an event that is kept
// for ever it returns 0.
func (e *cachedEvent) ttl(now int64) time.Duration { return max(0, time.Duration(e.expires-now)) }

// remember keeps the event as the channel's last one and forgets the one
// before. The caller holds the lock.
func (st *stripe) remember(a *app, channel, event, data string) {
	s := a.server
	e := &cachedEvent{channel: channel, event: event, data: data}
	if ttl := s.limits.CacheTTL; ttl > 0 {
		e.expires = max(0, s.now()+int64(ttl)) // a sum that overflows means never
	}
	st.forget(a, channel)
	if st.cache.entries == nil {
		st.cache.entries = make(map[string]*list.Element)
	}
	st.cache.entries[channel] = st.cache.byAge.PushBack(e)
	a.cacheBytes.Add(e.size())
	if limit := int64(s.limits.CacheBytes); limit >= 0 {
		// Only this stripe's events can go here; the other stripes do the same.
		for a.cacheBytes.Load() > limit && st.cache.byAge.Len() > 1 {
			st.forget(a, st.cache.byAge.Front().Value.(*cachedEvent).channel)
			a.stats.cacheEvicted.Add(1)
		}
	}
}

// recall returns the last event, or nil if there is none. The caller holds the
// lock.
func (st *stripe) recall(a *app, channel string) *cachedEvent {
	el := st.cache.entries[channel]
	if el == nil {
		return nil
	}
	e := el.Value.(*cachedEvent)
	if e.expires != 0 && a.server.now() >= e.expires {
		st.forget(a, channel)
		return nil
	}
	return e
}

// replay returns the frame for a client that has just subscribed: the last
// event, or the message that there is none.
func (st *stripe) replay(a *app, channel string) (frame []byte, missed bool) {
	e := st.recall(a, channel)
	if e == nil {
		return eventFrame(eventCacheMiss, channel, emptyData, ""), true
	}
	return eventFrame(e.event, channel, appendQuoted(nil, e.data), ""), false
}

func (st *stripe) forget(a *app, channel string) {
	if el := st.cache.entries[channel]; el != nil {
		delete(st.cache.entries, channel)
		a.cacheBytes.Add(-st.cache.byAge.Remove(el).(*cachedEvent).size())
	}
}

// expireCache forgets the events that have expired. They expire in the order of
// their age.
func (st *stripe) expireCache(a *app, now int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for el := st.cache.byAge.Front(); el != nil; el = st.cache.byAge.Front() {
		e := el.Value.(*cachedEvent)
		if e.expires == 0 || e.expires > now {
			return
		}
		st.forget(a, e.channel)
	}
}
