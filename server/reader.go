package server

import (
	"errors"
	"io"
	"log/slog"
	"runtime/debug"
	"sync"
	"time"

	"github.com/onairgo/onair/internal/websocket"
)

// readBuffers are shared. A connection holds one only while it has bytes to
// handle.
var readBuffers = sync.Pool{New: func() any { return new([4 << 10]byte) }}

// smallBuffer is the length of the buffer of a connection that is not a plain
// socket. It needs one even while it waits.
const smallBuffer = 1 << 10

// errPeerClosed ends reading: the peer has sent a close frame with this code.
type errPeerClosed struct{ code uint16 }

func (errPeerClosed) Error() string { return "closed by the client" }

// reader reads from a connection and hands each piece to a function.
type reader struct {
	conn    *conn
	ready   func(fd uintptr) bool // for a plain socket
	buffer  *[4 << 10]byte        // while there are bytes
	n       int
	err     error
	waiting []byte // the buffer of any other connection
}

func newReader(c *conn) *reader {
	r := &reader{conn: c}
	if c.raw != nil {
		r.ready = r.readReady
	} else {
		r.waiting = make([]byte, smallBuffer)
	}
	return r
}

// readReady is called by the runtime's poller, first at once and then whenever
// the socket has become readable. It takes a buffer only for the attempt to
// read, so that an idle connection holds none.
func (r *reader) readReady(fd uintptr) bool {
	b := readBuffers.Get().(*[4 << 10]byte)
	n, again, err := readSocket(fd, b[:])
	if again {
		readBuffers.Put(b)
		return false
	}
	r.buffer, r.n, r.err = b, n, err
	if n == 0 && err == nil {
		r.err = io.EOF
	}
	return true
}

// next calls use with the next bytes that arrive. The error is that of the
// connection or of use.
func (r *reader) next(use func([]byte) error) error {
	if r.conn.raw == nil {
		n, err := r.conn.netConn.Read(r.waiting)
		if n > 0 {
			return use(r.waiting[:n])
		}
		return err
	}
	if err := r.conn.raw.Read(r.ready); err != nil {
		return err
	}
	b := r.buffer
	r.buffer = nil
	defer readBuffers.Put(b)
	if r.err != nil {
		return r.err
	}
	return use(b[:r.n])
}

// receive handles what the client sends until there is no more to handle, and
// returns why.
func (c *conn) receive(early []byte) (end error) {
	defer func() {
		if v := recover(); v != nil { // a bug of ours must cost only one connection
			c.server.log.Error("connection handler panicked", slog.String("socket_id", c.id),
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			end = &websocket.CloseError{Code: websocket.CloseInternalError, Reason: "internal error"}
		}
	}()
	r := newReader(c)
	if len(early) > 0 {
		if err := c.consume(early); err != nil {
			return err
		}
	}
	for consume := c.consume; ; {
		if err := r.next(consume); err != nil {
			return err
		}
	}
}

// consume handles bytes from the client.
func (c *conn) consume(b []byte) error {
	c.heard.Store(c.server.now())
	for m, err := range c.parser.Feed(b) {
		if err != nil {
			return err
		}
		switch m.Opcode {
		case websocket.OpClose:
			return errPeerClosed{m.Code}
		case websocket.OpPong:
			continue
		}
		if c.ending() {
			continue // only the close frame is of interest
		}
		c.admit()
		switch m.Opcode {
		case websocket.OpPing:
			c.send(websocket.AppendPong(nil, m.Payload))
		case websocket.OpText:
			c.handle(m.Payload)
		case websocket.OpBinary:
			c.sendError(noCode, "", "binary messages are not taken; send JSON as text")
		}
	}
	return nil
}

// finish ends the connection after reading has ended. The peer may take as long
// as wait to read what was sent and to close.
func (c *conn) finish(end error, wait time.Duration) {
	if closed, ok := errors.AsType[errPeerClosed](end); ok {
		c.answerClose(closed.code)
	} else if broken, ok := errors.AsType[*websocket.CloseError](end); ok {
		c.writeLast(websocket.AppendClose(nil, broken.Code, broken.Reason))
	} else if !c.ending() {
		c.kill() // the peer is gone
	}
	c.linger(wait)
	_ = c.netConn.Close() // closed already, or there is nobody to tell
}

// linger gives the peer time to read what was sent and to close. Closing a
// socket that has unread bytes would discard what the peer has not read yet.
func (c *conn) linger(wait time.Duration) {
	_ = c.netConn.SetReadDeadline(time.Now().Add(wait)) // fails if the connection is closed, and then so does reading
	r := newReader(c)
	for !c.dead() {
		err := r.next(func(b []byte) error {
			for m, err := range c.parser.Feed(b) {
				if err == nil && m.Opcode == websocket.OpClose {
					c.answerClose(m.Code)
				}
			}
			return nil
		})
		if err != nil {
			break
		}
	}
	c.kill()
}
