package server

import (
	"time"

	"github.com/onairgo/onair/internal/websocket"
)

// sweepInterval is how often everything that depends on time is checked. One
// pass over all connections in a second costs less than a timer for each.
const sweepInterval = time.Second

// sweep does everything that is due by time, until Shutdown ends it.
func (s *Server) sweep() {
	ticker := time.NewTicker(sweepInterval)
	defer ticker.Stop()
	var conns []*conn
	for {
		select {
		case <-ticker.C:
		case <-s.lifecycle.ended:
			s.hooks.logDropped()
			return
		}
		now := s.now()
		for _, a := range s.apps.all() {
			conns = a.appendConns(conns[:0])
			for _, c := range conns {
				c.lookAfter(now)
			}
			clear(conns)
			for i := range a.stripes {
				a.stripes[i].tellDueCounts(now)
				a.stripes[i].expireCache(a, now)
			}
			a.userTable.tellGone(now, int64(s.config.WatchlistGrace))
			a.idempotency.expire(time.Now())
		}
		s.hooks.logDropped()
	}
}

var pingFrame = websocket.AppendPing(nil, nil)

// lookAfter closes a connection that has exceeded one of its times, and pings
// one that has been silent.
func (c *conn) lookAfter(now int64) {
	cf, l := &c.server.config, &c.server.limits
	if since, ok := c.stalled(); ok && l.OverflowTime >= 0 && now-since > int64(l.OverflowTime) {
		c.giveUp()
	}
	if c.ending() {
		return
	}
	if cf.AuthorizedWithin > 0 && now-c.opened >= int64(cf.AuthorizedWithin) && !c.authorized.Load() {
		c.closeWith(closeUnauthorized, "the connection was not authorised in time: sign in, or subscribe to a private or presence channel")
		return
	}
	heard := c.heard.Load()
	if heard >= c.pinged {
		c.pinged = 0
	}
	switch {
	case cf.ActivityTimeout < 0:
	case c.pinged == 0:
		if now-heard >= int64(cf.ActivityTimeout) {
			c.pinged = now
			c.send(pingFrame)
		}
	case cf.PongWait >= 0 && now-c.pinged >= int64(cf.PongWait):
		c.closeWith(closePongMissing, "the ping was not answered")
	}
}
