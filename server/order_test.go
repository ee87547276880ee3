package server_test

import (
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

var orderChannels = []string{"a", "private-b", "cache-c", "presence-d"}

// ear is a page that writes down what it hears, one list for each time that it
// was on a channel.
type ear struct {
	page     *page
	on       map[string]bool
	sessions map[string][]*session
	last     map[string]int // by publisher: over all channels its events come in order
}

type session struct {
	events []string
	missed bool // there was nothing in the cache
}

func newEar(w *site) *ear {
	e := &ear{page: w.connect(), on: map[string]bool{}, sessions: map[string][]*session{}, last: map[string]int{}}
	e.page.ws.Timeout = time.Minute
	return e
}

func (e *ear) ask(what, ch string) {
	e.page.send("pusher:"+what, e.page.subscription(ch, `{"user_id":"u"}`))
	e.on[ch] = what == "subscribe"
}

// hear reads the next message and returns its event.
func (e *ear) hear() string {
	f := e.page.next()
	if f.Event == "pusher:pong" {
		return f.Event
	}
	if f.Event == "pusher_internal:subscription_succeeded" {
		e.sessions[f.Channel] = append(e.sessions[f.Channel], &session{})
		return f.Event
	}
	if !assert.NotEmpty(e.page.t, e.sessions[f.Channel], "%s on %s before the subscription succeeded", f.Event, f.Channel) {
		return f.Event
	}
	s := e.sessions[f.Channel][len(e.sessions[f.Channel])-1]
	switch f.Event {
	case "pusher:cache_miss":
		assert.Empty(e.page.t, s.events)
		s.missed = true
		return f.Event
	case "e", "end":
		data := strings.TrimRight(f.data(e.page.t), " ")
		replay := strings.HasPrefix(f.Channel, "cache-") && len(s.events) == 0 && !s.missed
		s.events = append(s.events, data)
		if f.Event == "e" && !replay {
			e.inOrder(data)
		}
		return f.Event
	}
	assert.Fail(e.page.t, "unexpected", "%s %s", f.Event, f.Data)
	return f.Event
}

// inOrder checks that the publisher has published nothing of what came before
// later.
func (e *ear) inOrder(data string) {
	var publisher string
	var n int
	_, err := fmt.Sscan(data, &publisher, &n)
	assert.NoError(e.page.t, err)
	assert.GreaterOrEqual(e.page.t, n, e.last[publisher], "of %s", publisher)
	e.last[publisher] = n
}

// sync reads up to the answer to a ping, which comes behind all that was
// published before.
func (e *ear) sync() {
	assert.NoError(e.page.t, e.page.ws.Write(wstest.Text(`{"event":"pusher:ping","data":{}}`)))
	for e.hear() != "pusher:pong" {
	}
}

// stay is on all channels until all is published.
func (e *ear) stay() {
	for ends := 0; ends < len(orderChannels); {
		if e.hear() == "end" {
			ends++
		}
	}
	e.sync()
}

// wander comes and goes until all is published.
func wander(w *site, rnd *rand.Rand, finished <-chan struct{}) []*ear {
	ears := []*ear{newEar(w)}
	for {
		e := ears[len(ears)-1]
		select {
		case <-finished:
			e.sync()
			return ears
		default:
		}
		ch := orderChannels[rnd.IntN(len(orderChannels))]
		switch what := rnd.IntN(8); {
		case what == 0:
			assert.NoError(w.t, e.page.ws.Close())
			clear(e.on)
			ears = append(ears, newEar(w))
			continue
		case e.on[ch] && what < 4:
			e.ask("unsubscribe", ch)
			e.ask("subscribe", ch)
		case e.on[ch]:
			e.ask("unsubscribe", ch)
		default:
			e.ask("subscribe", ch)
		}
		for range rnd.IntN(4) {
			e.sync()
		}
	}
}

// publishers publish until each has published n times, the even ones in process
// and the odd ones by the HTTP API, and then an end on every channel.
func publish(w *site, publishers, n int) {
	var work sync.WaitGroup
	a := apiOf(w)
	for id := range publishers {
		rnd := rand.New(rand.NewPCG(uint64(id), 1))
		work.Go(func() {
			for i := 0; i < n; i += 2 {
				if id%2 == 0 {
					assert.NoError(w.t, w.srv.Broadcast(w.t.Context(), []broadcast.Message{orderMessage(rnd, id, i), orderMessage(rnd, id, i+1)}))
				} else if first, second := orderMessage(rnd, id, i), orderMessage(rnd, id, i+1); i%4 == 0 {
					a.post(w.t, "/events", orderBody(w.t, first)).ok(w.t, `{}`)
					a.post(w.t, "/events", orderBody(w.t, second)).ok(w.t, `{}`)
				} else {
					first.Channels, second.Channels = first.Channels[:1], second.Channels[:1]
					a.post(w.t, "/batch_events", `{"batch":[`+orderBody(w.t, first)+`,`+orderBody(w.t, second)+`]}`).ok(w.t, `{}`)
				}
			}
		})
	}
	work.Wait()
	for _, name := range orderChannels {
		ch, err := channel.Parse(name)
		require.NoError(w.t, err)
		w.broadcast("end", "", ch)
	}
}

func orderMessage(rnd *rand.Rand, id, i int) broadcast.Message {
	m := broadcast.Message{Event: "e", Data: fmt.Sprintf("p%d %d%*s", id, i, 1+rnd.IntN(600), "")}
	for _, at := range rnd.Perm(len(orderChannels))[:1+rnd.IntN(2)] {
		ch, _ := channel.Parse(orderChannels[at])
		m.Channels = append(m.Channels, ch)
	}
	return m
}

func orderBody(t *testing.T, m broadcast.Message) string {
	var names []string
	for _, ch := range m.Channels {
		names = append(names, ch.String())
	}
	if len(names) == 1 {
		return jsonText(t, map[string]any{"name": m.Event, "data": m.Data, "channel": names[0]})
	}
	return jsonText(t, map[string]any{"name": m.Event, "data": m.Data, "channels": names})
}

// unhurried is a connection that is read slowly.
type unhurried struct{ net.Conn }

func (c unhurried) Read(b []byte) (int, error) {
	<-time.After(time.Millisecond)
	return c.Conn.Read(b[:min(len(b), 2000)])
}

// Many publish at the same time, in process and by the HTTP API, to several
// channels, while some pages read slowly, and others come and go. On every
// connection each channel's events come in the one order of the channel, and
// none is missing or there twice from the subscription on. The cached event that
// a subscriber gets first is the one before the first live one.
func TestOrderWhileManyPublish(t *testing.T) {
	t.Parallel()
	bounds := func(c *server.Config) { c.Limits.Overflow, c.Limits.OverflowTime = -1, -1 }
	for name, site := range map[string]func(*testing.T) *site{
		"plain sockets": func(t *testing.T) *site { return onNarrow(t, false, bounds) },
		"TLS":           func(t *testing.T) *site { return onNarrow(t, true, bounds) },
		"memory": func(t *testing.T) *site {
			listener := memnet.Listen()
			return newSite(t, listener, func() (net.Conn, error) { return listener.Dial(t.Context()) }, bounds)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := site(t)
			server.SetShards(w.srv, 4)
			orderWhileManyPublish(t, w)
		})
	}
}

