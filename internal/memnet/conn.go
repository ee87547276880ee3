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

	// DefaultBuffer is how many bytes each direction of a connection can hold
	// unless [Conn.SetReadBuffer] or [Conn.SetWriteBuffer] changes it.
	DefaultBuffer = 64 << 10
)

// A Conn is one end of a connection. As far as a program can tell, it behaves
// like a TCP connection. Bytes that were written before the peer closed can
// still be read, followed by [io.EOF]. Writing to a peer that has closed is an
// error. A deadline that passes wakes all waiting calls. All methods are safe
// for concurrent use, and concurrent writes do not mix their bytes.
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

// Read reads the bytes that are available, or waits until there are some.
func (c *Conn) Read(b []byte) (int, error) {
	n, err := c.in.read(b)
	return n, c.opError("read", err)
}

// Write returns once all of b is buffered. If the deadline passes or one end is
// closed before that, it returns an error and how many bytes were buffered.
func (c *Conn) Write(b []byte) (int, error) {
	n, err := c.out.write(b)
	return n, c.opError("write", err)
}

// Close ends both directions and wakes all waiting calls at either end.
func (c *Conn) Close() error {
	c.out.closeWriter()
	c.in.closeReader()
	return nil
}

// SetReadBuffer sets how many bytes may wait to be read at this end. It is the
// same buffer as the write buffer of the other end. Bytes that are already
// waiting are kept, even if they exceed the new size. Zero or less means
// DefaultBuffer.
func (c *Conn) SetReadBuffer(bytes int) error {
	c.in.setSize(bytes)
	return nil
}

// SetWriteBuffer sets how many bytes may wait to be read at the other end, like
// SetReadBuffer called there.
func (c *Conn) SetWriteBuffer(bytes int) error {
	c.out.setSize(bytes)
	return nil
}

// LocalAddr returns the address of this end, a [*net.TCPAddr] on the loopback
// interface.
func (c *Conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr returns the address of the other end.
func (c *Conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline sets both deadlines, as described at [net.Conn].
func (c *Conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline sets the time after which reads fail with an error that wraps
// [os.ErrDeadlineExceeded]. The zero time means no deadline.
func (c *Conn) SetReadDeadline(t time.Time) error {
	return c.opError("set", c.in.setDeadline(&c.in.readDeadline, &c.in.readerClosed, t))
}

// SetWriteDeadline does for writes what SetReadDeadline does for reads.
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
	changed sync.Cond // signalled when any of the following fields change
	size    int
	buf     []byte
	writing bool // a write is under way, perhaps waiting; other writes wait for it

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

// A deadline belongs to a stream, whose mutex guards it.
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
			return // replaced or stopped while it was firing
		}
		d.passed = true
		s.changed.Broadcast()
	})
	d.timer = timer
	return nil
}
