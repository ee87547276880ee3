package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/websocket"
)

// Hints are log lines about what is legal but surely a mistake: the page gets
// no event, and nothing else says why. Within this interval each is logged once
// for the same subject.
const hintInterval = time.Minute

// maxHints bounds the number of subjects that are remembered for each kind of
// hint, since strangers can cause some of them. Once that many were logged
// within the interval, further ones are not.
const maxHints = 1000

type hintKind uint8

const (
	hintTwin hintKind = iota
	hintPrefix
	hintKey
	hintPageOrigin
	hintHandshake
	hintPath
	hintSignature
	hintClock
	hintRefused
	hintPaced
	hintKinds
)

type hints struct {
	mu    sync.Mutex
	given [hintKinds]map[string]int64 // when it was logged last, by subject
}

// first reports whether the hint about key should be logged now.
func (h *hints) first(kind hintKind, key string, now int64) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	given := h.given[kind]
	if at, ok := given[key]; ok && now-at < int64(hintInterval) {
		return false
	}
	if given == nil {
		given = make(map[string]int64)
		h.given[kind] = given
	}
	if len(given) >= maxHints {
		for k, at := range given {
			if now-at >= int64(hintInterval) {
				delete(given, k)
			}
		}
		if len(given) >= maxHints {
			return false
		}
	}
	given[key] = now
	return true
}

// hintNearMiss warns of an event that reaches nobody while pages are on the
// channel of the same name and another kind.
func (a *app) hintNearMiss(ctx context.Context, event string, ch channel.Channel) {
	if ch.Kind() == channel.KindUser {
		return
	}
	a.hintDoublePrefix(ctx, ch, "event reaches nobody: its channel has two prefixes; Laravel and Echo add the prefix themselves, so leave it out of the name")
	name := ch.Name()
	for _, twin := range []channel.Channel{channel.Private(name), channel.Presence(name), channel.Public(name), channel.Encrypted(name)} {
		for _, twin := range []channel.Channel{twin, twin.Cached()} {
			wire := twin.String()
			if twin == ch || !a.stripe(wire).has(wire) || !a.server.hints.first(hintTwin, a.id+"/"+ch.String(), a.server.now()) {
				continue
			}
			a.server.log.LogAttrs(ctx, slog.LevelWarn, "event reaches nobody: its channel is empty, and pages are on the one of another kind; broadcast to that one, or have them listen to this",
				slog.String("app", a.id), slog.String("event", event), slog.String("channel", ch.String()), slog.String("occupied", wire))
			return
		}
	}
}

// hintDoublePrefix warns of a channel name that a page or a publisher gave a
// prefix which it had already.
func (a *app) hintDoublePrefix(ctx context.Context, ch channel.Channel, message string) {
	e, ok := errors.AsType[*channel.NameError](ch.Validate())
	if ok && e.Reason == channel.ReasonDoublePrefix && a.server.hints.first(hintPrefix, a.id+"/"+e.Name, a.server.now()) {
		a.server.log.LogAttrs(ctx, slog.LevelWarn, message, slog.String("app", a.id), slog.String("channel", e.Name))
	}
}

// hintUnknownKey warns of a page that uses the key of another server.
func (s *Server) hintUnknownKey(r *http.Request, key string) {
	key = key[:min(len(key), 64)]
	if !s.hints.first(hintKey, key, s.now()) {
		return
	}
	attrs := []slog.Attr{slog.String("key", key)}
	if closest := s.apps.closestKey(key); closest != "" {
		attrs = append(attrs, slog.String("closest", closest))
	}
	s.log.LogAttrs(r.Context(), slog.LevelWarn, "connection refused: no app has the key that the page connects with", attrs...)
}

// notUpgraded warns of a WebSocket that was refused with an HTTP status,
// because a proxy changed the handshake or middleware hides the connection.
// Browsers show only the status of the answer, so the log has to say why.
func (s *Server) notUpgraded(r *http.Request, err error) {
	level := slog.LevelDebug
	refused, ok := errors.AsType[*websocket.HandshakeError](err)
	if ok && isWebSocket(r) && s.hints.first(hintHandshake, refused.Reason, s.now()) {
		level = slog.LevelWarn
	}
	s.log.LogAttrs(r.Context(), level, "connection not upgraded", slog.Any("error", err))
}

// hintPath warns of a WebSocket at a path where the server has none.
func (s *Server) hintPath(r *http.Request) {
	path := r.URL.Path[:min(len(r.URL.Path), 200)]
	if isWebSocket(r) && s.hints.first(hintPath, path, s.now()) {
		s.log.LogAttrs(r.Context(), slog.LevelWarn, "connection refused: nothing is at this path; the page's wsPath, proxies in between and Prefix have to agree",
			slog.String("path", path), slog.String("prefix", s.prefix), slog.String("setting", "Prefix"))
	}
}

// isWebSocket reports whether the client sent a WebSocket handshake. Proxies
// that do not know WebSockets drop the headers Connection and Upgrade, which
// are for one hop only, but pass the key on.
func isWebSocket(r *http.Request) bool { return r.Header.Get("Sec-WebSocket-Key") != "" }

// hintOrigin warns of a page that may not connect, and says what would allow
// it.
func (s *Server) hintOrigin(r *http.Request, origin string) {
	origin = origin[:min(len(origin), 200)]
	if s.hints.first(hintPageOrigin, origin, s.now()) {
		s.log.LogAttrs(r.Context(), slog.LevelWarn, "connection refused: pages of this origin may not connect; add it to the allowed origins if they should, and let a proxy in between pass on the header Host",
			slog.String("origin", origin), slog.String("host", r.Host[:min(len(r.Host), 200)]), slog.String("setting", "AllowedOrigins"))
	}
}

// hintSignature warns of an auth endpoint that probably signs with other
// credentials than the server's. The page shows no more than a subscription
// error.
func (c *conn) hintSignature(what string) {
	if c.server.hints.first(hintSignature, c.app.id+"/"+c.ip(), c.server.now()) {
		c.server.log.LogAttrs(context.Background(), slog.LevelWarn, "signature refused: it is not made with key and secret of the app for this connection; do the auth endpoint and the server have the same credentials?",
			slog.String("app", c.app.id), slog.String("socket_id", c.id), slog.String("of", what))
	}
}

// hintLimit warns of a page that is held up by a limit, once for each address.
func (c *conn) hintLimit(kind hintKind, limit, message string) {
	if c.server.hints.first(kind, c.app.id+"/"+c.ip(), c.server.now()) {
		c.server.log.LogAttrs(context.Background(), slog.LevelWarn, message,
			slog.String("app", c.app.id), slog.String("socket_id", c.id), slog.String("limit", limit))
	}
}

// closestKey returns the key that was probably meant, or "" if none is close.
func (g *registry) closestKey(key string) string {
	closest, least := "", max(2, len(key)/4)+1
	for k := range g.byKey {
		if d := distance(key, k); d < least {
			closest, least = k, d
		}
	}
	return closest
}

// distance is how many bytes must be inserted, removed or replaced to turn a
// into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			d := diagonal
			if a[i] != b[j] {
				d = 1 + min(diagonal, row[j], row[j+1])
			}
			diagonal, row[j+1] = row[j+1], d
		}
	}
	return row[len(b)]
}