func orderWhileManyPublish(t *testing.T, w *site) {
	const publishers, events = 6, 150
	slow := *w
	slow.dial = func() (net.Conn, error) {
		nc, err := w.dial()
		return unhurried{nc}, err
	}
	var stayers []*ear
	var work sync.WaitGroup
	for i := range 8 {
		at := w
		if i < 3 {
			at = &slow
		}
		e := newEar(at)
		for _, ch := range orderChannels {
			e.ask("subscribe", ch)
		}
		e.sync()
		stayers = append(stayers, e)
		work.Go(e.stay)
	}
	finished := make(chan struct{})
	wanderers := make([][]*ear, 5)
	for i := range wanderers {
		work.Go(func() { wanderers[i] = wander(w, rand.New(rand.NewPCG(uint64(i), 2)), finished) })
	}
	publish(w, publishers, events)
	close(finished)
	work.Wait()

	all := map[string][]string{} // by channel
	for _, ch := range orderChannels {
		all[ch] = stayers[0].sessions[ch][0].events
		for _, e := range stayers {
			require.Len(t, e.sessions[ch], 1)
			assert.Equal(t, all[ch], e.sessions[ch][0].events, ch)
		}
	}
	checkComplete(t, all, publishers, events)
	sessions := 0
	for _, ears := range wanderers {
		for i, e := range ears {
			for ch := range e.sessions {
				sessions += len(e.sessions[ch])
				checkSessions(t, all[ch], e.sessions[ch], i == len(ears)-1 && e.on[ch])
			}
		}
	}
	t.Logf("%d events, %d sessions of those who come and go", publishers*events, sessions)
}

// checkComplete checks that every channel had all the events that were published
// to it, those of each publisher in order.
func checkComplete(t *testing.T, all map[string][]string, publishers, events int) {
	t.Helper()
	for id := range publishers {
		want := map[string][]string{}
		rnd := rand.New(rand.NewPCG(uint64(id), 1))
		for i := range events {
			m := orderMessage(rnd, id, i)
			if id%2 == 1 && i%4 >= 2 { // in a batch, which has one channel for each event
				m.Channels = m.Channels[:1]
			}
			for _, ch := range m.Channels {
				want[ch.String()] = append(want[ch.String()], strings.TrimRight(m.Data, " "))
			}
		}
		for ch, heard := range all {
			own := slices.DeleteFunc(slices.Clone(heard), func(s string) bool { return !strings.HasPrefix(s, fmt.Sprintf("p%d ", id)) })
			assert.Equal(t, want[ch], own, "of publisher %d on %s", id, ch)
		}
	}
}

// checkSessions checks that each session is a part of all without a gap, and the
// last one, if it is open, the end of it.
func checkSessions(t *testing.T, all []string, sessions []*session, open bool) {
	t.Helper()
	for i, s := range sessions {
		if len(s.events) == 0 {
			continue
		}
		from := slices.Index(all, s.events[0])
		if !assert.GreaterOrEqual(t, from, 0) {
			continue
		}
		if s.missed {
			assert.Zero(t, from, "the cache was empty after the first event")
		}
		to := min(from+len(s.events), len(all))
		assert.Equal(t, all[from:to], s.events)
		if open && i == len(sessions)-1 {
			assert.Len(t, all, to, "events are missing at the end")
		}
	}
}
