package server

import (
	"strconv"
	"time"

	"github.com/onairgo/onair/channel"
)

// On channels with more subscribers the count is sent at intervals only, as
// Pusher does, since sending it takes one write for each subscriber.
const (
	countAlways   = 100
	countInterval = 5 * time.Second
)

// countChanged tells the subscribers how many they are, now or later. The
// caller holds the lock of st.
func (rm *room) countChanged(st *stripe, s *Server) {
	if !s.config.SubscriptionCounts || rm.count == 0 || rm.presence != nil || rm.ch.Kind() == channel.KindUser {
		return
	}
	now := s.now()
	if rm.count > countAlways && now-rm.counted < int64(countInterval) {
		if st.due == nil {
			st.due = make(map[string]*room)
		}
		st.due[rm.name] = rm
		return
	}
	rm.tellCount(st, now)
}

func (rm *room) tellCount(st *stripe, now int64) {
	rm.counted = now
	delete(st.due, rm.name)
	data := strconv.AppendInt([]byte(`{"subscription_count":`), int64(rm.count), 10)
	rm.deliver(protocolFrame(eventCount, rm.name, append(data, '}')), nil)
}

// tellDueCounts sends the counts that have been put off for long enough.
func (st *stripe) tellDueCounts(now int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, rm := range st.due {
		if now-rm.counted >= int64(countInterval) {
			rm.tellCount(st, now)
		}
	}
}
