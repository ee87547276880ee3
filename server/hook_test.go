package server_test

import (
	"context"
	"fmt"
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

// diary is what the hooks were told.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) write(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, fmt.Sprintf(format, args...))
}

// read returns what was written since, once everything has come to rest.
func (d *diary) read() string {
	synctest.Wait()
	d.mu.Lock()
	defer d.mu.Unlock()
	text := strings.Join(d.lines, "\n")
	d.lines = nil
	return text
}

func (d *diary) hooks() server.Hooks {
	return server.Hooks{
		Connected:    func(_ context.Context, c server.Connection) { d.write("connected %s %q", c.AppID, c.UserID) },
		Disconnected: func(_ context.Context, c server.Connection) { d.write("disconnected %s %q", c.AppID, c.UserID) },
		Subscribed: func(_ context.Context, s server.Subscription) {
			d.write("subscribed %s %q %d", s.Channel, s.UserID, s.Subscriptions)
		},
		Unsubscribed: func(_ context.Context, s server.Subscription) {
			d.write("unsubscribed %s %q %d", s.Channel, s.UserID, s.Subscriptions)
		},
		MemberJoined: func(_ context.Context, m server.MemberChange) {
			d.write("joined %s %s %s", m.Channel, m.UserID, m.Info)
		},
		MemberLeft: func(_ context.Context, m server.MemberChange) { d.write("left %s %s %s", m.Channel, m.UserID, m.Info) },
		ClientEvent: func(_ context.Context, e server.ClientEvent) {
			d.write("client event %s %s %s %q", e.Channel, e.Event, e.Data, e.UserID)
		},
		CacheMiss: func(_ context.Context, m server.CacheMiss) { d.write("cache miss %s", m.Channel) },
	}
}

func TestHooks(t *testing.T) {
	t.Parallel()
	d := &diary{}
	inBubble(t, func(t *testing.T, w *site) {
		p := w.connect()
		assert.Equal(t, `connected 1 ""`, d.read())
		p.subscribeAs("presence-r", `{"user_id":7,"user_info":{"n":1}}`)
		assert.Equal(t, "subscribed presence-r \"7\" 1\njoined presence-r 7 {\"n\":1}", d.read())
		q := w.connect()
		q.subscribeAs("presence-r", `{"user_id":"7"}`)
		assert.Equal(t, "connected 1 \"\"\nsubscribed presence-r \"7\" 2", d.read())
		q.subscribe("cache-c")
		assert.Equal(t, "subscribed cache-c \"\" 1\ncache miss cache-c", d.read())
		p.whisper("client-x", "presence-r", map[string]any{"a": "é"})
		assert.Equal(t, `client event presence-r client-x {"a":"é"} "7"`, d.read())
		p.send("pusher:unsubscribe", map[string]any{"channel": "presence-r"})
		assert.Equal(t, `unsubscribed presence-r "7" 1`, d.read())
		p.signIn(`{"id":"u"}`)
		p.subscribe("#server-to-user-u")
		assert.Equal(t, `subscribed #server-to-user-u "" 1`, d.read())
		require.NoError(t, p.ws.Close())
		assert.Equal(t, "unsubscribed #server-to-user-u \"\" 0\ndisconnected 1 \"u\"", d.read())
		require.NoError(t, q.ws.Close())
		assert.Equal(t, "left presence-r 7 {\"n\":1}\nunsubscribed presence-r \"7\" 0\nunsubscribed cache-c \"\" 0\ndisconnected 1 \"\"", d.read())
		w.open("/app/x?protocol=7").closed(4001)
		assert.Empty(t, d.read(), "who is turned away was never connected")
	}, func(c *server.Config) { c.Hooks = d.hooks() })
}

