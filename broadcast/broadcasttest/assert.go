package broadcasttest

import (
	"fmt"
	"slices"
	"strings"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

// AssertSent reports an error unless a message with that event name was sent to
// each of the given channels, or to any channel if none is given.
func (r *Recorder) AssertSent(event string, on ...channel.Channel) {
	r.t.Helper()
	messages := r.Messages()
	named := r.Named(event)
	if len(named) == 0 {
		r.t.Errorf("event %q was not sent%s%s", event, hintName(event, messages), list(messages))
		return
	}
	for _, c := range on {
		if !reaches(named, c) {
			r.t.Errorf("event %q was not sent on %s%s%s", event, c, hintChannel(c, named), list(messages))
		}
	}
}

// AssertNotSent reports an error if a message with that event name was sent to
// one of the given channels, or to any channel if none is given.
func (r *Recorder) AssertNotSent(event string, on ...channel.Channel) {
	r.t.Helper()
	named := r.Named(event)
	if len(on) == 0 && len(named) > 0 {
		r.t.Errorf("event %q was sent%s", event, list(named))
	}
	for _, c := range on {
		if reaches(named, c) {
			r.t.Errorf("event %q was sent on %s%s", event, c, list(named))
		}
	}
}

// AssertCount reports an error unless exactly n messages with that event name
// were sent. [Recorder.Messages] explains which events make more than one.
func (r *Recorder) AssertCount(event string, n int) {
	r.t.Helper()
	messages := r.Messages()
	if named := r.Named(event); len(named) != n {
		hint := ""
		if len(named) == 0 {
			hint = hintName(event, messages)
		}
		r.t.Errorf("event %q was sent %d times, want %d%s%s", event, len(named), n, hint, list(messages))
	}
}

// AssertNone reports an error if anything was sent.
func (r *Recorder) AssertNone() {
	r.t.Helper()
	if messages := r.Messages(); len(messages) > 0 {
		r.t.Errorf("something was sent%s", list(messages))
	}
}

func reaches(messages []broadcast.Message, c channel.Channel) bool {
	return slices.ContainsFunc(messages, func(m broadcast.Message) bool { return slices.Contains(m.Channels, c) })
}

// maxListed bounds how many messages the text of a failure lists.
const maxListed = 20

func list(messages []broadcast.Message) string {
	if len(messages) == 0 {
		return "\nnothing was sent"
	}
	var b strings.Builder
	b.WriteString("\nsent:")
	for i, m := range messages {
		if i == maxListed {
			fmt.Fprintf(&b, "\n\tand %d more", len(messages)-i)
			break
		}
		fmt.Fprintf(&b, "\n\t%q on ", m.Event)
		for j, c := range m.Channels {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(c.String())
		}
		if m.SocketID != "" {
			fmt.Fprintf(&b, " excluding %s", m.SocketID)
		}
	}
	return b.String()
}

// hintName finds the event that was probably meant.
func hintName(event string, messages []broadcast.Message) string {
	var names []string
	for _, m := range messages {
		names = append(names, m.Event)
		if strings.HasSuffix(m.Event, `\`+event) {
			return fmt.Sprintf("; %q was: the event has no name of its own, so it goes by its type", m.Event)
		}
	}
	if bare, dotted := strings.CutPrefix(event, "."); dotted && slices.Contains(names, bare) {
		return fmt.Sprintf("; %q was: the leading dot belongs in the browser only", bare)
	}
	if near, ok := closest(event, names); ok {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// hintChannel finds the channel that was probably meant.
func hintChannel(c channel.Channel, named []broadcast.Message) string {
	var names []string
	for _, m := range named {
		for _, other := range m.Channels {
			if other.Name() == c.Name() {
				return fmt.Sprintf("; it was on %s, which is another channel", other)
			}
			names = append(names, other.String())
		}
	}
	if near, ok := closest(c.String(), names); ok {
		return fmt.Sprintf("; did you mean %s?", near)
	}
	return ""
}
