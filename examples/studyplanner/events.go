package main

import (
	"strconv"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
)

// SessionStarted tells a mentor that a student has begun.
type SessionStarted struct {
	SessionID   string `json:"sessionId"`
	StudentName string `json:"studentName"`
	Subject     string `json:"subject"`
	MentorID    int    `json:"-"` // routes the event, stays off the wire
}

func (e SessionStarted) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Private("mentor." + strconv.Itoa(e.MentorID))}
}

func (SessionStarted) BroadcastAs() string { return "session.started" }

// MentorArrived tells the students' pages that there is a new mentor.
type MentorArrived struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

func (MentorArrived) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Public("mentors")}
}

func (MentorArrived) BroadcastAs() string { return "mentor.arrived" }

// MessageSent is one line of a session's chat.
type MessageSent struct {
	From      string `json:"from"`
	Text      string `json:"text"`
	SessionID string `json:"-"`
}

func (e MessageSent) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Presence("session." + e.SessionID)}
}

func (MessageSent) BroadcastAs() string { return "message.sent" }

// NoteWritten is only for the two people of a session, so it is sent encrypted.
type NoteWritten struct {
	Text      string `json:"text"`
	SessionID string `json:"-"`
}

func (e NoteWritten) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Encrypted("session." + e.SessionID)}
}

func (NoteWritten) BroadcastAs() string { return "note.written" }

// HomeworkGiven notifies the student, wherever in the application they are.
type HomeworkGiven struct {
	Title string `json:"title"`
	Body  string `json:"body"`
}

var (
	_ event.Event = SessionStarted{}
	_ event.Event = MentorArrived{}
	_ event.Event = MessageSent{}
	_ event.Event = NoteWritten{}
)
