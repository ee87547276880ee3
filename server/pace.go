package server

import (
	"time"

	"golang.org/x/time/rate"
)

// paceBurst is how many seconds' worth of channels a client may leave at once.
const paceBurst = 20

// pace makes a client wait if it joins and leaves channels over and over, each
// time with news for everybody on them. Whatever it sends waits with it.
func (c *conn) pace() {
	perSecond := min(c.server.limits.Leaves, 1<<20) // a larger limit is none in effect, and overflows
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
