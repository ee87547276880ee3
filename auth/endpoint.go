package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/bodytime"
)

// endpoint is what the channel endpoint and the sign-in endpoint share.
type endpoint struct {
	log         *slog.Logger
	development bool
	timeout     time.Duration // of a rule; negative means none
	memberLimit int           // negative means none
	apps        apps
	origins     *origins
	hints       hints
	limiter     *limiter
}

// serve handles everything about a request that concerns HTTP and calls decide
// with the parameters. Each step precedes any work that it can save.
func (e *endpoint) serve(w http.ResponseWriter, r *http.Request, decide func(client string, p params) (any, error)) {
	bodytime.Bound(w, r)
	foreign := e.origins.answer(w, r)
	if foreign != nil {
		e.hintOrigin(r)
	}
	switch r.Method {
	case http.MethodPost:
	case http.MethodOptions:
		w.Header().Set("Allow", allowedMethods)
		w.WriteHeader(http.StatusNoContent)
		return
	default:
		w.Header().Set("Allow", allowedMethods)
		writeJSON(w, http.StatusMethodNotAllowed, message{"use POST"})
		return
	}
	fail := func(client, name string, err error) {
		status, text := e.refused(r, client, name, err)
		writeJSON(w, status, message{text})
	}
	if foreign != nil {
		// Not counted: the client did not choose to visit that page.
		fail("", "", forbid("the page is from another origin, which WithAllowedOrigins does not list", foreign))
		return
	}
	client, err := e.limiter.client(r)
	if err != nil {
		fail("", "", err)
		return
	}
	if seconds, over := e.limiter.over(client); over {
		e.hintRefusals(r)
		w.Header().Set("Retry-After", strconv.Itoa(seconds))
		writeJSON(w, http.StatusTooManyRequests, message{tooMany})
		return
	}
	p, err := readParams(w, r)
	var answer any
	if err == nil {
		answer, err = decide(client, p)
	}
	if err != nil {
		fail(client, p.name, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

// refused logs the error of a decision, counts it if the client is responsible,
// and returns what the client is told. The name is that of the channel, empty
// if there is none.
func (e *endpoint) refused(r *http.Request, client, name string, err error) (status int, text string) {
	status, text = e.status(err)
	if status < 500 {
		e.limiter.refused(client)
	}
	e.record(r.Context(), status, name, err)
	return status, text
}

// hints limits the log records that tell the developer what to configure.
// Strangers can cause them, so each is logged at most once a minute.
type hints struct{ origin, refusals *rate.Limiter }

func newHints() hints {
	onceAMinute := func() *rate.Limiter { return rate.NewLimiter(rate.Every(time.Minute), 1) }
	return hints{origin: onceAMinute(), refusals: onceAMinute()}
}

// hintRefusals logs that a client must wait. It does not log the client's key,
// which may be a secret.
func (e *endpoint) hintRefusals(r *http.Request) {
	if e.hints.refusals.Allow() {
		e.log.LogAttrs(r.Context(), slog.LevelWarn, "auth: a client is refused too often and gets 429 for a while; where many clients look like one, tell them apart with WithClientKey",
			slog.String("remote_addr", r.RemoteAddr))
	}
}

// hintOrigin logs that a page of another origin was refused. In development
// with two servers it is likely to be the application's own page, and the
// browser hides the response from it.
func (e *endpoint) hintOrigin(r *http.Request) {
	if !e.hints.origin.Allow() {
		return
	}
	cut := func(s string) string { return s[:min(len(s), 200)] }
	e.log.LogAttrs(r.Context(), slog.LevelWarn, "auth: refused, as the page is from another origin; list it in WithAllowedOrigins if it may ask, and let a proxy in between pass on the header Host",
		slog.String("origin", cut(r.Header.Get("Origin"))), slog.String("host", cut(r.Host)))
}

const (
	allowedMethods = "OPTIONS, POST"
	tooMany        = "too many refused requests"
)

// message is the body of every response other than success.
type message struct {
	Message string `json:"message"`
}

// status returns what the client is told about an error.
func (e *endpoint) status(err error) (status int, text string) {
	deny, ok := asDeny(err)
	switch {
	case ok:
		text = deny.Message
		if e.development && deny.Reason != "" {
			text = strings.TrimPrefix(text+": "+deny.Reason, ": ")
		}
		return deny.Status, text
	case errors.Is(err, ErrTimeout), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable, "the decision took too long"
	}
	return http.StatusInternalServerError, "server error"
}

// record logs the error of a decision: a fault at level error, and a refusal,
// which concerns only the developer, at a level that only developers look at.
func (e *endpoint) record(ctx context.Context, status int, name string, err error) {
	level := slog.LevelError
	if status < 500 && !errors.Is(err, ErrInvalidMember) && !errors.Is(err, ErrInvalidUser) {
		level = slog.LevelDebug
		if e.development {
			level = slog.LevelInfo
		}
	}
	if ctx.Err() != nil { // the client has gone, so the rule was interrupted
		level = slog.LevelDebug
	}
	if !e.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.Int("status", status), slog.Any("err", err)}
	if name != "" {
		attrs = append(attrs, slog.String("channel", name[:min(len(name), channel.MaxNameLength)]))
	}
	if p, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	if level == slog.LevelError {
		e.log.LogAttrs(ctx, level, "auth: cannot decide", attrs...)
		return
	}
	e.log.LogAttrs(ctx, level, "auth: refused", attrs...)
}

// writeJSON writes a response. The body always encodes, and an error of the
// connection concerns nobody.
func writeJSON(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
