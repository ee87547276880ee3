package server

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/websocket"
)

// serveSocket turns a request into a connection. It refuses one after the
// upgrade, with an error and a close frame of the same code: some clients
// understand the one, some the other, and after an HTTP status pusher-js tries
// for ever.
func (s *Server) serveSocket(w http.ResponseWriter, r *http.Request, key string) {
	if s.lifecycle.closed.Load() || s.draining() && countsShortConnections(r) {
		errAPIDraining.answer().write(w) // in the first case nobody would wait for the connection
		return
	}
	a, code, message := s.screen(r, key)
	var identity auth.Identity
	if code == 0 && s.config.Authorizer != nil {
		// Not later, when it is needed: the request ends with the upgrade.
		err := s.contain("Authorizer", func() (err error) {
			identity, err = s.config.Authorizer.Identify(r)
			return err
		})
		if err != nil {
			s.log.ErrorContext(r.Context(), "connection refused: the Authorizer could not identify the request", slog.Any("error", err))
			code, message = closeOverCapacity, "the request could not be identified; try again"
		}
	}
	nc, early, err := websocket.Upgrade(w, r)
	if err != nil {
		s.notUpgraded(r, err)
		return
	}
	if code == 0 && !s.lifecycle.enter(&s.wg) {
		code, message = closeOverCapacity, "the server is shutting down; try again"
	}
	if code != 0 {
		s.turnAway(nc, early, code, message)
		return
	}
	c := s.newConn(nc, a)
	c.identity = identity
	if message := s.count(c); message != "" {
		s.lifecycle.leave(&s.wg)
		s.turnAway(nc, early, closeOverCapacity, message)
		return
	}
	a.connsMu.Lock()
	a.conns[c.id] = c
	a.connsMu.Unlock()
	if s.lifecycle.closed.Load() {
		c.kill() // Shutdown was cut short meanwhile, and has not seen this one in conns
	}
	a.stats.connections.Add(1)
	c.hookConnected()
	c.write(connectedFrame(c.id, s.activityTimeoutSeconds()))
	s.watchOver() // not after serve, which may have left by then
	s.wg.Go(func() { c.serve(early) })
}

// Clients that may not connect have closeWait to read why and to close. If
// there are more than maxTurnedAway at once, somebody is flooding the server,
// and each further one has only crowdWait. While the server shuts down they
// have lateWait, since Shutdown waits for every one of them.
const (
	maxTurnedAway = 1000
	crowdWait     = 100 * time.Millisecond
	lateWait      = time.Second
)

// countsShortConnections reports whether the client is a pusher-js before
// version 8 outside of browsers. In Node and React Native, the close event does
// not say whether it was clean. There pusher-js takes every connection that did
// not last for minutes for a fault of the network, and after the second one it
// never uses a WebSocket again. A refused handshake does not count; it is tried
// again after 15 seconds.
func countsShortConnections(r *http.Request) bool {
	q := r.URL.Query()
	major, _, _ := strings.Cut(q.Get("version"), ".")
	n, err := strconv.Atoi(major)
	browser := strings.HasPrefix(r.Header.Get("User-Agent"), "Mozilla/")
	return q.Get("client") == "js" && err == nil && n < 8 && !browser
}

// turnAway tells a client that it may not connect.
func (s *Server) turnAway(nc net.Conn, early []byte, code uint16, message string) {
	c := s.newConn(nc, nil)
	told := s.goOutside(func() {
		wait := closeWait
		if s.draining() {
			wait = lateWait
		}
		if s.turnedAway.Add(1) > maxTurnedAway {
			wait = crowdWait
		}
		defer s.turnedAway.Add(-1)
		c.writeLast(farewell(code, message))
		c.finish(c.receive(early), wait)
	})
	if !told {
		_ = nc.Close() // nobody is left to wait for the client
	}
}

