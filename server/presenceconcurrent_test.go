package server_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

// observer is a tab of a user that follows who is on its channels as pusher-js
// does, and finds out by itself when what it is told cannot be.
type observer struct {
	page  *page
	user  string
	on    map[string]bool // as the tab has asked for; its worker's own
	pongs chan struct{}
	ended chan struct{}

	mu      sync.Mutex
	present map[string]map[string]bool // by channel and user
	again   map[string][]bool          // of each snapshot to come, whether the tab was on the channel before
	changes int
}

func newObserver(w *site, rnd *rand.Rand) *observer {
	o := &observer{
		page: w.connect(), user: fmt.Sprint("u", rnd.IntN(6)),
		on: map[string]bool{}, pongs: make(chan struct{}, 1), ended: make(chan struct{}),
		present: map[string]map[string]bool{}, again: map[string][]bool{},
	}
	o.page.ws.Timeout = time.Minute
	go o.follow()
	return o
}

// send sends messages about the channel in one write.
func (o *observer) send(ch string, messages ...string) {
	var frames []wstest.Frame
	for _, m := range messages {
		frames = append(frames, wstest.Text(jsonText(o.page.t, map[string]any{"event": "pusher:" + m, "data": o.page.subscription(ch, `{"user_id":"`+o.user+`"}`)})))
		if m == "subscribe" {
			o.mu.Lock()
			o.again[ch] = append(o.again[ch], o.on[ch])
			o.mu.Unlock()
		}
		o.on[ch] = m == "subscribe"
	}
	assert.NoError(o.page.t, o.page.ws.Write(frames...))
}

// sync returns when the server has handled what the tab has sent, and the tab
// has heard what it was sent until then.
func (o *observer) sync() {
	assert.NoError(o.page.t, o.page.ws.Write(wstest.Text(`{"event":"pusher:ping","data":{}}`)))
	select {
	case <-o.pongs:
	case <-o.ended:
	}
}

// leave ends the connection in one of the ways there are.
func (o *observer) leave(how int) {
	if how == 0 {
		assert.NoError(o.page.t, o.page.ws.Write(wstest.Close(1000, "")))
		<-o.ended
	}
	assert.NoError(o.page.t, o.page.ws.Close())
	<-o.ended
}

func (o *observer) follow() {
	defer close(o.ended)
	for {
		text, err := o.page.ws.ReadText()
		if err != nil {
			return
		}
		var f frame
		if !assert.NoError(o.page.t, json.Unmarshal([]byte(text), &f)) {
			return
		}
		if f.Event == "pusher:pong" {
			o.pongs <- struct{}{}
			continue
		}
		o.hear(f)
	}
}

