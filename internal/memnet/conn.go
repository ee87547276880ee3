package memnet

import (
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

const (
	network = "memory"

	// DefaultBuffer is how many bytes each direction of a connection holds unless
	// [Conn.SetReadBuffer] or [Conn.SetWriteBuffer] says otherwise.
	DefaultBuffer = 64 << 10
)

// A Conn is one end of a connection. It behaves as a TCP connection does where
// programs can tell: bytes that were written before the peer closed can still be
// read, then comes [io.EOF]; writing to a peer that closed is an error; a deadline
// that passes wakes whoever waits. All methods are safe for concurrent use, and
// concurrent writes do not mix their bytes.
type Conn struct {
	local, remote net.Addr
	in, out       *stream
}

// Pipe returns the two ends of a connection.
func Pipe() (client, server *Conn) {
	return pipe(address(firstClientPort), address(serverPort))
}

func pipe(client, server net.Addr) (*Conn, *Conn) {
	up, down := newStream(), newStream()
	return &Conn{local: client, remote: server, in: down, out: up},
		&Conn{local: server, remote: client, in: up, out: down}
}

// Read reads what is there, or waits for it.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	return n, c.opError("read", err)
}

// Write returns when all of b is buffered, or with how much of it was when the
// deadline passed or one end was closed.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	return n, c.opError("write", err)
}

// Close ends both directions and wakes all who wait on either end.
func (c *Conn) Close() error {
	c.out.closeWriter()
	c.in.closeReader()
	return nil
}

// SetReadBuffer bounds the bytes that wait to be read here, which is the write
// buffer of the other end. More than that may wait if it already does. Zero or
// less means DefaultBuffer.
func (c *Conn) SetReadBuffer(bytes int) error {
	c.in.setSize(bytes)
	return nil
}

// SetWriteBuffer bounds the bytes that wait to be read at the other end, as
// SetReadBuffer does there.
func (c *Conn) SetWriteBuffer(bytes int) error {
	c.out.setSize(bytes)
	return nil
}

// LocalAddr returns the address of this end, a [*net.TCPAddr] on the loopback.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines, as described at [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets when reads fail with [os.ErrDeadlineExceeded], wrapped; the
// zero time means never.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.opError("set", c.in.setDeadline(&c.in.readDeadline, &c.in.readerClosed, t))
}

// SetWriteDeadline sets when writes fail, as SetReadDeadline does for reads.
func (c *Conn) SetWriteDeadline(t time.Time) error {
	return c.opError("set", c.out.setDeadline(&c.out.writeDeadline, &c.out.writerClosed, t))
}

func (c *Conn) opError(op string, err error) error {
	if err == nil || err == io.EOF {
		return err
	}
	return &net.OpError{Op: op, Net: network, Source: c.local, Addr: c.remote, Err: err}
}

// A stream is one direction of a connection.
type stream struct {
	mu      sync.Mutex
	changed sync.Cond // whenever any of the following did
	size    int
	buf     []byte
	writing bool // a writer is at it, perhaps waiting: the next waits for its end

	writerClosed, readerClosed  bool
	readDeadline, writeDeadline deadline
}

func newStream() *stream {
	s := &stream{size: DefaultBuffer}
	s.changed.L = &s.mu
	return s
}

func (s *stream) read(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.readerClosed:
			return 0, net.ErrClosed
		case s.readDeadline.passed:
			return 0, os.ErrDeadlineExceeded
		case len(b) == 0:
			return 0, nil
		case len(s.buf) > 0:
			n := copy(b, s.buf)
			s.buf = s.buf[:copy(s.buf, s.buf[n:])]
			s.changed.Broadcast()
			return n, nil
		case s.writerClosed:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *stream) write(b []byte) (n int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for mine := false; ; s.changed.Wait() {
		switch {
		case s.writerClosed:
			err = net.ErrClosed
		case s.writeDeadline.passed:
			err = os.ErrDeadlineExceeded
		case s.readerClosed:
			err = io.ErrClosedPipe
		case s.writing && !mine:
			continue
		default:
			mine, s.writing = true, true
			if fits := min(len(b)-n, s.size-len(s.buf)); fits > 0 {
				s.buf = append(s.buf, b[n:n+fits]...)
				n += fits
				s.changed.Broadcast()
			}
		}
		if err != nil || n == len(b) {
			if mine {
				s.writing = false
				s.changed.Broadcast()
			}
			return n, err
		}
	}
}

func (s *stream) closeWriter() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writerClosed = true
	s.writeDeadline.stop()
	s.changed.Broadcast()
}

func (s *stream) closeReader() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.readerClosed, s.buf = true, nil
	s.readDeadline.stop()
	s.changed.Broadcast()
}

func (s *stream) setSize(bytes int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if bytes <= 0 {
		bytes = DefaultBuffer
	}
	s.size = bytes
	s.changed.Broadcast()
}

// A deadline belongs to a stream and is guarded by its mutex.
type deadline struct {
	timer  *time.Timer
	passed bool
}

func (d *deadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
	}
	*d = deadline{}
}

// setDeadline sets one of the deadlines of s, unless that side has been closed.
func (s *stream) setDeadline(d *deadline, closed *bool, t time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if *closed {
		return net.ErrClosed
	}
	d.stop()
	if t.IsZero() {
		return nil
	}
	wait := time.Until(t)
	if wait <= 0 {
		d.passed = true
		s.changed.Broadcast()
		return nil
	}
	var timer *time.Timer
	timer = time.AfterFunc(wait, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if d.timer != timer {
			return // replaced or stopped while it was going off
		}
		d.passed = true
		s.changed.Broadcast()
	})
	d.timer = timer
	return nil
}
