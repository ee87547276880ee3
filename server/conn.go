package server

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"log/slog"
	"math"
	"net"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/websocket"
)

// The close codes of the protocol that the server uses. pusher-js stays away
// after 4000 to 4099, comes back after a second from 4100 to 4199, and at once
// from 4200 to 4299.
const (
	closeUnknownKey      = 4001
	closeAppDisabled     = 4003
	closePathNotFound    = 4005
	closeBadVersion      = 4006
	closeUnsupported     = 4007
	closeNoVersion       = 4008
	closeUnauthorized    = 4009
	closeOverCapacity    = 4100
	closePongMissing     = 4201
	codeClientEventLimit = 4301
	codeWatchlistLimit   = 4302
)

// closeWait is how long a client whose connection ends may take to read what
// was sent and to close its side.
const closeWait = 5 * time.Second

// conn is one connection. The goroutine that reads from it owns every field
// that is not marked otherwise.
type conn struct {
	server   *Server
	app      *app // nil for a connection that was refused
	shard    *shard
	netConn  net.Conn
	raw      syscall.RawConn // nil unless the socket is used directly
	id       string          // the socket id
	identity auth.Identity   // as the Authorizer found it, if there is one
	opened   int64           // on the server's clock

	heard      atomic.Int64 // when something was last received
	pinged     int64        // when the client was pinged, or 0 if it was heard since; owned by the sweep
	authorized atomic.Bool  // has signed in or is on a guarded channel

	parser   websocket.Parser
	subs     []*subscription
	limiter  *rate.Limiter // of client events; nil before the first
	leaves   *rate.Limiter // nil before the first
	refusals *rate.Limiter // by the Authorizer; nil before the first
	user     *signedIn     // guarded by app.userTable.mu; only the goroutine sets it

	out outgoing
}

func (s *Server) newConn(nc net.Conn, a *app) *conn {
	c := &conn{server: s, app: a, netConn: nc, raw: rawConn(nc), opened: s.now(), id: newSocketID()}
	c.shard = s.nextShard()
	c.heard.Store(c.opened)
	if c.parser.Limit = s.limits.Frame; c.parser.Limit < 0 {
		c.parser.Limit = math.MaxInt / 2 // the parser takes a negative limit for its default; half leaves it room to add
	}
	c.out.init(c.raw)
	return c
}

// newSocketID returns two random numbers separated by a dot. Each is less than
// 2^53, so that clients which parse them as numbers can hold them.
func newSocketID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails; the runtime aborts instead
	id := strconv.AppendUint(make([]byte, 0, 33), binary.LittleEndian.Uint64(b[:])>>11, 10)
	id = append(id, '.')
	return string(strconv.AppendUint(id, binary.LittleEndian.Uint64(b[8:])>>11, 10))
}

// send queues a frame for the connection.
func (c *conn) send(frame []byte) { c.shard.push(task{kind: taskSend, conn: c, frame: frame}) }

// sendError queues an error after which the connection goes on.
func (c *conn) sendError(code uint16, channel, message string) {
	c.send(errorFrame(code, channel, message))
}

// closeWith queues the end of the connection: an error, for clients that read
// frames, and a close frame with the same code, for the others.
func (c *conn) closeWith(code uint16, message string) {
	c.shard.push(task{kind: taskShut, conn: c, frame: farewell(code, message)})
}

func farewell(code uint16, message string) []byte {
	return websocket.AppendClose(errorFrame(code, "", message), code, message)
}

// serve reads until the connection ends, and then removes it from everything
// that it takes part in. early is what was received together with the
// handshake.
func (c *conn) serve(early []byte) {
	end := c.receive(early)
	if c.app != nil {
		c.leaveAll()
	}
	c.finish(end, closeWait)
	c.server.connectionEnded(c)
}

// leaveAll removes the connection from its channels, its user and its app.
func (c *conn) leaveAll() {
	if c.tooSlow() {
		c.app.stats.slow.Add(1)
		c.server.log.Warn("client closed: it takes events too slowly", slog.String("app", c.app.id), slog.String("socket_id", c.id),
			slog.String("limit", "Limits.Overflow, Limits.OverflowTime"))
	}
	for _, sub := range c.subs {
		c.leave(sub)
	}
	c.subs = nil
	userID := c.signOut()
	c.app.connsMu.Lock()
	delete(c.app.conns, c.id)
	c.app.connsMu.Unlock()
	c.hookDisconnected(userID)
}

func (c *conn) subscription(name string) *subscription {
	for _, sub := range c.subs {
		if sub.name == name {
			return sub
		}
	}
	return nil
}

// admit waits while the server is too far behind with writing, so that a client
// cannot make it fall further behind.
func (c *conn) admit() { _ = c.shard.admit(context.Background()) } // the shard never stops taking
