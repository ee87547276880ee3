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

// check returns an error for a message that cannot be sent. The broadcaster
// checks most of this too, but messages may come from elsewhere.
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
	if err == nil || errors.Is(err, broadcast.ErrTooLarge) { // is permanent and complete as it is
		return err
	}
	return broadcast.Permanent(fmt.Errorf("pusher: %w", err))
}

func (d *Driver) checkChannels(m *broadcast.Message) error {
	switch n := len(m.Channels); {
	case n == 0:
		return errors.New("the message has no channel")
	case n > d.limits.Channels:
		return fmt.Errorf("the message has %d channels, the limit is %d", n, d.limits.Channels)
	}
	for _, c := range m.Channels {
		if err := c.Validate(); err != nil {
			return err
		}
		if n := len(c.String()); n > d.limits.ChannelName {
			return fmt.Errorf("the channel %q has %d bytes, the limit is %d", c, n, d.limits.ChannelName)
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
		return fmt.Errorf("the event name has %d bytes, the limit is %d", len(name), event.MaxNameLength)
	case strings.HasPrefix(name, "pusher:"), strings.HasPrefix(name, "pusher_internal:"):
		return errors.New("the event name begins with a prefix that the Pusher protocol keeps for its own events")
	case !utf8.ValidString(name):
		return errors.New("the event name is not valid UTF-8")
	}
	return nil
}

func (d *Driver) checkData(m *broadcast.Message) error {
	if !m.Encrypted() && !utf8.ValidString(m.Data) {
		// Encoding it as JSON would silently replace the bytes.
		return errors.New("the data is not valid UTF-8, which JSON cannot carry")
	}
	if size := m.PayloadSize(); size > d.limits.Payload {
		return &broadcast.PayloadError{Event: m.Event, Size: size, Limit: d.limits.Payload}
	}
	return nil
}

// batchable reports whether the message can share a request. The API's batches
// accept one channel for each event, and no user channels.
func (d *Driver) batchable(m *broadcast.Message) bool {
	return len(m.Channels) == 1 && m.Channels[0].Kind() != channel.KindUser && !d.idempotency
}

// batchedSize returns an upper bound for the size of the message in the body of
// a batch, in bytes.
func batchedSize(m *broadcast.Message) int {
	const frame = len(`{"channel":"","name":"","data":"","socket_id":""},`)
	data := m.PayloadSize() + 8 // for the escaped quotes of sealed data
	if !m.Encrypted() {
		data = quotedSize(m.Data)
	}
	return frame + len(m.Channels[0].String()) + quotedSize(m.Event) + data + len(m.SocketID)
}

// quotedSize returns an upper bound for the length of s in a JSON string that
// encoding/json writes.
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
