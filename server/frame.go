package server

import (
	"strconv"
	"unicode/utf8"

	"github.com/onairgo/onair/internal/websocket"
)

// What goes out is encoded once, whoever gets it, as a WebSocket frame ready
// for the socket. All of it follows one rule, which satisfies the official
// clients together: event is a string, and data is a string of JSON, except in
// pusher:error, where it is an object.

// The events of the protocol that the server sends.
const (
	eventConnected         = "pusher:connection_established"
	eventError             = "pusher:error"
	eventPong              = "pusher:pong"
	eventSubscribed        = "pusher_internal:subscription_succeeded"
	eventSubscriptionError = "pusher:subscription_error"
	eventMemberAdded       = "pusher_internal:member_added"
	eventMemberRemoved     = "pusher_internal:member_removed"
	eventCount             = "pusher_internal:subscription_count"
	eventCacheMiss         = "pusher:cache_miss"
	eventSignedIn          = "pusher:signin_success"
	eventWatchlist         = "pusher_internal:watchlist_events"
)

// headroom is the maximum length of a frame's header.
const headroom = 10

// newFrame begins a frame whose payload is about size bytes.
func newFrame(size int) []byte { return make([]byte, headroom, headroom+size) }

// finishFrame puts the header in front of the payload. b is what newFrame
// returned, with the payload appended.
func finishFrame(b []byte) []byte {
	var room [headroom]byte
	header := websocket.AppendFrameHeader(room[:0], websocket.OpText, len(b)-headroom)
	start := headroom - len(header)
	copy(b[start:], header)
	return b[start:]
}

// eventFrame returns the frame of an event on a channel. quoted is its data as
// a JSON string. userID is set only for client events on presence channels.
func eventFrame(event, channel string, quoted []byte, userID string) []byte {
	b := newFrame(len(`{"event":"","channel":"","data":,"user_id":""}`) + len(event) + len(channel) + len(quoted) + len(userID) + 16)
	b = append(b, `{"event":`...)
	b = appendQuoted(b, event)
	if channel != "" {
		b = append(b, `,"channel":`...)
		b = appendQuoted(b, channel)
	}
	b = append(b, `,"data":`...)
	b = append(b, quoted...)
	if userID != "" {
		b = append(b, `,"user_id":`...)
		b = appendQuoted(b, userID)
	}
	return finishFrame(append(b, '}'))
}

// emptyData is the data of an event that has none: the JSON string "{}".
var emptyData = []byte(`"{}"`)

var pongFrame = eventFrame(eventPong, "", emptyData, "")

// protocolFrame returns the frame of an event of the protocol, whose data is
// given as JSON.
func protocolFrame(event, channel string, data []byte) []byte {
	return eventFrame(event, channel, appendQuoted(make([]byte, 0, len(data)+len(data)/4+2), data), "")
}

func connectedFrame(socketID string, activityTimeout int) []byte {
	data := append([]byte(`{"socket_id":"`), socketID...)
	data = append(data, `","activity_timeout":`...)
	data = strconv.AppendInt(data, int64(activityTimeout), 10)
	return protocolFrame(eventConnected, "", append(data, '}'))
}

// noCode is the code of an error that has none. The first frame must not have
// it, since pusher-js throws there.
const noCode = 0

// errorFrame returns the frame of an error. channel may be empty.
func errorFrame(code uint16, channel, message string) []byte {
	b := newFrame(len(`{"event":"","channel":"","data":{"code":null,"message":""}}`) + len(eventError) + len(channel) + len(message) + 8)
	b = append(b, `{"event":"`+eventError+`"`...)
	if channel != "" {
		b = append(b, `,"channel":`...)
		b = appendQuoted(b, channel)
	}
	b = append(b, `,"data":{"code":`...)
	if code == noCode {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendUint(b, uint64(code), 10)
	}
	b = append(b, `,"message":`...)
	b = appendQuoted(b, message)
	return finishFrame(append(b, "}}"...))
}

// subscriptionErrorFrame returns the frame from which pusher-js and Echo tell
// the page that a subscription was refused.
func subscriptionErrorFrame(channel, kind, message string, status int) []byte {
	data := append([]byte(`{"type":`), '"')
	data = append(data, kind...)
	data = append(data, `","error":`...)
	data = appendQuoted(data, message)
	data = append(data, `,"status":`...)
	data = strconv.AppendInt(data, int64(status), 10)
	return protocolFrame(eventSubscriptionError, channel, append(data, '}'))
}

const hexDigits = "0123456789abcdef"

// appendQuoted appends s as a JSON string that decodes to exactly s. It escapes
// only what it must. No caller should pass bytes that are not UTF-8; they
// become U+FFFD, since a text frame may not contain them.
func appendQuoted[T string | []byte](dst []byte, s T) []byte {
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := decodeRune(s[i:])
			if r != utf8.RuneError || size > 1 {
				i += size
				continue
			}
			dst = append(dst, s[start:i]...)
			dst = append(dst, `\ufffd`...)
		} else {
			dst = append(dst, s[start:i]...)
			switch c {
			case '"', '\\':
				dst = append(dst, '\\', c)
			case '\n':
				dst = append(dst, '\\', 'n')
			case '\r':
				dst = append(dst, '\\', 'r')
			case '\t':
				dst = append(dst, '\\', 't')
			default:
				dst = append(dst, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&0xF])
			}
		}
		i++
		start = i
	}
	dst = append(dst, s[start:]...)
	return append(dst, '"')
}

func decodeRune[T string | []byte](s T) (rune, int) {
	return utf8.DecodeRuneInString(string(s[:min(len(s), utf8.UTFMax)]))
}
