package server_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"strings"
	"sync"
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

var seedFlag = flag.Uint64("seed", 0, "run the tests against a model with this seed only")

// withSeeds runs the test with some seeds and a new one each time. The name of
// what fails ends with the seed, which the flag -seed takes.
func withSeeds(t *testing.T, n uint64, test func(t *testing.T, rnd *rand.Rand)) {
	t.Parallel()
	seeds := []uint64{rand.Uint64()}
	for seed := range n {
		seeds = append(seeds, seed+1)
	}
	if *seedFlag != 0 {
		seeds = []uint64{*seedFlag}
	}
	for _, seed := range seeds {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			t.Parallel()
			test(t, rand.New(rand.NewPCG(seed, seed)))
		})
	}
}

// presenceRoom is what a presence channel should be.
type presenceRoom struct {
	name    string
	members []*presenceMember // in the order in which they came
}

type presenceMember struct {
	id, info string
	tabs     []*presenceTab
}

func (r *presenceRoom) member(id string) *presenceMember {
	for _, m := range r.members {
		if m.id == id {
			return m
		}
	}
	return nil
}

func (r *presenceRoom) tabs() (n int) {
	for _, m := range r.members {
		n += len(m.tabs)
	}
	return n
}

// tell expects the frame on every tab but one.
func (r *presenceRoom) tell(except *presenceTab, event, data string) {
	for _, m := range r.members {
		for _, tab := range m.tabs {
			if tab != except {
				tab.expect(event, r.name, data)
			}
		}
	}
}

func (r *presenceRoom) snapshot(t *testing.T) string {
	var ids, hash []string
	for _, m := range r.members {
		ids = append(ids, jsonText(t, m.id))
		hash = append(hash, jsonText(t, m.id)+":"+m.info)
	}
	return fmt.Sprintf(`{"presence":{"ids":[%s],"hash":{%s},"count":%d}}`, strings.Join(ids, ","), strings.Join(hash, ","), len(ids))
}

// presenceTab is a page of a user, who may have several, and all that it should
// have heard.
type presenceTab struct {
	page     *page
	line     *line
	user     string
	info     string
	signedIn bool // and says nothing about the user when it subscribes
	want     map[string][]string

	mu  sync.Mutex
	got map[string][]string // by channel
}

func (p *presenceTab) expect(event, ch, data string) {
	p.want[ch] = append(p.want[ch], event+" "+data)
}

func (p *presenceTab) read() {
	for {
		text, err := p.page.ws.ReadText()
		if err != nil {
			return
		}
		var f frame
		if !assert.NoError(p.page.t, json.Unmarshal([]byte(text), &f)) {
			return
		}
		data := string(f.Data)
		if f.Event != "pusher:error" {
			data = f.data(p.page.t)
		}
		p.mu.Lock()
		p.got[f.Channel] = append(p.got[f.Channel], f.Event+" "+data)
		p.mu.Unlock()
	}
}

// line is a connection that can go dead without either end being told.
type line struct {
	*memnet.Conn
	dead   atomic.Bool
	closed chan struct{}
	once   sync.Once
}

func (l *line) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if l.dead.Load() {
		<-l.closed
		return 0, io.EOF
	}
	return n, err
}

func (l *line) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Conn.Close()
}

// presenceWorld is a server and what it should have done.
type presenceWorld struct {
	*api
	t     *testing.T
	rnd   *rand.Rand
	rooms []*presenceRoom
	tabs  []*presenceTab
	line  *line // the last that was dialled

	opened int // tabs, in all

	told map[string][]string // what the hooks should have been told of members, by channel

	mu    sync.Mutex
	hooks map[string][]string
}

const presenceLimit = 4 // members of a channel

func newPresenceWorld(t *testing.T, rnd *rand.Rand) *presenceWorld {
	w := &presenceWorld{t: t, rnd: rnd, told: map[string][]string{}, hooks: map[string][]string{}}
	for _, name := range []string{"presence-a", "presence-b", "presence-c"} {
		w.rooms = append(w.rooms, &presenceRoom{name: name})
	}
	hook := func(what string) func(context.Context, server.MemberChange) {
		return func(_ context.Context, m server.MemberChange) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.hooks[m.Channel.String()] = append(w.hooks[m.Channel.String()], what+m.UserID+m.Info)
		}
	}
	w.api = newAPI(t, func(c *server.Config) {
		c.Limits.PresenceMembers = presenceLimit
		c.Hooks.MemberJoined, c.Hooks.MemberLeft = hook("joined "), hook("left ")
	})
	dial := w.dial
	w.dial = func() (net.Conn, error) {
		nc, err := dial()
		if err == nil {
			w.line = &line{Conn: nc.(*memnet.Conn), closed: make(chan struct{})}
			nc = w.line
		}
		return nc, err
	}
	return w
}

