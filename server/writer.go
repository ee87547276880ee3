package server

import (
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/onairgo/onair/internal/websocket"
)

// outgoing is the sending side of a connection. As long as the socket accepts
// everything, frames are written at once and nothing is kept. What a full
// socket did not accept waits in backlog, and a goroutine writes it when there
// is room. A connection that is not a plain socket always goes through backlog.
type outgoing struct {
	mu       sync.Mutex
	fd       int      // of the socket, or -1
	backlog  [][]byte // whole frames, shared with other connections
	offset   int      // how much of backlog[0] is written
	held     int      // how many at the front of backlog are being written and must stay
	bytes    int      // of backlog, still to be written
	flushing bool     // a goroutine is writing backlog
	closing  bool     // a close frame is written or in backlog; nothing may follow
	answered bool     // the peer has sent its close frame
	slow     bool     // the connection was closed because the peer took too little
	dead     bool     // the connection is cut off; nothing is written any more
	moved    int64    // when bytes of backlog were last written
}

func (o *outgoing) init(raw syscall.RawConn) {
	o.fd = -1
	if raw != nil {
		_ = raw.Control(func(fd uintptr) { o.fd = int(fd) }) // after an error it stays -1, which works
	}
}

// maxFlush is the maximum length of one write to a connection that is not a
// plain socket. Such a write joins several chunks or sends a part of one. It
// fills a TLS record.
const maxFlush = 16 << 10

// write writes frames, which must not be changed afterwards. It never waits.
func (c *conn) write(frames []byte) {
	c.out.mu.Lock()
	if !c.out.closing && !c.out.dead {
		c.writeLocked(frames)
	}
	c.out.mu.Unlock()
}

// writeLast writes frames that end with a close frame, and makes the goroutine
// that reads end the connection.
func (c *conn) writeLast(frames []byte) {
	c.out.mu.Lock()
	if !c.out.closing && !c.out.dead {
		c.writeLocked(frames)
		c.closeLocked()
	}
	c.out.mu.Unlock()
}

// closeLocked notes that the close frame is written or queued, and wakes the
// reader.
func (c *conn) closeLocked() {
	c.out.closing = true
	_ = c.netConn.SetReadDeadline(time.Unix(1, 0)) // fails if the connection is closed, and then the reader is awake
}

func (c *conn) writeLocked(frames []byte) {
	o := &c.out
	written := 0
	if len(o.backlog) == 0 && o.fd >= 0 {
		n, err := writeSocket(o.fd, frames)
		if err != nil {
			c.killLocked()
			return
		}
		if n == len(frames) {
			return
		}
		written = n
	}
	if len(o.backlog) == 0 {
		o.offset = written
		o.moved = c.server.now()
	}
	o.backlog = append(o.backlog, frames)
	o.bytes += len(frames) - written
	// The message being written does not count, so that one of any size reaches
	// a client that takes it, however little may wait.
	if over(o.bytes-len(o.backlog[0])+o.offset, c.server.limits.Overflow) && !o.closing {
		c.overflowLocked()
	}
	if !o.flushing {
		o.flushing = true
		c.server.wg.Go(c.flush)
	}
}

// overflowLocked gives up on a client that is too slow. It keeps what is partly
// written or being written, since frames must be whole. In place of the rest,
// the client only gets the message that it was closed.
func (c *conn) overflowLocked() {
	o := &c.out
	keep := o.held
	if o.offset > 0 {
		keep = max(keep, 1)
	}
	clear(o.backlog[keep:])
	o.backlog = append(o.backlog[:keep], farewell(closeOverCapacity, "too slow: events are not read fast enough"))
	o.bytes = -o.offset
	for _, b := range o.backlog {
		o.bytes += len(b)
	}
	o.slow = true
	c.closeLocked()
}

// flush writes the backlog until it is empty or the connection ends.
func (c *conn) flush() {
	if c.raw != nil {
		// An error means that the connection is closed. Then flushSocket did
		// not finish, and nobody will write any more.
		_ = c.raw.Write(c.flushSocket)
		return
	}
	for {
		b := c.nextFlush()
		if b == nil {
			return
		}
		n, err := c.netConn.Write(b)
		c.out.mu.Lock()
		c.advanceLocked(n)
		if err != nil {
			c.killLocked()
		}
		c.out.mu.Unlock()
	}
}

