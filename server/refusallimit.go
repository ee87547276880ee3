package server

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// refusedTooOften returns the refusal of what the Authorizer is not asked any
// more, or nil. The page gets what pusher-js makes of status 429 from an
// endpoint.
func (c *conn) refusedTooOften() *refusal {
	if c.refusals == nil || c.refusals.Tokens() >= 1 {
		return nil
	}
	c.hintRefusals()
	return &refusal{
		closeUnauthorized, "AuthError", http.StatusTooManyRequests,
		fmt.Sprintf("too many requests of this connection were refused, the limit is %d a minute; wait before asking again", c.refusals.Burst()),
	}
}

// countRefusal counts one by the Authorizer.
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

// hintRefusals tells of a page that guesses, or asks for what it cannot have
// without noticing. Of those from one address one is enough.
func (c *conn) hintRefusals() {
	if c.server.hints.first(hintRefused, c.app.id+"/"+c.ip(), c.server.now()) {
		c.server.log.LogAttrs(context.Background(), slog.LevelWarn, "page is refused without asking the Authorizer, which has refused it too often: it guesses, or should stop asking; if it has reason to ask, raise the limit",
			slog.String("app", c.app.id), slog.String("socket_id", c.id), slog.String("limit", "Limits.Refusals"))
	}
}
