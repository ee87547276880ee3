// Package memnet is an in-memory network for tests: a listener, and connections
// with deadlines and a bounded buffer in each direction.
//
// Unlike with [net.Pipe], a write returns as soon as its bytes are buffered,
// and when a reader stops reading the buffer fills up, as with a socket.
// Blocked calls wait on a channel or a [sync.Cond], so everything works inside
// a bubble of [testing/synctest]. A listener and its connections must be
// created in the bubble that uses them.
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
// [net.Listener], for example for an [http.Server]. Use [Listen] to create one.
// A Listener is safe for concurrent use.
type Listener struct {
	pending chan *Conn
	closed  chan struct{}
	close   sync.Once
	dialed  atomic.Uint32
}

// Listen returns a new listener. It can be reached only through its own Dial.
func Listen() *Listener {
	return &Listener{pending: make(chan *Conn), closed: make(chan struct{})}
}

// Dial connects to the listener. It waits until Accept takes the connection,
// the listener is closed or ctx is done. Each client gets a port of its own,
// until the ports start over after 64,512 connections.
func (l *Listener) Dial(ctx context.Context) (*Conn, error) {
	port := firstClientPort + int((l.dialed.Add(1)-1)%clientPorts)
	client, server := pipe(address(port), address(serverPort))
	select {
	case <-l.closed: // a listener that is already closed accepts nothing
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

// Accept waits for the next connection. After Close it returns an error that
// wraps [net.ErrClosed].
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.pending:
		return conn, nil
	case <-l.closed:
		return nil, &net.OpError{Op: "accept", Net: network, Addr: l.Addr(), Err: net.ErrClosed}
	}
}

// Close makes all waiting and later calls of Dial and Accept fail. Existing
// connections are not affected.
func (l *Listener) Close() error {
	l.close.Do(func() { close(l.closed) })
	return nil
}

// Addr returns the TCP address 127.0.0.1:80, so that code which splits host and
// port works.
func (l *Listener) Addr() net.Addr { return address(serverPort) }

func address(port int) net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port}
}
