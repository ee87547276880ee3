//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// client holds the connections that events are delivered to. A single thread
// reads all of them, so that the client costs little compared with what it
// measures.
type client struct {
	epoll int
	conns []*clientConn // by descriptor

	received  atomic.Int64 // events, over all connections
	reordered atomic.Int64 // events that were not the next one on their connection
	closed    atomic.Int64 // connections that ended

	// While polling is set, the thread looks for events from time to time, so
	// that the server never pays for waking it.
	polling atomic.Bool

	recording atomic.Bool
	mu        sync.Mutex
	latencies []int64 // in nanoseconds
}

// clientConn is one connection.
type clientConn struct {
	fd   int
	rest []byte // the beginning of an incomplete frame
	next int64  // the number of the event that has to come next
}

// subscribeFrame subscribes to the channel. Its masking key is zero.
var subscribeFrame = clientFrame(0x1, `{"event":"pusher:subscribe","data":{"channel":"`+channelName+`"}}`)

func clientFrame(opcode byte, payload string) []byte {
	if len(payload) > 125 {
		panic("bench: long frame")
	}
	return append([]byte{0x80 | opcode, 0x80 | byte(len(payload)), 0, 0, 0, 0}, payload...)
}

// connect opens n connections, one after the other. A connection is ready when
// the handshake has been answered and, if confirmed is set, the subscription
// too.
func connect(n int, addr string, confirmed bool) (*client, error) {
	epoll, err := syscall.EpollCreate1(0)
	if err != nil {
		return nil, fmt.Errorf("epoll_create1: %w", err)
	}
	to, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return nil, err
	}
	c := &client{epoll: epoll}
	sockaddr := &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}
	for i := range n {
		cc := &clientConn{next: 1}
		if err := cc.open(sockaddr, addr, confirmed); err != nil {
			return nil, fmt.Errorf("connection %d: %w", i+1, err)
		}
		if grow := cc.fd + 1 - len(c.conns); grow > 0 {
			c.conns = append(c.conns, make([]*clientConn, grow)...)
		}
		c.conns[cc.fd] = cc
		if err := syscall.EpollCtl(epoll, syscall.EPOLL_CTL_ADD, cc.fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(cc.fd)}); err != nil {
			return nil, fmt.Errorf("epoll_ctl: %w", err)
		}
	}
	return c, nil
}

// open connects, performs the handshake and subscribes.
func (cc *clientConn) open(to *syscall.SockaddrInet4, addr string, confirmed bool) (err error) {
	if cc.fd, err = syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0); err != nil {
		return fmt.Errorf("socket: %w", err)
	}
	if err := syscall.SetsockoptTimeval(cc.fd, syscall.SOL_SOCKET, syscall.SO_RCVTIMEO, &syscall.Timeval{Sec: 10}); err != nil {
		return fmt.Errorf("setsockopt: %w", err)
	}
	if err := syscall.Connect(cc.fd, to); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	request := "GET /app/" + benchApp.Key + "?protocol=7&client=bench&version=1 HTTP/1.1\r\nHost: " + addr +
		"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: b25haXIgYmVuY2htYXJrIQ==\r\n\r\n"
	if err := writeAll(cc.fd, []byte(request)); err != nil {
		return err
	}
	answer, err := cc.handshake()
	if err != nil {
		return err
	}
	if err := writeAll(cc.fd, subscribeFrame); err != nil {
		return err
	}
	subscribed := !confirmed
	check := func(payload []byte) {
		subscribed = subscribed || bytes.Contains(payload, []byte("subscription_succeeded"))
	}
	for err = cc.feed(answer, check); !subscribed && err == nil; {
		buffer := make([]byte, 4<<10)
		var n int
		if n, err = readSocket(cc.fd, buffer); err == nil && n > 0 {
			err = cc.feed(buffer[:n], check)
		} else if err == nil {
			err = errors.New("closed before the subscription was confirmed")
		}
	}
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return syscall.SetNonblock(cc.fd, true)
}

// handshake reads the answer to the handshake and returns the bytes after it.
func (cc *clientConn) handshake() (behind []byte, err error) {
	var answer []byte
	for {
		head, behind, whole := bytes.Cut(answer, []byte("\r\n\r\n"))
		if whole {
			if !bytes.HasPrefix(head, []byte("HTTP/1.1 101 ")) {
				return nil, fmt.Errorf("handshake refused: %q", answer)
			}
			return behind, nil
		}
		buffer := make([]byte, 4<<10)
		n, err := readSocket(cc.fd, buffer)
		if n <= 0 {
			return nil, fmt.Errorf("handshake: closed after %q: %w", answer, err)
		}
		answer = append(answer, buffer[:n]...)
	}
}

// readSocket calls read(2), and calls it again after a signal.
func readSocket(fd int, b []byte) (n int, err error) {
	for {
		if n, err = syscall.Read(fd, b); err != syscall.EINTR {
			return n, err
		}
	}
}

