package server

import (
	"crypto/tls"
	"net"
	"sync"
	"syscall"
	"time"

	"github.com/onairgo/onair/internal/websocket"
)

// outgoing is the way out of a connection. As long as the socket takes
// everything, frames are written where they come up and nothing is kept. What a
// full socket did not take waits in backlog, and a goroutine writes it when
// there is room; so does all that goes to a connection which is no plain socket.
type outgoing struct {
	mu       sync.Mutex
	fd       int      // of the socket, or -1
	backlog  [][]byte // whole frames, shared with other connections
	offset   int      // of backlog[0] is written
	held     int      // at the front of backlog are being written and must stay
	bytes    int      // of backlog to be written
	flushing bool     // a goroutine is at it
	closing  bool     // a close frame is written or in backlog; nothing may follow
	answered bool     // the peer has sent its close frame
	slow     bool     // the peer took too little and is closed for it
	dead     bool     // the connection is cut off; nothing is written any more
	moved    int64    // when bytes of backlog were last written
}

func (o *outgoing) init(raw syscall.RawConn) {
	o.fd = -1
	if raw != nil {
		_ = raw.Control(func(fd uintptr) { o.fd = int(fd) }) // -1 remains after an error, and works
	}
}

// maxFlush is the most bytes of one write to what is no plain socket, put
// together from several chunks or a part of one. It fills a TLS record.
const maxFlush = 16 << 10

// write writes frames, which must not be changed afterwards. It never waits.
func (c *conn) write(frames []byte) {
	c.out.mu.Lock()
	if !c.out.closing && !c.out.dead {
		c.writeLocked(frames)
	}
	c.out.mu.Unlock()
}

// writeLast writes frames that end with a close frame, and has the goroutine
// that reads end the connection.
func (c *conn) writeLast(frames []byte) {
	c.out.mu.Lock()
	if !c.out.closing && !c.out.dead {
		c.writeLocked(frames)
		c.closeLocked()
	}
	c.out.mu.Unlock()
}

// closeLocked notes that the close frame is out, and wakes the reader.
func (c *conn) closeLocked() {
	c.out.closing = true
	_ = c.netConn.SetReadDeadline(time.Unix(1, 0)) // of a closed connection it fails, and the reader is awake
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
	// What is on its way does not count: a message of any size gets through to
	// who takes it, however little may wait.
	if over(o.bytes-len(o.backlog[0])+o.offset, c.server.limits.Overflow) && !o.closing {
		c.overflowLocked()
	}
	if !o.flushing {
		o.flushing = true
		c.server.wg.Go(c.flush)
	}
}

// overflowLocked gives up on a client that is too slow. What it has half of or
// is being written must be whole; of the rest it gets only that it was closed.
func (c *conn) overflowLocked() {
	o := &c.out
	keep := o.held
	if o.offset > 0 {
		keep = max(keep, 1)
	}
	clear(o.backlog[keep:])
	o.backlog = append(o.backlog[:keep], farewell(closeOverCapacity, "too slow: more events wait than are kept"))
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
		// An error means that the connection is closed; flushSocket has not
		// run to its end then, and nobody will write any more.
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

// flushSocket writes what the socket takes and reports whether it is done.
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

// nextFlush returns what to write next to what is no plain socket, nil when
// there is nothing.
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
		return b[:maxFlush] // what a slow client takes of it shows sooner
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

// flushedLocked notes that the goroutine that flushes ends. Both sides having
// closed, the socket is closed too.
func (c *conn) flushedLocked() {
	c.out.flushing = false
	if c.out.closing && c.out.answered {
		c.killLocked()
	}
}

// answerClose answers the close frame of the peer, if it is not an answer
// itself, and closes the socket once that is out.
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
		// which may be here or wait for the lock. This wakes them, and the one
		// that reads closes the socket when it ends.
		shutSocket(o.fd)
		return
	}
	closeNow(c.netConn)
}

// closeNow closes without waiting, as closing TLS in good order may.
func closeNow(nc net.Conn) {
	if t, ok := nc.(*tls.Conn); ok {
		nc = t.NetConn()
	}
	_ = nc.Close() // nobody is left to tell
}

// stalled reports since when a client with a backlog has taken nothing; it is
// not ok if there is no backlog.
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