// activityTimeoutSeconds returns the activity timeout that clients are told, in
// seconds. It is never 0, which they would not accept.
func (s *Server) activityTimeoutSeconds() int {
	if s.config.ActivityTimeout < 0 {
		return int(defaultActivityTimeout / time.Second)
	}
	return int(s.config.ActivityTimeout / time.Second)
}

// screen decides whether the request may connect. A code other than 0 is the
// code of the refusal.
func (s *Server) screen(r *http.Request, key string) (_ *app, code uint16, message string) {
	if key == "" || strings.Contains(key, "/") {
		return nil, closePathNotFound, "the path ends with the app's key: " + s.prefix + "/app/{key}"
	}
	if code, message = s.checkProtocol(r.URL.Query().Get("protocol")); code != 0 {
		return nil, code, message
	}
	if origin, ok := s.allowsOrigin(r); !ok {
		s.hintOrigin(r, origin)
		return nil, closeUnauthorized, "the page's origin may not connect here; the server's log says what to set"
	}
	a, err := s.appByKey(r.Context(), key)
	switch {
	case err == nil:
		return a, 0, ""
	case errors.Is(err, ErrUnknownApp):
		s.hintUnknownKey(r, key)
		return nil, closeUnknownKey, "no app has this key"
	case errors.Is(err, ErrAppDisabled):
		return nil, closeAppDisabled, "the app is disabled"
	}
	s.log.ErrorContext(r.Context(), "connection refused: the app could not be found out", slog.Any("error", err))
	return nil, closeOverCapacity, "the app could not be found out; try again"
}

// These versions of the protocol differ in nothing that matters here.
const oldestProtocol, newestProtocol = 5, 7

func (s *Server) checkProtocol(version string) (code uint16, message string) {
	if version == "" {
		if s.config.AllowMissingProtocol {
			return 0, ""
		}
		return closeNoVersion, "the parameter protocol is missing; add ?protocol=7"
	}
	n, err := strconv.Atoi(version)
	switch {
	case err != nil && !errors.Is(err, strconv.ErrRange):
		return closeBadVersion, "the parameter protocol is not a number; add ?protocol=7"
	case n < oldestProtocol || n > newestProtocol:
		return closeUnsupported, "this version of the protocol is not supported; 5, 6 and 7 are"
	}
	return 0, ""
}

// count adds the connection to the totals. If a limit forbids that, the message
// says which.
func (s *Server) count(c *conn) (message string) {
	if over(int(s.connections.Add(1)), s.limits.Connections) {
		s.connections.Add(-1)
		return "the server has reached its limit of connections; try again later"
	}
	if s.limits.ConnectionsPerIP >= 0 && !s.perIP.add(c.ip(), s.limits.ConnectionsPerIP) {
		s.connections.Add(-1)
		return "too many connections from this address; try again later"
	}
	return ""
}

// connectionEnded undoes count and enter.
func (s *Server) connectionEnded(c *conn) {
	if s.limits.ConnectionsPerIP >= 0 {
		s.perIP.remove(c.ip())
	}
	s.connections.Add(-1)
	s.lifecycle.leave(&s.wg)
}

// ip returns the address that the connection comes from. For IPv6 it is the /64
// network, since everybody has one with more addresses than can be counted.
func (c *conn) ip() string {
	addr := c.netConn.RemoteAddr().String()
	peer, err := netip.ParseAddrPort(addr)
	if err != nil {
		return addr
	}
	ip := peer.Addr().Unmap()
	if ip.Is4() {
		return ip.String()
	}
	network, _ := ip.Prefix(64) // which every IPv6 address has
	return network.String()
}

// addressCount counts connections by address.
type addressCount struct {
	mu sync.Mutex
	n  map[string]int
}

func (a *addressCount) add(ip string, limit int) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.n[ip] >= limit {
		return false
	}
	if a.n == nil {
		a.n = make(map[string]int)
	}
	a.n[ip]++
	return true
}

func (a *addressCount) remove(ip string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.n[ip]--; a.n[ip] == 0 {
		delete(a.n, ip)
	}
}