// A hook may call the server, take its time, and panic. Nobody else waits for it.
func TestHooksAreContained(t *testing.T) {
	t.Parallel()
	var srv *server.Server
	var release chan struct{}
	inBubble(t, func(t *testing.T, w *site) {
		srv, release = w.srv, make(chan struct{})
		listener := w.on("news")
		p := w.connect()
		for _, ch := range []string{"a", "panics", "blocks"} {
			p.subscribe(ch)
		}
		listener.hears("hook", "news", "a")
		listener.hears("hook", "news", "panics")
		p.subscribe("b")
		w.on("c").lives()
		listener.lives()
		close(release)
		listener.hears("hook", "news", "blocks")
		listener.hears("hook", "news", "b")
		listener.hears("hook", "news", "c")
		assert.Contains(t, w.log.String(), "hook panicked")
	}, func(c *server.Config) {
		c.Hooks.Subscribed = func(ctx context.Context, s server.Subscription) {
			if s.Channel == channel.Public("news") {
				return
			}
			for range srv.Channels() {
			}
			if s.Channel.Name() == "blocks" {
				<-release
			}
			m := news(s.Channel.Name())
			m[0].Event = "hook"
			if err := srv.Broadcast(ctx, m); err != nil {
				panic(err)
			}
			if s.Channel.Name() == "panics" {
				panic("on purpose")
			}
		}
	})
}

// When hooks do not keep up, the oldest calls are dropped, counted and logged.
func TestHooksThatDoNotKeepUp(t *testing.T) {
	t.Parallel()
	var release chan struct{}
	var told []string
	inBubble(t, func(t *testing.T, w *site) {
		release = make(chan struct{})
		p := w.connect()
		for i := range 10 {
			p.subscribe(fmt.Sprint("c", i))
		}
		assert.EqualValues(t, 5, w.srv.Stats().HooksDropped)
		pass(2 * time.Second)
		assert.Contains(t, w.log.String(), "dropped=5")
		close(release)
		synctest.Wait()
		assert.Equal(t, []string{"c0", "c6", "c7", "c8", "c9"}, told)
	}, func(c *server.Config) {
		c.Limits.HookQueue = 4
		c.Hooks.Subscribed = func(_ context.Context, s server.Subscription) {
			<-release
			told = append(told, s.Channel.Name())
		}
	})
}

// Hooks that are nil are not called.
func TestHooksThatAreNotThere(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("presence-r", "private-cache-c")
		p.hears("pusher:cache_miss", "private-cache-c", "{}")
		p.whisper("client-x", "presence-r", 1)
		p.signIn(`{"id":"u"}`)
		p.send("pusher:unsubscribe", map[string]any{"channel": "presence-r"})
		p.lives()
		require.NoError(t, p.ws.Close())
		synctest.Wait()
		assert.NotContains(t, w.log.String(), "panic")
	})
}

// The queue gets larger while hooks are under way, and loses none of them.
func TestHooksThatFallBehind(t *testing.T) {
	t.Parallel()
	var gate chan struct{}
	var told []string
	inBubble(t, func(t *testing.T, w *site) {
		gate = make(chan struct{})
		names := numbered("c%d", 400)
		p := w.on(names[:60]...)
		for range 40 {
			gate <- struct{}{}
		}
		for _, name := range names[60:] {
			p.subscribe(name)
		}
		close(gate)
		synctest.Wait()
		assert.Equal(t, names, told)
	}, func(c *server.Config) {
		c.Limits.ChannelsPerConnection = -1
		c.Hooks.Subscribed = func(_ context.Context, s server.Subscription) {
			<-gate
			told = append(told, s.Channel.Name())
		}
	})
}

// Shutdown waits for the hooks, whose context lives as long.
func TestHooksAndShutdown(t *testing.T) {
	t.Parallel()
	var after []string
	inBubble(t, func(t *testing.T, w *site) {
		for range 3 {
			p := w.on("news")
			go func() { p.closed(4100) }()
		}
		synctest.Wait()
		require.NoError(t, w.srv.Shutdown(t.Context()))
		assert.Equal(t, []string{"<nil>", "<nil>", "<nil>"}, after)
	}, func(c *server.Config) {
		c.Hooks.Disconnected = func(ctx context.Context, _ server.Connection) {
			select {
			case <-time.After(time.Second):
			case <-ctx.Done():
			}
			after = append(after, fmt.Sprint(ctx.Err()))
		}
	})
}
