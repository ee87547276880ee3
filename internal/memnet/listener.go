// Package memnet is a network inside the process, for tests: a listener, and
// connections with a bounded buffer in each direction and with deadlines.
//
// Unlike [net.Pipe], a write returns as soon as its bytes are buffered, and a
// reader that stops reading lets the buffer fill up, as with a socket. Whoever
// blocks here waits on a channel or a [sync.Cond], so that everything works inside
// a bubble of [testing/synctest], where a listener and its connections have to be
// made in the bubble that uses them.
package memnet

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
)

const (
	serverPort      = 80
	firstClientPort = 1024
	clientPorts     = 1<<16 - firstClientPort
)

// A Listener accepts the connections that [Listener.Dial] makes. It is a
// [net.Listener] for one [http.Server] or the like, made by [Listen], and safe for
// concurrent use.
type Listener struct {
	pending chan *Conn
	closed  chan struct{}
	close   sync.Once
	dialed  atomic.Uint32
}

// Listen returns a new listener. Nothing but its own Dial leads to it.
func Listen() *Listener {
	return &Listener{pending: make(chan *Conn), closed: make(chan struct{})}
}

// Dial connects to the listener: it waits until Accept takes the connection, the
// listener is closed or ctx is done. The address of each client has a port of its
// own.
func (l *Listener) Dial(ctx context.Context) (*Conn, error) {
	port := firstClientPort + int((l.dialed.Add(1)-1)%clientPorts)
	client, server := pipe(address(port), address(serverPort))
	select {
	case <-l.closed: // closed before wins over accepted now
		return nil, &net.OpError{Op: "dial", Net: network, Addr: l.Addr(), Err: net.ErrClosed}
	default:
	}
	select {
	case l.pending <- server:
		return client, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "dial", Net: network, Addr: l.Addr(), Err: net.ErrClosed}
	case <-ctx.Done():
		return nil, fmt.Errorf("memnet: dial: %w", context.Cause(ctx))
	}
}

// Accept waits for the next connection. After Close it returns [net.ErrClosed],
// wrapped.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.pending:
		return conn, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: network, Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close ends all waiting and later calls of Dial and Accept. Connections that
// exist are not touched.
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

// Addr returns an address of TCP form, 127.0.0.1:80, which code that splits host
// and port can read.
func (l *Listener) Addr() net.Addr { return address(serverPort) }

func address(port int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
}