// Tabs of few users come to presence channels and leave them in every way there
// is, one after the other. After each step every tab has heard exactly what it
// should, in order, and the server, its HTTP API and its hooks say the same.
func TestPresenceModelExactly(t *testing.T) {
	withSeeds(t, 5, func(t *testing.T, rnd *rand.Rand) {
		synctest.Test(t, func(t *testing.T) {
			w := newPresenceWorld(t, rnd)
			for step := range 300 {
				w.step()
				synctest.Wait()
				w.check(step%10 == 0)
				if t.Failed() {
					return
				}
			}
			for len(w.tabs) > 0 {
				w.drop(w.tabs[0])
				synctest.Wait()
				w.check(true)
			}
			assert.Zero(t, w.srv.Stats().Open)
			assert.Empty(t, slices.Collect(w.srv.Channels()))
		})
	})
}

func (w *presenceWorld) step() {
	if len(w.tabs) == 0 || len(w.tabs) < 12 && w.rnd.IntN(4) == 0 {
		w.open()
		return
	}
	tab := w.tabs[w.rnd.IntN(len(w.tabs))]
	room := w.rooms[w.rnd.IntN(len(w.rooms))]
	switch w.rnd.IntN(16) {
	case 0, 1, 2, 3, 4, 5:
		w.send(tab, room, "subscribe") // perhaps to what it is subscribed to
	case 6, 7, 8:
		w.send(tab, room, "unsubscribe")
	case 9:
		w.send(tab, room, "unsubscribe", "subscribe")
	case 10:
		w.send(tab, room, "subscribe", "unsubscribe", "subscribe")
	case 11:
		w.drop(tab)
	case 12: // and is there again, before anybody knows that it was gone
		user := tab.user
		w.drop(tab)
		w.send(w.openAs(user), room, "subscribe")
	case 13:
		assert.NoError(w.t, tab.page.ws.Write(wstest.Close(1000, "")))
		w.gone(tab)
	case 14:
		tab.line.dead.Store(true)
		synctest.Wait()
		pass(160 * time.Second) // all are pinged
		w.gone(tab)
	case 15:
		w.terminate(tab.user)
	}
}

func (w *presenceWorld) open() { w.openAs(fmt.Sprint("u", w.rnd.IntN(presenceLimit+2))) }

func (w *presenceWorld) openAs(user string) *presenceTab {
	tab := &presenceTab{page: w.connect(), user: user, want: map[string][]string{}, got: map[string][]string{}}
	tab.line = w.line
	w.opened++
	tab.info = fmt.Sprintf(`{"tab":%d}`, w.opened)
	if tab.signedIn = w.rnd.IntN(3) == 0; tab.signedIn {
		tab.page.signIn(`{"id":"` + user + `","user_info":` + tab.info + `}`)
	}
	w.tabs = append(w.tabs, tab)
	tab.page.ws.Timeout = -1
	go tab.read()
	return tab
}

// send sends messages about the room in one write.
func (w *presenceWorld) send(tab *presenceTab, room *presenceRoom, messages ...string) {
	var frames []wstest.Frame
	for _, m := range messages {
		channelData := ""
		if !tab.signedIn {
			channelData = `{"user_id":"` + tab.user + `","user_info":` + tab.info + `}`
		}
		frames = append(frames, wstest.Text(jsonText(w.t, map[string]any{"event": "pusher:" + m, "data": tab.page.subscription(room.name, channelData)})))
		if m == "subscribe" {
			w.join(room, tab)
		} else {
			w.leave(room, tab)
		}
	}
	require.NoError(w.t, tab.page.ws.Write(frames...))
}

func (w *presenceWorld) join(room *presenceRoom, tab *presenceTab) {
	m := room.member(tab.user)
	switch {
	case m == nil && len(room.members) == presenceLimit:
		const message = "the channel has 4 members, which is the limit"
		tab.expect("pusher:error", room.name, `{"code":4100,"message":"`+message+`"}`)
		tab.expect("pusher:subscription_error", room.name, `{"type":"LimitReached","error":"`+message+`","status":4100}`)
		return
	case m == nil:
		room.tell(nil, "pusher_internal:member_added", `{"user_id":"`+tab.user+`","user_info":`+tab.info+`}`)
		m = &presenceMember{id: tab.user, info: tab.info}
		room.members = append(room.members, m)
		w.told[room.name] = append(w.told[room.name], "joined "+m.id+m.info)
	}
	if !slices.Contains(m.tabs, tab) {
		m.tabs = append(m.tabs, tab)
	}
	tab.expect("pusher_internal:subscription_succeeded", room.name, room.snapshot(w.t))
}

