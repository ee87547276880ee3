package server

import (
	"fmt"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// refusedTooOften returns a refusal if the connection has used up its refusals
// by the Authorizer, and nil otherwise. The page sees what pusher-js makes of
// an endpoint's status 429.
func (c *conn) refusedTooOften() *refusal {
	if c.refusals == nil || c.refusals.Tokens() >= 1 {
		return nil
	}
	c.hintLimit(hintRefused, "Limits.Refusals", "page is refused without asking the Authorizer, which has refused it too often: it guesses, or should stop asking; if it has reason to ask, raise the limit")
	return &refusal{
		closeUnauthorized, "AuthError", http.StatusTooManyRequests,
		fmt.Sprintf("too many requests of this connection were refused, the limit is %d a minute; wait before asking again", c.refusals.Burst()),
	}
}

// countRefusal counts one refusal by the Authorizer.
func (c *conn) countRefusal() {
	limit := c.server.limits.Refusals
	if limit < 0 {
		return
	}
	if c.refusals == nil {
		c.refusals = rate.NewLimiter(rate.Limit(float64(limit)/time.Minute.Seconds()), limit)
	}
	c.refusals.Allow()
}
