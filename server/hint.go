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

// Hints are lines in the log about what is legal and surely a mistake: the page
// gets no event, and nothing else says why. Each is given once per interval for
// the same thing.
const hintInterval = time.Minute

// maxHints bounds what is remembered of each sort, since strangers can cause
// some. When that many were given within the interval, no more are.
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
	given [hintKinds]map[string]int64 // when
}

// first reports whether the hint about key is to be given now.
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

// hintNearMiss tells of an event that nobody gets, while pages are on the
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

// hintDoublePrefix tells of a name to which a prefix was added that it had
// already, by a page or by a publisher.
func (a *app) hintDoublePrefix(ctx context.Context, ch channel.Channel, message string) {
	e, ok := errors.AsType[*channel.NameError](ch.Validate())
	if ok && e.Reason == channel.ReasonDoublePrefix && a.server.hints.first(hintPrefix, a.id+"/"+e.Name, a.server.now()) {
		a.server.log.LogAttrs(ctx, slog.LevelWarn, message, slog.String("app", a.id), slog.String("channel", e.Name))
	}
}

// hintUnknownKey tells of a page with the key of another server.
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

// notUpgraded tells of a WebSocket that was refused by HTTP status: a proxy in
// between changed the handshake, or middleware hides the connection. Browsers
// show nothing of the answer but the status, so the log has to say why.
func (s *Server) notUpgraded(r *http.Request, err error) {
	level := slog.LevelDebug
	refused, ok := errors.AsType[*websocket.HandshakeError](err)
	if ok && isWebSocket(r) && s.hints.first(hintHandshake, refused.Reason, s.now()) {
		level = slog.LevelWarn
	}
	s.log.LogAttrs(r.Context(), level, "connection not upgraded", slog.Any("error", err))
}

// hintPath tells of a WebSocket at a path where the server has none.
func (s *Server) hintPath(r *http.Request) {
	path := r.URL.Path[:min(len(r.URL.Path), 200)]
	if isWebSocket(r) && s.hints.first(hintPath, path, s.now()) {
		s.log.LogAttrs(r.Context(), slog.LevelWarn, "connection refused: nothing is at this path; the page's wsPath, proxies in between and Prefix have to agree",
			slog.String("path", path), slog.String("prefix", s.prefix), slog.String("setting", "Prefix"))
	}
}

// isWebSocket reports whether the request was a WebSocket's when it was sent.
// Proxies that do not know WebSockets drop Connection and Upgrade, which are for
// one hop only, and pass the key on.
func isWebSocket(r *http.Request) bool { return r.Header.Get("Sec-WebSocket-Key") != "" }

// hintOrigin tells of a page that may not connect, and of what would let it.
func (s *Server) hintOrigin(r *http.Request, origin string) {
	origin = origin[:min(len(origin), 200)]
	if s.hints.first(hintPageOrigin, origin, s.now()) {
		s.log.LogAttrs(r.Context(), slog.LevelWarn, "connection refused: pages of this origin may not connect; add it to the allowed origins if they should, and let a proxy in between pass on the header Host",
			slog.String("origin", origin), slog.String("host", r.Host[:min(len(r.Host), 200)]), slog.String("setting", "AllowedOrigins"))
	}
}

// hintSignature tells of an auth endpoint that is likely to sign with other
// credentials than the server's. All that the page shows is a subscription error.
func (c *conn) hintSignature(what string) {
	if c.server.hints.first(hintSignature, c.app.id+"/"+c.ip(), c.server.now()) {
		c.server.log.LogAttrs(context.Background(), slog.LevelWarn, "signature refused: it is not made with key and secret of the app for this connection; do the auth endpoint and the server have the same credentials?",
			slog.String("app", c.app.id), slog.String("socket_id", c.id), slog.String("of", what))
	}
}

// hintLimit tells of a page that a limit holds up. Of those from one address one
// is enough.
func (c *conn) hintLimit(kind hintKind, limit, message string) {
	if c.server.hints.first(kind, c.app.id+"/"+c.ip(), c.server.now()) {
		c.server.log.LogAttrs(context.Background(), slog.LevelWarn, message,
			slog.String("app", c.app.id), slog.String("socket_id", c.id), slog.String("limit", limit))
	}
}

// closestKey returns the key that was probably meant, "" if none is close.
func (g *registry) closestKey(key string) string {
	closest, least := "", max(2, len(key)/4)+1
	for k := range g.byKey {
		if d := distance(key, k); d < least {
			closest, least = k, d
		}
	}
	return closest
}

// distance is how many bytes must be put in, taken out or replaced to make a
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
