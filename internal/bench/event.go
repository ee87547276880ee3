//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/onairgo/onair/channel"
)

// channelName is the channel that every connection subscribes to.
const channelName = "bench"

// benchEvent is what the server's program dispatches. Its data is already
// encoded, so that the same bytes arrive whichever publisher sent them.
type benchEvent struct{ data []byte }

// BroadcastOn returns the one channel.
func (benchEvent) BroadcastOn() []channel.Channel {
	return []channel.Channel{channel.Public(channelName)}
}

// BroadcastAs returns the event's name.
func (benchEvent) BroadcastAs() string { return "bench.event" }

// MarshalJSON returns the data.
func (e benchEvent) MarshalJSON() ([]byte, error) { return e.data, nil }

// An event's data contains a mark that occurs nowhere else in a frame. Digits
// follow it: when the event was published, in nanoseconds, and its number.
const (
	mark        = '^'
	stampDigits = 19
	seqDigits   = 9
)

// eventData returns the data of event number seq as JSON. It is padded to size
// bytes, unless it is longer anyway.
func eventData(seq int64, published int64, size int) []byte {
	b := fmt.Appendf(nil, `{"id":"%c%0*d%0*d","text":"`, mark, stampDigits, published, seqDigits, seq)
	if pad := size - len(b) - len(`"}`); pad > 0 {
		b = append(b, strings.Repeat("x", pad)...)
	}
	return append(b, `"}`...)
}

// readEvent finds the mark in the payload of a frame; ok is false if the
// payload is not that of an event.
func readEvent(payload []byte) (seq int64, published int64, ok bool) {
	i := bytes.IndexByte(payload, mark)
	if i < 0 || len(payload) < i+1+stampDigits+seqDigits {
		return 0, 0, false
	}
	digits := payload[i+1:]
	return number(digits[stampDigits : stampDigits+seqDigits]), number(digits[:stampDigits]), true
}

func number(digits []byte) (n int64) {
	for _, d := range digits {
		n = n*10 + int64(d-'0')
	}
	return n
}

// now returns the time that events are stamped with.
func now() int64 { return time.Now().UnixNano() }