func (w *presenceWorld) leave(room *presenceRoom, tab *presenceTab) {
	m := room.member(tab.user)
	if m == nil || !slices.Contains(m.tabs, tab) {
		return
	}
	m.tabs = slices.DeleteFunc(m.tabs, func(other *presenceTab) bool { return other == tab })
	if len(m.tabs) == 0 {
		room.members = slices.DeleteFunc(room.members, func(other *presenceMember) bool { return other == m })
		room.tell(nil, "pusher_internal:member_removed", `{"user_id":"`+tab.user+`"}`)
		w.told[room.name] = append(w.told[room.name], "left "+m.id+m.info)
	}
}

// drop ends the connection without a word.
func (w *presenceWorld) drop(tab *presenceTab) {
	require.NoError(w.t, tab.page.ws.Close())
	w.gone(tab)
}

func (w *presenceWorld) gone(tab *presenceTab) {
	for _, room := range w.rooms {
		w.leave(room, tab)
	}
	w.tabs = slices.DeleteFunc(w.tabs, func(other *presenceTab) bool { return other == tab })
}

// terminate ends the tabs in which the user has signed in. Which of them goes
// first is not said.
func (w *presenceWorld) terminate(user string) {
	n, err := w.srv.Terminate(w.t.Context(), user)
	require.NoError(w.t, err)
	for _, tab := range slices.Clone(w.tabs) {
		if tab.user == user && tab.signedIn {
			w.gone(tab)
			n--
		}
	}
	assert.Zero(w.t, n, "tabs that are signed in")
}

// sameLogs compares lists by name, and shows of them what is not the same.
func sameLogs(t *testing.T, want, got map[string][]string, message ...any) {
	for name := range got {
		if _, ok := want[name]; !ok {
			assert.Empty(t, got[name], message...)
		}
	}
	for name := range want {
		w, g := want[name], got[name]
		for len(w) > 0 && len(g) > 0 && w[0] == g[0] {
			w, g = w[1:], g[1:]
		}
		if len(w)+len(g) > 0 {
			assert.Equal(t, w, g, message...)
		}
	}
}

// check compares what happened with what should have.
func (w *presenceWorld) check(api bool) {
	for _, tab := range w.tabs {
		tab.mu.Lock()
		sameLogs(w.t, tab.want, tab.got, "what %s of %s heard", tab.info, tab.user)
		tab.mu.Unlock()
	}
	w.mu.Lock()
	sameLogs(w.t, w.told, w.hooks, "what the hooks were told")
	w.mu.Unlock()
	occupied := map[string]any{}
	for _, room := range w.rooms {
		var want []auth.Member
		ids := []map[string]string{}
		for _, m := range room.members {
			want = append(want, auth.Member{ID: m.id, Info: json.RawMessage(m.info)})
			ids = append(ids, map[string]string{"id": m.id})
		}
		ch, err := channel.Parse(room.name)
		require.NoError(w.t, err)
		got, err := w.srv.Members(w.t.Context(), ch)
		require.NoError(w.t, err)
		assert.Equal(w.t, want, got)
		if len(want) > 0 {
			occupied[room.name] = map[string]int{"user_count": len(want)}
		}
		if api {
			slices.SortFunc(ids, func(a, b map[string]string) int { return strings.Compare(a["id"], b["id"]) })
			assert.JSONEq(w.t, jsonText(w.t, map[string]any{"users": ids}), w.get(w.t, "/channels/"+room.name+"/users").body)
			state := map[string]any{"occupied": len(want) > 0, "user_count": len(want), "subscription_count": room.tabs()}
			assert.JSONEq(w.t, jsonText(w.t, state), w.get(w.t, "/channels/"+room.name, "info", "user_count,subscription_count").body)
		}
	}
	if api {
		assert.JSONEq(w.t, jsonText(w.t, map[string]any{"channels": occupied}), w.get(w.t, "/channels", "filter_by_prefix", "presence-", "info", "user_count").body)
	}
}
