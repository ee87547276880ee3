package pusher

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/event"
	"github.com/onairgo/onair/internal/pusherproto"
)

// check returns what is wrong with a message, before anything is sent. The
// broadcaster checks most of it too; messages may come from elsewhere.
func (d *Driver) check(m *broadcast.Message) error {
	err := d.checkChannels(m)
	if err == nil {
		err = checkEvent(m.Event)
	}
	if err == nil {
		err = d.checkData(m)
	}
	if err == nil && m.SocketID != "" && !pusherproto.ValidSocketID(m.SocketID) {
		err = errors.New("the socket id is not digits, a dot and digits")
	}
	if err == nil || errors.Is(err, broadcast.ErrTooLarge) { // which says all there is to say
		return err
	}
	return broadcast.Permanent(fmt.Errorf("pusher: %w", err))
}

func (d *Driver) checkChannels(m *broadcast.Message) error {
	switch n := len(m.Channels); {
	case n == 0:
		return errors.New("the message has no channel")
	case n > d.limits.Channels:
		return fmt.Errorf("the message has %d channels, the most is %d", n, d.limits.Channels)
	}
	for _, c := range m.Channels {
		if err := c.Validate(); err != nil {
			return err
		}
		if n := len(c.String()); n > d.limits.ChannelName {
			return fmt.Errorf("the channel %q has %d bytes, the most is %d", c, n, d.limits.ChannelName)
		}
		switch c.Kind() {
		case channel.KindUser, channel.KindEncrypted:
			if len(m.Channels) > 1 {
				return fmt.Errorf("the channel %q shares a message with others; user and encrypted channels stand alone", c)
			}
			if c.Kind() == channel.KindEncrypted && d.limits.NoEncryption {
				return fmt.Errorf("the channel %q: %w; set App.EncryptionKey", c, broadcast.ErrNoEncryptionKey)
			}
		}
	}
	return nil
}

func checkEvent(name string) error {
	switch {
	case name == "":
		return errors.New("the message has no event name")
	case len(name) > event.MaxNameLength:
		return fmt.Errorf("the event name has %d bytes, the most is %d", len(name), event.MaxNameLength)
	case strings.HasPrefix(name, "pusher:"), strings.HasPrefix(name, "pusher_internal:"):
		return errors.New("the event name begins with a prefix that the Pusher protocol keeps for its own events")
	case !utf8.ValidString(name):
		return errors.New("the event name is not valid UTF-8")
	}
	return nil
}

func (d *Driver) checkData(m *broadcast.Message) error {
	if !m.Encrypted() && !utf8.ValidString(m.Data) {
		// JSON would replace the bytes in silence.
		return errors.New("the data is not valid UTF-8, which JSON cannot carry")
	}
	if size := m.PayloadSize(); size > d.limits.Payload {
		return &broadcast.PayloadError{Event: m.Event, Size: size, Limit: d.limits.Payload}
	}
	return nil
}

// batchable reports whether the message can share a request: the API's batches
// take one channel for each event, and none of users.
func (d *Driver) batchable(m *broadcast.Message) bool {
	return len(m.Channels) == 1 && m.Channels[0].Kind() != channel.KindUser && !d.idempotency
}

// batchedSize returns how many bytes the message takes in the body of a batch,
// rather too many than too few.
func batchedSize(m *broadcast.Message) int {
	const frame = len(`{"channel":"","name":"","data":"","socket_id":""},`)
	data := m.PayloadSize() + 8 // sealed: its quotes, escaped
	if !m.Encrypted() {
		data = quotedSize(m.Data)
	}
	return frame + len(m.Channels[0].String()) + quotedSize(m.Event) + data + len(m.SocketID)
}

// quotedSize returns the length of s inside a JSON string of encoding/json.
func quotedSize(s string) int {
	n := len(s)
	for i := range len(s) {
		switch b := s[i]; {
		case b == '"' || b == '\\':
			n++
		case b < ' ' || b == '<' || b == '>' || b == '&':
			n += len(`\u003c`) - 1
		case b == 0xe2: // the first byte of U+2028, written \u2028
			n += len(`\u2028`) - len("\u2028")
		}
	}
	return n
}
