package auth

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

// endpoint is what the endpoints for channels and for sign-in share.
type endpoint struct {
	log         *slog.Logger
	development bool
	timeout     time.Duration // of a rule; negative: none
	memberLimit int           // negative: none
	apps        apps
	origins     *origins
	limiter     *limiter
}

// serve answers a request: everything about HTTP is here, and decide is left
// with the parameters. Each step comes before any work that it can save.
func (e *endpoint) serve(w http.ResponseWriter, r *http.Request, decide func(client string, p params) (any, error)) {
	foreign := e.origins.answer(w, r)
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
	if foreign != nil {
		e.refuse(w, r, forbid("the page is of another origin, which WithAllowedOrigins does not list", foreign))
		return
	}
	client, err := e.limiter.client(r)
	if err != nil {
		e.refuse(w, r, err)
		return
	}
	if seconds, over := e.limiter.over(client); over {
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
		if status, _ := e.status(err); status < 500 {
			e.limiter.refused(client)
		}
		e.refuse(w, r, err)
		return
	}
	writeJSON(w, http.StatusOK, answer)
}

const (
	allowedMethods = "OPTIONS, POST"
	tooMany        = "too many refused requests"
)

// message is the body of every answer but success.
type message struct {
	Message string `json:"message"`
}

// refuse logs an error and answers it.
func (e *endpoint) refuse(w http.ResponseWriter, r *http.Request, err error) {
	e.record(r.Context(), err)
	status, text := e.status(err)
	writeJSON(w, status, message{text})
}

// status returns what the client is told of an error.
func (e *endpoint) status(err error) (status int, text string) {
	deny, ok := errors.AsType[*DenyError](err)
	switch {
	case ok && deny.Status >= 400 && deny.Status <= 499:
		if e.development && deny.Reason != "" {
			return deny.Status, deny.Message + ": " + deny.Reason
		}
		return deny.Status, deny.Message
	case errors.Is(err, ErrTimeout):
		return http.StatusServiceUnavailable, "the decision took too long"
	}
	return http.StatusInternalServerError, "server error"
}

// record logs the error of a decision: a fault as an error, and a refusal,
// which concerns nobody but the developer, at level debug.
func (e *endpoint) record(ctx context.Context, err error) {
	status, _ := e.status(err)
	level := slog.LevelError
	if status < 500 && !errors.Is(err, ErrInvalidMember) && !errors.Is(err, ErrInvalidUser) {
		level = slog.LevelDebug
	}
	if ctx.Err() != nil { // the client has gone, and the rule was told so
		level = slog.LevelDebug
	}
	if !e.log.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.Int("status", status), slog.Any("err", err)}
	if p, ok := errors.AsType[*panicError](err); ok {
		attrs = append(attrs, slog.String("stack", string(p.stack)))
	}
	if level == slog.LevelError {
		e.log.LogAttrs(ctx, level, "auth: cannot decide", attrs...)
		return
	}
	e.log.LogAttrs(ctx, level, "auth: refused", attrs...)
}

// writeJSON writes an answer. What it is given always encodes, and an error of
// the connection concerns nobody.
func writeJSON(w http.ResponseWriter, status int, body any) {
	h := w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}
