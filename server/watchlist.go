package server

import (
	"slices"
	"sync"
)

// userTable knows which user has signed in on which connections, and who
// watches whom. The zero value is an empty table.
type userTable struct {
	mu      sync.Mutex
	users   map[string]*userState
	leaving map[string]*userState // offline, but nobody has been told yet
}

// userState is a user who is online or watched.
type userState struct {
	conns    map[*conn]struct{} // on which the user has signed in
	watchers map[*conn]struct{} // to be told
	left     int64              // when the last connection ended, until that is told
}

// state returns the state of a user, creating it if there is none.
func (t *userTable) state(id string) *userState {
	u := t.users[id]
	if u == nil {
		u = &userState{}
		if t.users == nil {
			t.users = make(map[string]*userState)
		}
		t.users[id] = u
	}
	return u
}

// drop forgets a user who is neither online nor watched.
func (t *userTable) drop(id string, u *userState) {
	if len(u.conns) == 0 && len(u.watchers) == 0 && t.leaving[id] == nil {
		delete(t.users, id)
	}
}

func (t *userTable) online(id string) bool {
	u := t.users[id]
	return u != nil && (len(u.conns) > 0 || t.leaving[id] != nil)
}

// signIn records that the user has signed in on the connection. It tells the
// client so, tells those who watch the user, and then tells the client which of
// the users whom this one watches are online.
func (c *conn) signIn(user *signedIn, userData string) {
	t := &c.app.userTable
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.user != nil {
		t.unwatch(c)
	}
	c.user = user
	u := t.state(user.id)
	came := !t.online(user.id)
	delete(t.leaving, user.id)
	if u.conns == nil {
		u.conns = make(map[*conn]struct{})
	}
	u.conns[c] = struct{}{}
	c.authorized.Store(true)
	c.send(signedInFrame(userData))
	if came {
		u.tell("online", user.id)
	}
	t.watch(c)
}

// signOut undoes signIn and returns the user's id, or "" if nobody had signed
// in. The sweep tells those who watch, after WatchlistGrace.
func (c *conn) signOut() (id string) {
	t := &c.app.userTable
	t.mu.Lock()
	defer t.mu.Unlock()
	if c.user == nil {
		return ""
	}
	t.unwatch(c)
	id = c.user.id
	c.user = nil
	u := t.users[id]
	delete(u.conns, c)
	if len(u.conns) > 0 {
		return id
	}
	u.left = c.server.now()
	if t.leaving == nil {
		t.leaving = make(map[string]*userState)
	}
	t.leaving[id] = u
	if c.server.config.WatchlistGrace < 0 {
		t.gone(id, u)
	}
	return id
}

// gone tells those who watch that a user is offline.
func (t *userTable) gone(id string, u *userState) {
	delete(t.leaving, id)
	u.tell("offline", id)
	t.drop(id, u)
}

// tellGone tells of the users who have been away for the grace period.
func (t *userTable) tellGone(now, grace int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for id, u := range t.leaving {
		if now-u.left >= grace {
			t.gone(id, u)
		}
	}
}

// watch begins to tell c about the users whom its own user watches, and says
// who of them is online.
func (t *userTable) watch(c *conn) {
	if len(c.user.watchlist) == 0 {
		return
	}
	var online, offline []string
	for _, id := range c.user.watchlist {
		u := t.state(id)
		if u.watchers == nil {
			u.watchers = make(map[*conn]struct{})
		}
		u.watchers[c] = struct{}{}
		switch {
		case slices.Contains(online, id) || slices.Contains(offline, id):
		case t.online(id):
			online = append(online, id)
		default:
			offline = append(offline, id)
		}
	}
	c.send(watchlistFrame(online, offline))
}

func (t *userTable) unwatch(c *conn) {
	for _, id := range c.user.watchlist {
		if u := t.users[id]; u != nil {
			delete(u.watchers, c)
			t.drop(id, u)
		}
	}
}

// tell tells those who watch that the user came online or went offline.
func (u *userState) tell(name, id string) {
	if len(u.watchers) == 0 {
		return
	}
	var frame []byte
	if name == "online" {
		frame = watchlistFrame([]string{id}, nil)
	} else {
		frame = watchlistFrame(nil, []string{id})
	}
	for c := range u.watchers {
		c.send(frame)
	}
}

func watchlistFrame(online, offline []string) []byte {
	data := []byte(`{"events":[`)
	data = appendWatchlistEvent(data, "online", online)
	if len(online) > 0 && len(offline) > 0 {
		data = append(data, ',')
	}
	data = appendWatchlistEvent(data, "offline", offline)
	return protocolFrame(eventWatchlist, "", append(data, `]}`...))
}

func appendWatchlistEvent(data []byte, name string, ids []string) []byte {
	if len(ids) == 0 {
		return data
	}
	data = append(data, `{"name":"`+name+`","user_ids":[`...)
	for i, id := range ids {
		if i > 0 {
			data = append(data, ',')
		}
		data = appendQuoted(data, id)
	}
	return append(data, `]}`...)
}
