package server

import (
	"strings"

	"github.com/onairgo/onair/internal/strictjson"
)

// inbound is a message of a client.
type inbound struct {
	event   string
	channel string
	data    []byte // JSON; nil if there is none
}

// parseInbound reads a message. If b is not a valid one, reason says why;
// otherwise reason is empty.
func parseInbound(b []byte) (in inbound, reason string) {
	var room [8]strictjson.Member
	fields, err := strictjson.AppendObject(room[:0], b)
	if err != nil {
		return in, "the message is " + err.Error()
	}
	for _, f := range fields {
		ok := true
		switch f.Name {
		case "event":
			in.event, ok = strictjson.String(f.Value)
		case "channel":
			if in.channel, ok = strictjson.String(f.Value); !ok {
				ok = string(f.Value) == "null"
			}
		case "data":
			in.data = f.Value
		}
		if !ok {
			return in, "the message's " + f.Name + " is not a string"
		}
	}
	if in.event == "" {
		return in, "the message has no event"
	}
	return in, ""
}

// handle carries out a message of the client. An invalid one is answered with
// an error, and the connection goes on.
func (c *conn) handle(b []byte) {
	in, reason := parseInbound(b)
	if reason != "" {
		c.sendError(noCode, "", reason)
		return
	}
	switch in.event {
	case "pusher:ping":
		c.send(pongFrame)
	case "pusher:pong":
	case "pusher:subscribe":
		c.handleSubscribe(in.data)
	case "pusher:unsubscribe":
		c.handleUnsubscribe(in.data)
	case "pusher:signin":
		c.handleSignIn(in.data)
	default:
		if strings.HasPrefix(in.event, clientEventPrefix) {
			c.handleClientEvent(in)
			return
		}
		c.sendError(noCode, "", "the event "+quoted(in.event)+" is unknown; clients may send pusher:subscribe, pusher:unsubscribe, pusher:signin, pusher:ping and events that begin with client-")
	}
}

// fields reads the data of a message of the protocol, which is an object or a
// string that holds one. The wanted fields must be strings; null and absent
// ones are empty. reason says what is wrong, or is empty.
func (c *conn) fields(data []byte, want map[string]*string) (reason string) {
	if s, ok := strictjson.String(data); ok {
		data = []byte(s)
	}
	var room [8]strictjson.Member
	fields, err := strictjson.AppendObject(room[:0], data)
	if err != nil {
		return "data is " + err.Error()
	}
	for _, f := range fields {
		to := want[f.Name]
		if to == nil {
			continue
		}
		s, ok := strictjson.String(f.Value)
		if !ok && string(f.Value) != "null" && reason == "" {
			reason = f.Name + " is not a string"
		}
		*to = s // go on after an error: the refusal names the channel
	}
	return reason
}