// errClosing reports that the server sent a close frame.
var errClosing = errors.New("the server closed the connection")

// feed splits received bytes into frames and calls text with the payload of
// every text frame.
func (cc *clientConn) feed(b []byte, text func(payload []byte)) error {
	if len(cc.rest) > 0 {
		cc.rest = append(cc.rest, b...)
		b = cc.rest
	}
	for {
		opcode, payload, size := cutFrame(b)
		if size == 0 {
			break
		}
		switch opcode {
		case 0x1:
			text(payload)
		case 0x8:
			return fmt.Errorf("%w: %q", errClosing, payload)
		case 0x9:
			if err := writeAll(cc.fd, clientFrame(0xA, string(payload))); err != nil {
				return err
			}
		default:
			return fmt.Errorf("frame of type %#x", opcode)
		}
		b = b[size:]
	}
	cc.rest = append(cc.rest[:0], b...)
	return nil
}

// cutFrame returns the first frame of b. Its length on the wire is size, which
// is 0 if the frame is incomplete.
func cutFrame(b []byte) (opcode byte, payload []byte, size int) {
	if len(b) < 2 {
		return 0, nil, 0
	}
	head, length := 2, int(b[1])
	switch length {
	case 126:
		head = 4
		if len(b) < head {
			return 0, nil, 0
		}
		length = int(binary.BigEndian.Uint16(b[2:]))
	case 127:
		head = 10
		if len(b) < head {
			return 0, nil, 0
		}
		length = int(binary.BigEndian.Uint64(b[2:]))
	}
	if len(b) < head+length {
		return 0, nil, 0
	}
	return b[0] & 0xF, b[head : head+length], head + length
}

// pump reads what arrives, for the lifetime of the process.
func (c *client) pump() error {
	runtime.LockOSThread()
	const glance, nap = 100, 200 * time.Microsecond
	events := make([]syscall.EpollEvent, 4096)
	buffer := make([]byte, 1<<20)
	for {
		wait := glance // in milliseconds; then check again whether to poll
		if c.polling.Load() {
			wait = 0
		}
		n, err := syscall.EpollWait(c.epoll, events, wait)
		if err != nil && err != syscall.EINTR {
			return fmt.Errorf("epoll_wait: %w", err)
		}
		if n == 0 && wait == 0 {
			_ = syscall.Nanosleep(&syscall.Timespec{Nsec: int64(nap)}, nil) // a nap cut short is as good
		}
		for _, e := range events[:max(n, 0)] {
			if cc := c.conns[e.Fd]; cc != nil {
				c.read(cc, buffer)
			}
		}
	}
}

func (c *client) read(cc *clientConn, buffer []byte) {
	// The runtime need not know of this call: there are bytes to read, so it is
	// short, and the thread belongs to this goroutine alone.
	n, _, errno := syscall.RawSyscall6(syscall.SYS_RECVFROM, uintptr(cc.fd), uintptr(unsafe.Pointer(&buffer[0])), uintptr(len(buffer)), 0, 0, 0)
	if errno == syscall.EAGAIN || errno == syscall.EINTR {
		return
	}
	var err error
	if errno == 0 && n > 0 {
		var at int64
		if c.recording.Load() {
			at = now()
		}
		err = cc.feed(buffer[:n], func(payload []byte) { c.take(cc, payload, at) })
	}
	if errno != 0 || n == 0 || err != nil {
		c.closed.Add(1)
		c.conns[cc.fd] = nil
		_ = syscall.Close(cc.fd)
	}
}

// take counts an event. It arrived at the given time, which is 0 unless
// latencies are recorded.
func (c *client) take(cc *clientConn, payload []byte, at int64) {
	seq, published, ok := readEvent(payload)
	if !ok {
		return
	}
	if seq != cc.next {
		c.reordered.Add(1)
	}
	cc.next = seq + 1
	if at != 0 {
		c.mu.Lock()
		c.latencies = append(c.latencies, at-published)
		c.mu.Unlock()
	}
	c.received.Add(1)
}

// record begins to record latencies. It makes room for as many as given.
func (c *client) record(room int) {
	c.mu.Lock()
	c.latencies = make([]int64, 0, room)
	c.mu.Unlock()
	c.recording.Store(true)
}

// noted returns how many latencies have been recorded.
func (c *client) noted() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.latencies)
}

// recorded ends the recording and returns the latencies.
func (c *client) recorded() []int64 {
	c.recording.Store(false)
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.latencies) // the thread may still append one
}

func writeAll(fd int, b []byte) error {
	if n, err := syscall.Write(fd, b); err != nil || n != len(b) {
		return fmt.Errorf("write: %d of %d bytes: %w", n, len(b), err)
	}
	return nil
}
