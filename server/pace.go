package server

import (
	"time"

	"golang.org/x/time/rate"
)

// paceBurst is for how many seconds a client may leave channels at once.
const paceBurst = 20

// pace makes a client wait that joins and leaves channels in circles, each time
// with news for everybody on them. What it sends waits with it.
func (c *conn) pace() {
	perSecond := min(c.server.limits.Leaves, 1<<20) // more is none, and overflows
	if perSecond < 0 {
		return
	}
	if c.leaves == nil {
		c.leaves = rate.NewLimiter(rate.Limit(perSecond), paceBurst*perSecond)
	}
	wait := c.leaves.Reserve().Delay()
	if wait == 0 {
		return
	}
	c.hintLimit(hintPaced, "Limits.Leaves", "page is made to wait: it leaves channels, or asks for those that it is on, again and again; find out why, or raise the limit")
	time.Sleep(wait)              // a second at most
	c.heard.Store(c.server.now()) // its answer to a ping may be what waits
}
