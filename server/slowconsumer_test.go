package server_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
)

// Pages that do not read vanish while events wait for them, which the goroutine
// that reads and the one that writes find out at the same time. Nobody else is
// held up by it.
func TestSlowPagesThatVanish(t *testing.T) {
	t.Parallel()
	w := onTCP(t)
	var sockets []*net.TCPConn
	dial := w.dial
	w.dial = func() (net.Conn, error) {
		nc, err := dial()
		if err == nil {
			sockets = append(sockets, nc.(*net.TCPConn))
		}
		return nc, err
	}
	w.pages(50)
	quick := w.on("end")
	data := strings.Repeat("x", 10_000)
	for i, nc := range sockets[:50] {
		require.NoError(t, nc.SetLinger(0)) // closing resets the connection
		for range 500 / (i + 1) {
			w.broadcast("e", data, channel.Public("news"))
		}
		require.NoError(t, nc.Close())
	}
	w.broadcast("end", "", channel.Public("end"))
	quick.hears("end", "end", "")
}
