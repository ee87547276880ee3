package server

import (
	"fmt"

	"golang.org/x/time/rate"

	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/strictjson"
)

const clientEventPrefix = "client-"

// handleClientEvent passes an event of a client, which Echo calls a whisper, on
// to the other subscribers. The frame is built anew from the known fields, so
// that nothing else that the client sent reaches anybody.
func (c *conn) handleClientEvent(in inbound) {
	code, message := c.checkClientEvent(&in)
	if message != "" {
		c.sendError(code, in.channel, message)
		return
	}
	sub := c.subscription(in.channel)
	userID := ""
	if sub.member != nil {
		userID = sub.member.id
	}
	data := clientEventData(in.data)
	frame := eventFrame(in.event, sub.name, data, userID)
	c.app.stats.clientEvents.Add(1)
	st := c.app.stripe(sub.name)
	st.mu.Lock()
	defer st.mu.Unlock()
	st.rooms[sub.name].deliver(frame, c)
	c.hookClientEvent(sub, in.event, data, userID)
}

// checkClientEvent returns the error for the client. The message is empty if
// the event may be passed on.
func (c *conn) checkClientEvent(in *inbound) (code uint16, message string) {
	l := &c.server.limits
	sub := c.subscription(in.channel)
	size := len(in.data)
	if text, ok := strictjson.String(in.data); ok {
		size = len(text) // the others get the decoded text
	}
	switch {
	case c.server.config.DisableClientEvents:
		return noCode, "client events are switched off on this server"
	case len(in.channel) > maxEchoedName:
		in.channel = ""
		return noCode, "the channel of the client event is unknown"
	case sub == nil:
		return noCode, "client events may be sent only on channels that the connection is subscribed to"
	case sub.ch.Kind() != channel.KindPrivate && sub.ch.Kind() != channel.KindPresence:
		return noCode, "client events may be sent only on private and presence channels, and not on encrypted ones"
	case over(len(in.event), l.EventName):
		return codeClientEventLimit, fmt.Sprintf("the client event's name has %d bytes, the limit is %d", len(in.event), l.EventName)
	case over(size, l.EventData):
		return codeClientEventLimit, fmt.Sprintf("the client event's data has %d bytes, the limit is %d", size, l.EventData)
	case !c.mayWhisper():
		return codeClientEventLimit, fmt.Sprintf("more than %d client events in a second; wait before sending more", l.ClientEvents)
	}
	return 0, ""
}

func (c *conn) mayWhisper() bool {
	limit := c.server.limits.ClientEvents
	if limit < 0 {
		return true
	}
	if c.limiter == nil {
		c.limiter = rate.NewLimiter(rate.Limit(limit), limit)
	}
	return c.limiter.Allow()
}

// clientEventData returns data as the JSON string that is sent. A string stays
// as it is, any other value is encoded as a string, and no data becomes {}.
func clientEventData(data []byte) []byte {
	if data == nil {
		return emptyData
	}
	if _, ok := strictjson.String(data); ok {
		return append([]byte(nil), data...)
	}
	return appendQuoted(make([]byte, 0, len(data)+len(data)/4+2), data)
}
