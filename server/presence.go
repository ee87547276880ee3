package server

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"

	"github.com/onairgo/onair/internal/strictjson"
)

// presence is who is on a presence channel: distinct users, each with at least
// one connection, in the order in which they joined. The stripe's lock guards
// it.
type presence struct {
	byID    map[string]*member
	members []*member
}

// member is a user on a presence channel. If the user has several connections,
// the first one determines the info.
type member struct {
	id          string
	info        []byte // JSON; null when the user has none
	connections int
}

func newPresence() *presence { return &presence{byID: make(map[string]*member)} }

// enter adds a connection of m's user. It returns the member for that user, and
// whether this is the user's first connection.
func (p *presence) enter(m *member, limit int) (_ *member, first bool, _ *refusal) {
	if known := p.byID[m.id]; known != nil {
		known.connections++
		return known, false, nil
	}
	if over(len(p.members)+1, limit) {
		return nil, false, limitReached(fmt.Sprintf("the channel has %d members, which is the limit", len(p.members)))
	}
	m.connections = 1
	p.byID[m.id] = m
	p.members = append(p.members, m)
	return m, true, nil
}

// exit removes a connection of the member and reports whether it was the last.
func (p *presence) exit(m *member) (last bool) {
	if m.connections--; m.connections > 0 {
		return false
	}
	delete(p.byID, m.id)
	i := slices.Index(p.members, m)
	p.members = slices.Delete(p.members, i, i+1)
	return true
}

// snapshotFrame returns the frame that lists all members, including the
// subscriber. The Java client reads ids, Swift hash, and pusher-js hash and
// count.
func (p *presence) snapshotFrame(channel string) []byte {
	data := []byte(`{"presence":{"ids":[`)
	for i, m := range p.members {
		if i > 0 {
			data = append(data, ',')
		}
		data = appendQuoted(data, m.id)
	}
	data = append(data, `],"hash":{`...)
	for i, m := range p.members {
		if i > 0 {
			data = append(data, ',')
		}
		data = appendQuoted(data, m.id)
		data = append(data, ':')
		data = append(data, m.info...)
	}
	data = append(data, `},"count":`...)
	data = strconv.AppendInt(data, int64(len(p.members)), 10)
	return protocolFrame(eventSubscribed, channel, append(data, "}}"...))
}

func memberAddedFrame(channel string, m *member) []byte {
	data := appendQuoted([]byte(`{"user_id":`), m.id)
	data = append(data, `,"user_info":`...)
	data = append(data, m.info...)
	return protocolFrame(eventMemberAdded, channel, append(data, '}'))
}

func memberRemovedFrame(channel string, m *member) []byte {
	data := appendQuoted([]byte(`{"user_id":`), m.id)
	return protocolFrame(eventMemberRemoved, channel, append(data, '}'))
}

// parseMember reads the channel data of a presence channel, whose signature has
// been checked or which the Authorizer returned. It is an object with user_id,
// a string or an integer, and user_info, any JSON value.
func parseMember(channelData string, l *Limits) (*member, error) {
	var room [8]strictjson.Member
	fields, err := strictjson.AppendObject(room[:0], []byte(channelData))
	if err != nil {
		return nil, fmt.Errorf("channel_data is %w", err)
	}
	m := &member{info: []byte("null")}
	for _, f := range fields {
		switch f.Name {
		case "user_id":
			m.id = userIDOf(f.Value)
		case "user_info":
			m.info = bytes.Clone(f.Value)
		}
	}
	return m, checkUser(m.id, m.info, l)
}

// userIDOf returns a user's id as a string, which it is everywhere on the wire,
// though signers may write an integer. It returns "" if value is neither.
func userIDOf(value []byte) string {
	if s, ok := strictjson.String(value); ok {
		return s
	}
	for i, c := range value {
		if (c < '0' || c > '9') && (c != '-' || i > 0) {
			return ""
		}
	}
	return string(value)
}

// checkUser checks the id and info of a user against the limits.
func checkUser(id string, info []byte, l *Limits) error {
	switch {
	case id == "":
		return fmt.Errorf("the user's id must be a string that is not empty, or an integer")
	case over(len(id), l.UserID):
		return fmt.Errorf("the user's id has %d bytes, the limit is %d", len(id), l.UserID)
	case over(len(info), l.UserInfo):
		return fmt.Errorf("the user's info has %d bytes, the limit is %d", len(info), l.UserInfo)
	}
	return nil
}
