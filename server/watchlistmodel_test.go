package server_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/server"
)

// watchWorld is a server, who has signed in to it, and who should have heard of
// it.
type watchWorld struct {
	*site
	rnd     *rand.Rand
	grace   bool
	tabs    []*watchTab
	leaving map[string]time.Time // users who are away, and nobody has been told
}

// watchTab is a page of a user. Its logs have the states of the watched users,
// one after the other.
type watchTab struct {
	page    *page
	user    string
	watches []string
	want    map[string][]string

	mu  sync.Mutex
	got map[string][]string
}

func (tab *watchTab) read() {
	for {
		text, err := tab.page.ws.ReadText()
		if err != nil {
			return
		}
		var f frame
		if !assert.NoError(tab.page.t, json.Unmarshal([]byte(text), &f)) {
			return
		}
		if f.Event != "pusher_internal:watchlist_events" {
			continue
		}
		var data struct {
			Events []struct {
				Name    string
				UserIDs []string `json:"user_ids"`
			}
		}
		assert.NoError(tab.page.t, json.Unmarshal([]byte(f.data(tab.page.t)), &data))
		tab.mu.Lock()
		for _, e := range data.Events {
			for _, id := range e.UserIDs {
				tab.got[id] = append(tab.got[id], e.Name)
			}
		}
		tab.mu.Unlock()
	}
}

func (w *watchWorld) online(user string) bool {
	_, leaving := w.leaving[user]
	return leaving || slices.ContainsFunc(w.tabs, func(tab *watchTab) bool { return tab.user == user })
}

// tell expects the news on every tab that watches the user.
func (w *watchWorld) tell(news, user string) {
	for _, tab := range w.tabs {
		if slices.Contains(tab.watches, user) {
			tab.want[user] = append(tab.want[user], news)
		}
	}
}

// open opens a tab and signs its user in.
func (w *watchWorld) open() {
	tab := &watchTab{page: w.connect(), user: w.anybody(), want: map[string][]string{}, got: map[string][]string{}}
	tab.page.ws.Timeout = -1
	go tab.read()
	if !w.online(tab.user) {
		w.tell("online", tab.user)
	}
	w.tabs = append(w.tabs, tab)
	w.signIn(tab)
}

// signIn signs the tab's user in, perhaps again, with a new watch list.
func (w *watchWorld) signIn(tab *watchTab) {
	delete(w.leaving, tab.user)
	list := []string{}
	for range w.rnd.IntN(5) {
		list = append(list, w.anybody()) // perhaps oneself, perhaps twice
	}
	tab.page.send("pusher:signin", tab.page.signInData(jsonText(w.t, map[string]any{"id": tab.user, "watchlist": list})))
	slices.Sort(list)
	tab.watches = slices.Compact(list)
	for _, id := range tab.watches {
		state := "offline"
		if w.online(id) {
			state = "online"
		}
		tab.want[id] = append(tab.want[id], state)
	}
}

func (w *watchWorld) anybody() string { return fmt.Sprint("u", w.rnd.IntN(6)) }

// gone notes that tabs ended.
func (w *watchWorld) gone(tabs ...*watchTab) {
	w.tabs = slices.DeleteFunc(w.tabs, func(tab *watchTab) bool { return slices.Contains(tabs, tab) })
	for _, tab := range tabs {
		if w.online(tab.user) {
			continue
		}
		if w.grace {
			w.leaving[tab.user] = time.Now()
		} else {
			w.tell("offline", tab.user)
		}
	}
}

// wait lets time pass, but stops before it is not certain whether the grace of
// somebody is over, or goes on until it is over for all.
func (w *watchWorld) wait() {
	synctest.Wait()
	for _, since := range w.leaving {
		if time.Since(since) >= 1500*time.Millisecond || w.rnd.IntN(3) == 0 {
			pass(3100 * time.Millisecond)
			for user := range w.leaving {
				w.tell("offline", user)
			}
			clear(w.leaving)
			return
		}
	}
	pass(400 * time.Millisecond)
}

func (w *watchWorld) step() {
	if len(w.tabs) == 0 {
		w.open()
		return
	}
	tab := w.tabs[w.rnd.IntN(len(w.tabs))]
	switch n := w.rnd.IntN(12); {
	case n < 3 && len(w.tabs) < 12:
		w.open()
	case n < 4:
		w.signIn(tab)
	case n < 7:
		require.NoError(w.t, tab.page.ws.Close())
		w.gone(tab)
	case n < 8:
		ended := slices.Clone(w.tabs)
		ended = slices.DeleteFunc(ended, func(other *watchTab) bool { return other.user != tab.user })
		n, err := w.srv.Terminate(w.t.Context(), tab.user)
		assert.NoError(w.t, err)
		assert.Len(w.t, ended, n)
		for _, tab := range ended {
			w.gone(tab)
		}
	default:
		w.wait()
	}
}

func (w *watchWorld) check() {
	synctest.Wait()
	for _, tab := range w.tabs {
		tab.mu.Lock()
		sameLogs(w.t, tab.want, tab.got, "what %s of %s heard", tab.page.socketID, tab.user)
		tab.mu.Unlock()
	}
}

// Users who watch each other sign in on several tabs and leave, for longer or
// only for a moment. After each step every tab has heard exactly what it should
// of every user it watches.
func TestWatchlistModel(t *testing.T) {
	withSeeds(t, 5, func(t *testing.T, rnd *rand.Rand) {
		grace := rnd.IntN(3) > 0
		inBubble(t, func(t *testing.T, s *site) {
			w := &watchWorld{site: s, rnd: rnd, grace: grace, leaving: map[string]time.Time{}}
			for range 400 {
				w.step()
				if w.check(); t.Failed() {
					return
				}
			}
			var last *watchTab
			for len(w.tabs) > 1 {
				last = w.tabs[len(w.tabs)-1]
				require.NoError(t, w.tabs[0].page.ws.Close())
				w.gone(w.tabs[0])
				w.check()
			}
			if last != nil {
				pass(3100 * time.Millisecond)
				for user := range w.leaving {
					w.tell("offline", user)
				}
				w.check()
			}
		}, func(c *server.Config) {
			if !grace {
				c.WatchlistGrace = -1
			}
		})
	})
}
