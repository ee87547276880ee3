package server_test

import (
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// FuzzSessions sends any bytes behind a handshake, in two pieces, and takes what
// comes. Another page does not notice, nothing panics, and when the connection
// has ended nothing is left of it.
func FuzzSessions(f *testing.F) {
	text := func(messages ...string) (b []byte) {
		for _, m := range messages {
			b = wstest.Append(b, wstest.Text(m))
		}
		return b
	}
	const join, leave = `{"event":"pusher:subscribe","data":{"channel":"presence-room"}}`, `{"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}`
	f.Add(text(join, join, leave, leave, join), uint(70))
	f.Add(text(`{"event":"pusher:signin","data":{}}`, `{"event":"pusher:subscribe","data":{"channel":"#server-to-user-5"}}`, join), uint(0))
	f.Add(text(join, `{"event":"client-x","channel":"presence-room","data":1}`, `{"event":"pusher:subscribe","data":{"channel":"private-cache-user.5"}}`), uint(3))
	f.Add(wstest.Append(text(join), wstest.Ping("x"), wstest.Close(1000, "bye")), uint(100))
	f.Add(append(text(join), 0x01, 0x80, 0, 0, 0, 0, 0x89, 0x80, 0, 0, 0, 0, 0x00, 0x80, 0, 0, 0, 0, 0xff), uint(90))
	f.Fuzz(func(t *testing.T, sent []byte, cut uint) {
		synctest.Test(t, func(t *testing.T) {
			listener := memnet.Listen()
			w := newSite(t, listener, func() (net.Conn, error) { return listener.Dial(t.Context()) }, func(c *server.Config) {
				c.Authorizer = tenantRules(testApp)
				c.SubscriptionCounts = true
			})
			bystander := w.on("private-bystander")
			bystander.hears("pusher_internal:subscription_count", "private-bystander", `{"subscription_count":1}`)
			conn, err := w.dial()
			require.NoError(t, err)
			r := wstest.NewRequest(w.path)
			r.Header.Set("X-User", "5")
			_, err = wstest.Dial(conn, r)
			require.NoError(t, err)
			taken := make(chan struct{})
			go func() {
				defer close(taken)
				_, _ = io.Copy(io.Discard, conn) // ends with the connection
			}()
			cut %= uint(len(sent)) + 1
			for _, piece := range [][]byte{sent[:cut], sent[cut:]} {
				_, _ = conn.Write(piece) // fails when the server has had enough
				synctest.Wait()
			}
			w.broadcast("e", "1", channel.Private("bystander"), channel.Presence("room"), channel.User("5"))
			bystander.hears("e", "private-bystander", "1")
			require.NoError(t, conn.Close())
			<-taken
			time.Sleep(10 * time.Second) // as long as a connection may take to end
			bystander.lives()
			assert.Equal(t, 1, w.srv.Stats().Open)
			for ch := range w.srv.Channels() {
				assert.Equal(t, "private-bystander", ch.String())
			}
			assert.NotContains(t, w.log.String(), "panick")
		})
	})
}
