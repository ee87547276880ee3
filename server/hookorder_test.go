package server_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/server"
)

// ledger follows what the hooks are told and finds out by itself when it cannot
// be. It has no lock: hooks are called one after the other.
type ledger struct {
	t         *testing.T
	srv       *server.Server
	connected map[string]map[channel.Channel]bool // channels, by socket id
	counts    map[channel.Channel]int
	members   map[channel.Channel]map[string]bool
	calls     int
}

func newLedger(t *testing.T) *ledger {
	return &ledger{
		t: t, connected: map[string]map[channel.Channel]bool{},
		counts: map[channel.Channel]int{}, members: map[channel.Channel]map[string]bool{},
	}
}

func (l *ledger) hooks() server.Hooks {
	return server.Hooks{
		Connected: func(_ context.Context, c server.Connection) {
			l.calls++
			assert.Nil(l.t, l.connected[c.SocketID])
			l.connected[c.SocketID] = map[channel.Channel]bool{}
		},
		Disconnected: func(ctx context.Context, c server.Connection) {
			l.calls++
			channels, ok := l.connected[c.SocketID]
			assert.True(l.t, ok, "disconnected before it was connected")
			assert.Empty(l.t, channels, "disconnected before it unsubscribed")
			delete(l.connected, c.SocketID)
			_, err := l.srv.Terminate(ctx, "nobody")
			assert.NoError(l.t, err)
		},
		Subscribed: func(ctx context.Context, s server.Subscription) {
			l.calls++
			assert.False(l.t, l.connected[s.SocketID][s.Channel], "subscribed twice")
			l.connected[s.SocketID][s.Channel] = true
			l.counts[s.Channel]++
			assert.Equal(l.t, l.counts[s.Channel], s.Subscriptions, "on %s", s.Channel)
			_, err := l.srv.Members(ctx, s.Channel) // of the very channel
			assert.NoError(l.t, err)
		},
		Unsubscribed: func(ctx context.Context, s server.Subscription) {
			l.calls++
			assert.True(l.t, l.connected[s.SocketID][s.Channel], "unsubscribed before it subscribed")
			delete(l.connected[s.SocketID], s.Channel)
			l.counts[s.Channel]--
			assert.Equal(l.t, l.counts[s.Channel], s.Subscriptions, "on %s", s.Channel)
			for range l.srv.Channels() {
			}
		},
		MemberJoined: func(ctx context.Context, m server.MemberChange) {
			l.calls++
			if l.members[m.Channel] == nil {
				l.members[m.Channel] = map[string]bool{}
			}
			assert.False(l.t, l.members[m.Channel][m.UserID], "%s came twice", m.UserID)
			l.members[m.Channel][m.UserID] = true
			if err := l.srv.Broadcast(ctx, news("from a hook")); !errors.Is(err, server.ErrClosed) { // which it is to those that waited till then
				assert.NoError(l.t, err)
			}
		},
		MemberLeft: func(_ context.Context, m server.MemberChange) {
			l.calls++
			assert.True(l.t, l.members[m.Channel][m.UserID], "%s left without having come", m.UserID)
			delete(l.members[m.Channel], m.UserID)
			for range l.srv.Connections() {
			}
		},
	}
}

// While many pages come and go at the same time, hooks that call the server are
// told of everything in the order in which it happened, one after the other.
func TestHooksOfManyPages(t *testing.T) {
	t.Parallel()
	l := newLedger(t)
	w := onTCP(t, func(c *server.Config) { c.Hooks = l.hooks() })
	l.srv = w.srv
	server.SetShards(w.srv, 4)
	var work sync.WaitGroup
	for i := range 8 {
		work.Go(func() {
			for i, tab := range roam(w, rand.New(rand.NewPCG(uint64(i), 3)), 60) {
				tab.leave(i % 2)
			}
		})
	}
	work.Wait()
	require.NoError(t, w.srv.Shutdown(t.Context()), "which waits for the hooks")
	assert.Zero(t, w.srv.Stats().HooksDropped)
	assert.Greater(t, l.calls, 300)
	assert.Empty(t, l.connected)
	for ch, n := range l.counts {
		assert.Zero(t, n, ch)
		assert.Empty(t, l.members[ch])
	}
}

// A hook may close the connection that it is told of.
func TestHookThatTerminates(t *testing.T) {
	t.Parallel()
	var srv *server.Server
	inBubble(t, func(t *testing.T, w *site) {
		srv = w.srv
		p, other := w.connect(), w.connect()
		other.signIn(`{"id":"other"}`)
		p.signIn(`{"id":"u"}`)
		p.subscribe("private-forbidden.to.u")
		p.closed(4009)
		other.lives()
	}, func(c *server.Config) {
		c.Hooks.Subscribed = func(ctx context.Context, _ server.Subscription) {
			n, err := srv.Terminate(ctx, "u")
			if n != 1 || err != nil {
				panic(fmt.Sprint(n, err))
			}
		}
	})
}

// Shutdown that is cut short ends the context of the hooks, and with it those
// that heed it. Another one waits for them.
func TestShutdownEndsHooks(t *testing.T) {
	t.Parallel()
	var ended int
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("news")
		go func() { p.closed(4100) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		start := time.Now()
		require.ErrorIs(t, w.srv.Shutdown(ctx), context.DeadlineExceeded)
		assert.Equal(t, 3*time.Second, time.Since(start))
		require.NoError(t, w.srv.Shutdown(t.Context()))
		assert.Equal(t, 3*time.Second, time.Since(start))
		assert.Equal(t, 2, ended, "the one that was under way, and the one that waited")
	}, func(c *server.Config) {
		wait := func(ctx context.Context) {
			<-ctx.Done()
			ended++
		}
		c.Hooks.Subscribed = func(ctx context.Context, _ server.Subscription) { wait(ctx) }
		c.Hooks.Unsubscribed = func(ctx context.Context, _ server.Subscription) { wait(ctx) }
	})
}

// What is dropped is counted for good, and logged once.
func TestDroppedHooksAreLoggedOnce(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.connect()
		for i := range 8 {
			p.subscribe(fmt.Sprint("c", i))
		}
		pass(10 * time.Second)
		assert.Equal(t, 1, strings.Count(w.log.String(), "calls of hooks dropped"))
		assert.EqualValues(t, 6, w.srv.Stats().HooksDropped)
	}, func(c *server.Config) {
		c.Limits.HookQueue = 1
		c.Hooks.Subscribed = func(context.Context, server.Subscription) { <-time.After(11 * time.Second) }
	})
}