func (o *observer) hear(f frame) {
	t := o.page.t
	var data struct {
		UserID   string `json:"user_id"`
		Presence struct {
			IDs   []string                   `json:"ids"`
			Hash  map[string]json.RawMessage `json:"hash"`
			Count int                        `json:"count"`
		} `json:"presence"`
	}
	if !assert.NoError(t, json.Unmarshal([]byte(f.data(t)), &data)) {
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	known := o.present[f.Channel]
	switch f.Event {
	case "pusher_internal:subscription_succeeded":
		snapshot := map[string]bool{}
		for _, id := range data.Presence.IDs {
			snapshot[id] = true
		}
		assert.Len(t, data.Presence.IDs, data.Presence.Count)
		assert.Len(t, data.Presence.Hash, data.Presence.Count)
		assert.Len(t, snapshot, data.Presence.Count, "somebody is there twice")
		assert.True(t, snapshot[o.user], "the snapshot lacks its reader")
		if !assert.NotEmpty(t, o.again[f.Channel], "nothing was asked for") {
			return
		}
		if again := o.again[f.Channel][0]; again {
			assert.Equal(t, known, snapshot, "a second snapshot is what the first and the news make")
		}
		o.again[f.Channel] = o.again[f.Channel][1:]
		o.present[f.Channel] = snapshot
	case "pusher_internal:member_added":
		o.changes++
		assert.NotNil(t, known, "news before the snapshot")
		assert.False(t, known[data.UserID], "%s came twice", data.UserID)
		assert.NotEqual(t, o.user, data.UserID, "one's own coming")
		known[data.UserID] = true
	case "pusher_internal:member_removed":
		o.changes++
		assert.True(t, known[data.UserID], "%s left without having come", data.UserID)
		assert.NotEqual(t, o.user, data.UserID, "one's own leaving")
		delete(known, data.UserID)
	default:
		assert.Fail(t, "unexpected", "%s %s", f.Event, f.Data)
	}
}

var presenceRooms = []string{"presence-a", "presence-b"}

// roam has a few tabs of random users come and go, and returns those that are
// open at the end.
func roam(w *site, rnd *rand.Rand, steps int) []*observer {
	tabs := make([]*observer, 4)
	for range steps {
		i := rnd.IntN(len(tabs))
		tab, ch := tabs[i], presenceRooms[rnd.IntN(len(presenceRooms))]
		if tab == nil {
			tabs[i] = newObserver(w, rnd)
			continue
		}
		switch rnd.IntN(10) {
		case 0, 1, 2, 3:
			tab.send(ch, "subscribe")
		case 4, 5:
			tab.send(ch, "unsubscribe")
		case 6:
			tab.send(ch, "unsubscribe", "subscribe")
		case 7:
			tab.send(ch, "subscribe", "unsubscribe", "subscribe")
		case 8:
			tab.leave(rnd.IntN(2))
			tabs[i] = nil
		case 9:
			tab.sync()
		}
	}
	return slices.DeleteFunc(tabs, func(o *observer) bool { return o == nil })
}

// The tabs of few users come and go on presence channels, all at the same time.
// Nobody is told what cannot be, and at the end everybody knows what is.
func TestPresenceModelConcurrently(t *testing.T) {
	withSeeds(t, 2, func(t *testing.T, rnd *rand.Rand) {
		w := onTCP(t)
		server.SetShards(w.srv, 4)
		var work sync.WaitGroup
		open := make([][]*observer, 8)
		for i := range open {
			rnd := rand.New(rand.NewPCG(rnd.Uint64(), 0))
			work.Go(func() { open[i] = roam(w, rnd, 80) })
		}
		work.Wait()
		tabs := slices.Concat(open...)
		require.NotEmpty(t, tabs)
		changes := checkPresence(t, w, tabs)
		assert.Greater(t, changes, len(tabs))
		for len(tabs) > 1 {
			tabs[0].leave(1)
			if tabs = tabs[1:]; len(tabs)%4 == 1 {
				checkPresence(t, w, tabs)
			}
		}
		tabs[0].leave(0)
		require.Eventually(t, func() bool { return w.srv.Stats().Open == 0 }, 20*time.Second, time.Millisecond)
		assert.Empty(t, slices.Collect(w.srv.Channels()))
	})
}

// checkPresence waits until all is over and compares what everybody knows. It
// returns how many changes the tabs were told of.
func checkPresence(t *testing.T, w *site, tabs []*observer) (changes int) {
	t.Helper()
	require.Eventually(t, func() bool { return w.srv.Stats().Open == len(tabs) }, 20*time.Second, time.Millisecond)
	for range 2 { // what the last one did, the first one hears in the second round
		for _, tab := range tabs {
			tab.sync()
		}
	}
	for _, name := range presenceRooms {
		want, subscriptions := map[string]bool{}, 0
		for _, tab := range tabs {
			if tab.on[name] {
				want[tab.user] = true
				subscriptions++
			}
		}
		ch, err := channel.Parse(name)
		require.NoError(t, err)
		members, err := w.srv.Members(t.Context(), ch)
		require.NoError(t, err)
		var ids []string
		for _, m := range members {
			ids = append(ids, m.ID)
		}
		assert.ElementsMatch(t, slices.Collect(maps.Keys(want)), ids, name)
		for info := range w.srv.Channels() {
			if info.Channel == ch {
				assert.Equal(t, [2]int{subscriptions, len(want)}, [2]int{info.Subscriptions, info.Users}, name)
			}
		}
		for _, tab := range tabs {
			if !tab.on[name] {
				continue
			}
			tab.mu.Lock()
			assert.Equal(t, want, tab.present[name], "what %s of %s knows of %s", tab.page.socketID, tab.user, name)
			assert.Empty(t, tab.again[name])
			tab.mu.Unlock()
		}
	}
	for _, tab := range tabs {
		tab.mu.Lock()
		changes += tab.changes
		tab.mu.Unlock()
	}
	return changes
}
