package server_test

import (
	"context"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// dawdling is a listener whose connections take their time to tell their address
// once they are identified, which holds a connection up on its way in.
type dawdling struct {
	net.Listener
	identified atomic.Bool
	asked      chan struct{}
	tell       chan struct{}
}

func (l *dawdling) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return dawdler{conn, l}, err
}

type dawdler struct {
	net.Conn
	listener *dawdling
}

func (c dawdler) RemoteAddr() net.Addr {
	if c.listener.identified.Swap(false) {
		close(c.listener.asked)
		<-c.listener.tell
	}
	return c.Conn.RemoteAddr()
}

// Authorizer is asked who connects, after which the address is.
func (l *dawdling) Identify(*http.Request) (auth.Identity, error) {
	l.identified.Store(true)
	return struct{}{}, nil
}

func (*dawdling) Authorize(context.Context, auth.Identity, string, channel.Channel) (*auth.Grant, error) {
	return nil, auth.Pass
}

func (*dawdling) AuthorizeUser(context.Context, auth.Identity, string) (*auth.UserGrant, error) {
	return nil, auth.Pass
}

// TestShutdownWaitsForThoseOnTheirWayIn cuts a server off while a connection is
// between the handshake and its first frame.
func TestShutdownWaitsForThoseOnTheirWayIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		inner := memnet.Listen()
		listener := &dawdling{Listener: inner, asked: make(chan struct{}), tell: make(chan struct{})}
		w := newSite(t, listener, func() (net.Conn, error) { return inner.Dial(t.Context()) }, func(c *server.Config) {
			c.Authorizer = listener
			c.Limits.ConnectionsPerIP = 10
		})
		conn, err := w.dial()
		require.NoError(t, err)
		require.NoError(t, wstest.NewRequest(w.path).Write(conn))
		<-listener.asked

		now, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, w.srv.Shutdown(now), context.Canceled, "not everything has ended")
		ended := make(chan error)
		go func() { ended <- w.srv.Shutdown(t.Context()) }()
		close(listener.tell)
		require.NoError(t, <-ended)
		require.NoError(t, conn.SetDeadline(time.Now().Add(time.Minute)))
		_, err = io.Copy(io.Discard, conn)
		require.NoError(t, err, "the connection outlives the server")
		assert.Zero(t, w.srv.Stats().Open)
	})
}
