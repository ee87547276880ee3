package main

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event/model"
)

// user is somebody who has logged in. Users and sessions are kept in memory,
// and in a file if one is given; a real study planner would keep them in a
// database.
type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	Role string `json:"role"`

	tokens []string // of the logins, oldest first; guarded by planner.mu
}

// ReceivesBroadcastNotificationsOn returns the channel of the user's
// notifications. It has the name that Laravel would give it.
func (u *user) ReceivesBroadcastNotificationsOn() []channel.Channel {
	return []channel.Channel{model.Class("App.Models.User").Channel(u.ID)}
}

const (
	roleStudent = "student"
	roleMentor  = "mentor"
)

// session is one student studying with one mentor.
type session struct {
	ID      string `json:"id"`
	Subject string `json:"subject"`
	Student string `json:"student"`
	Mentor  string `json:"mentor"`
	student *user
	mentor  *user
}

// has reports whether the user takes part in the session.
func (s *session) has(u *user) bool { return u == s.student || u == s.mentor }

// planner is the application's state.
type planner struct {
	file     string // which keeps the state; empty for none
	mu       sync.Mutex
	logins   map[string]*user // by cookie
	users    []*user
	sessions []*session
}

// maxUsers and maxSessions bound what this demonstration keeps. maxLogins
// bounds the windows of one user.
const (
	maxUsers    = 1000
	maxSessions = 1000
	maxLogins   = 10
)

// login returns the user and a token for the cookie. The same name in the same
// role is the same user. A user with too many logins loses the oldest one.
func (p *planner) login(name, role string) (u *user, token string, fresh bool, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, known := range p.users {
		if known.Name == name && known.Role == role {
			u = known
		}
	}
	if u == nil {
		if len(p.users) == maxUsers {
			return nil, "", false, fmt.Errorf("there are %d users already; restart the program", maxUsers)
		}
		u, fresh = &user{ID: len(p.users) + 1, Name: name, Role: role}, true
		p.users = append(p.users, u)
	}
	token = rand.Text()
	p.keep(u, token)
	return u, token, fresh, p.save()
}

// keep adds a login. The caller holds the lock.
func (p *planner) keep(u *user, token string) {
	if len(u.tokens) == maxLogins {
		p.forget(u, u.tokens[0])
	}
	p.logins[token] = u
	u.tokens = append(u.tokens, token)
}

// forget ends a login. The caller holds the lock.
func (p *planner) forget(u *user, token string) {
	delete(p.logins, token)
	u.tokens = slices.DeleteFunc(u.tokens, func(t string) bool { return t == token })
}

func (p *planner) logout(token string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	u := p.logins[token]
	if u == nil {
		return nil
	}
	p.forget(u, token)
	return p.save()
}

// byToken returns the user who is logged in with that cookie, or nil.
func (p *planner) byToken(token string) *user {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.logins[token]
}

func (p *planner) mentors() []*user {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := []*user{}
	for _, u := range p.users {
		if u.Role == roleMentor {
			found = append(found, u)
		}
	}
	return found
}

func (p *planner) start(student *user, mentorID int, subject string) (*session, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, err := p.add(student, mentorID, subject)
	if err != nil {
		return nil, err
	}
	return s, p.save()
}

// add begins a session. The caller holds the lock.
func (p *planner) add(student *user, mentorID int, subject string) (*session, error) {
	mentor := p.user(mentorID, roleMentor)
	if mentor == nil {
		return nil, fmt.Errorf("there is no mentor %d", mentorID)
	}
	if len(p.sessions) == maxSessions {
		return nil, fmt.Errorf("there are %d sessions already; restart the program", maxSessions)
	}
	s := &session{
		ID: strconv.Itoa(len(p.sessions) + 1), Subject: subject,
		Student: student.Name, Mentor: mentor.Name, student: student, mentor: mentor,
	}
	p.sessions = append(p.sessions, s)
	return s, nil
}

// user returns the user with that id and role, or nil. An empty role matches
// every role. The caller holds the lock.
func (p *planner) user(id int, role string) *user {
	for _, u := range p.users {
		if u.ID == id && (role == "" || u.Role == role) {
			return u
		}
	}
	return nil
}

// session returns the session with that id if the user takes part in it, or
// nil.
func (p *planner) session(id string, u *user) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.sessions {
		if s.ID == id && s.has(u) {
			return s
		}
	}
	return nil
}

func (p *planner) sessionsOf(u *user) []*session {
	p.mu.Lock()
	defer p.mu.Unlock()
	found := []*session{}
	for _, s := range p.sessions {
		if s.has(u) {
			found = append(found, s)
		}
	}
	return found
}
