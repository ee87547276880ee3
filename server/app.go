package server

import (
	"context"
	"iter"
	"time"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// app is one application at run time: its key pairs, and who is connected and
// subscribed. Its methods are safe for concurrent use.
//
// They are what the HTTP API is written against. They take what was validated:
// names from channel.Parse, sizes within s.limits.
type app struct {
	server *Server
	id     string
}

// occupancy is who is on a channel at one moment.
type occupancy struct {
	subscriptions int // connections that are subscribed
	users         int // distinct users; 0 unless it is a presence channel
}

func (o occupancy) occupied() bool { return o.subscriptions > 0 }

// signer returns what verifies signatures made with the secret of the key, the
// current or a former one, and nil if the app has no such key.
func (a *app) signer(key string) *pusherproto.Signer { return nil }

// publish takes an event over for delivery to every connection subscribed to
// one of the channels, each once per channel, except the connection with the
// socket id except ("" for none), and keeps it for the cache channels among
// them. data goes out byte for byte; for an encrypted channel it is sealed
// already. Two calls one after the other arrive in that order on every
// connection, on whichever channels.
//
// It returns when the event is queued, which waits only while the server is
// behind by more than it may buffer; an error is that of the context or
// ErrClosed, and then channels at the end of the list may be left out.
func (a *app) publish(ctx context.Context, event, data string, channels []channel.Channel, except string) error {
	return nil
}

// occupied yields every occupied channel whose name on the wire begins with
// prefix, in no order, without the channels of users.
func (a *app) occupied(prefix string) iter.Seq2[channel.Channel, occupancy] {
	return func(yield func(channel.Channel, occupancy) bool) {}
}

// occupancy returns who is on the channel.
func (a *app) occupancy(ch channel.Channel) occupancy { return occupancy{} }

// cached returns the data of the last event on a cache channel and for how
// much longer it is kept. It is not ok if there is none.
func (a *app) cached(ch channel.Channel) (data string, ttl time.Duration, ok bool) {
	return "", 0, false
}

// users returns the ids of the members of a presence channel, sorted.
func (a *app) users(ch channel.Channel) []string { return nil }

// terminate closes every connection that is signed in as the user, with error
// and close code 4009, and returns how many that are.
func (a *app) terminate(userID string) int { return 0 }