// flushSocket writes what the socket accepts and reports whether it is done.
func (c *conn) flushSocket(uintptr) bool {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(o.backlog) > 0 && !o.dead {
		n, err := writeSocket(o.fd, o.backlog[0][o.offset:])
		if err != nil {
			c.killLocked()
			break
		}
		if n == 0 {
			return false
		}
		c.advanceLocked(n)
	}
	c.flushedLocked()
	return true
}

// nextFlush returns what to write next to a connection that is not a plain
// socket, or nil if there is nothing.
func (c *conn) nextFlush() []byte {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.backlog) == 0 || o.dead {
		c.flushedLocked()
		return nil
	}
	b := o.backlog[0][o.offset:]
	o.held = 1
	if len(b) > maxFlush {
		return b[:maxFlush] // a small piece shows sooner that a slow client takes some
	}
	for _, next := range o.backlog[1:] {
		if len(b)+len(next) > maxFlush {
			break
		}
		if o.held == 1 {
			b = append(make([]byte, 0, maxFlush), b...)
		}
		b = append(b, next...)
		o.held++
	}
	return b
}

// advanceLocked notes that n more bytes of the backlog are written.
func (c *conn) advanceLocked(n int) {
	o := &c.out
	o.held = 0
	if o.dead {
		return // nothing is left of it
	}
	if n > 0 {
		o.moved = c.server.now()
	}
	o.bytes -= n
	for n > 0 {
		left := len(o.backlog[0]) - o.offset
		if n < left {
			o.offset += n
			return
		}
		n -= left
		o.offset = 0
		o.backlog[0] = nil
		if o.backlog = o.backlog[1:]; len(o.backlog) == 0 {
			o.backlog = nil
		}
	}
}

// flushedLocked notes that the flushing goroutine ends. If both sides have
// closed, it closes the socket.
func (c *conn) flushedLocked() {
	c.out.flushing = false
	if c.out.closing && c.out.answered {
		c.killLocked()
	}
}

// answerClose answers the peer's close frame, unless that is itself an answer,
// and closes the socket once the answer is written.
func (c *conn) answerClose(code uint16) {
	o := &c.out
	o.mu.Lock()
	defer o.mu.Unlock()
	o.answered = true
	if !o.closing && !o.dead {
		c.writeLocked(websocket.AppendClose(nil, code, ""))
		o.closing = true
	}
	if !o.flushing {
		c.killLocked()
	}
}

// kill cuts the connection off at once.
func (c *conn) kill() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	c.killLocked()
}

func (c *conn) killLocked() {
	o := &c.out
	if o.dead {
		return
	}
	o.dead = true
	o.backlog, o.offset, o.bytes = nil, 0, 0
	if o.fd >= 0 {
		// Closing would wait for the goroutines that read and flush, one of
		// which may be here or wait for the lock. This wakes them; the one that
		// reads closes the socket when it ends.
		shutSocket(o.fd)
		return
	}
	closeNow(c.netConn)
}

// closeNow closes without waiting, as an orderly close of TLS might.
func closeNow(nc net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	_ = nc.Close() // nobody is left to tell
}

// stalled reports since when a client with a backlog has taken nothing. ok is
// false if there is no backlog.
func (c *conn) stalled() (since int64, ok bool) {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.moved, len(c.out.backlog) > 0
}

// ending reports whether the connection is about to end, or has.
func (c *conn) ending() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.closing || c.out.dead
}

// dead reports whether the connection is cut off.
func (c *conn) dead() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.dead
}

// giveUp closes a client that has taken nothing for too long.
func (c *conn) giveUp() {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	if !c.out.closing && !c.out.dead {
		c.overflowLocked()
	}
}

// tooSlow reports whether the connection was closed for being too slow.
func (c *conn) tooSlow() bool {
	c.out.mu.Lock()
	defer c.out.mu.Unlock()
	return c.out.slow
}
