// Package wstest is a WebSocket client for tests and load programs. It is
// strict about what a server sends, but can send anything itself: each header
// field of a [Frame] can be set to something that no real client would send.
//
// It shares no code with the package that it tests.
package wstest

import (
	"encoding/binary"
	"unicode/utf8"
)

// The opcodes of RFC 6455 section 5.2.
const (
	OpContinuation byte = 0x0
	OpText         byte = 0x1
	OpBinary       byte = 0x2
	OpClose        byte = 0x8
	OpPing         byte = 0x9
	OpPong         byte = 0xA
)

// A Frame is one frame. With only Opcode and Payload set it is what a browser
// would send: final and masked, with its true length in the shortest form. The
// other fields change that.
type Frame struct {
	Opcode  byte // the low four bits of the first byte
	Payload []byte

	NotFinal bool // any fragment of a message but the last
	RSV      byte // the three reserved bits, 0 to 7
	Unmasked bool
	Key      [4]byte // the masking key; zero means a fixed key that is not zero

	LengthSize int     // 1, 3 or 9 bytes for the length; 0 means the shortest that fits
	Length     *uint64 // the length in the header; nil means the length of Payload
}

// Text returns a frame with a whole text message.
func Text(payload string) Frame { return Frame{Opcode: OpText, Payload: []byte(payload)} }

// Binary returns a frame with a whole binary message.
func Binary(payload []byte) Frame { return Frame{Opcode: OpBinary, Payload: payload} }

// Ping returns a ping.
func Ping(payload string) Frame { return Frame{Opcode: OpPing, Payload: []byte(payload)} }

// Pong returns a pong.
func Pong(payload string) Frame { return Frame{Opcode: OpPong, Payload: []byte(payload)} }

// Close returns a close frame. With code 0 its payload is empty.
func Close(code uint16, reason string) Frame {
	if code == 0 {
		return Frame{Opcode: OpClose}
	}
	return Frame{Opcode: OpClose, Payload: append(binary.BigEndian.AppendUint16(nil, code), reason...)}
}

// CloseStatus returns the code and the reason of a close frame. The code is
// 1005 if the frame has none.
func (f Frame) CloseStatus() (code uint16, reason string) {
	if len(f.Payload) < 2 {
		return 1005, ""
	}
	return binary.BigEndian.Uint16(f.Payload), string(f.Payload[2:])
}

// Append appends the wire form of the frame to dst. It does not change the
// payload of f.
func (f Frame) Append(dst []byte) []byte {
	first := f.RSV<<4 | f.Opcode&0xF
	if !f.NotFinal {
		first |= 0x80
	}
	var mask byte
	if !f.Unmasked {
		mask = 0x80
	}
	dst = append(dst, first)

	length := uint64(len(f.Payload))
	if f.Length != nil {
		length = *f.Length
	}
	size := f.LengthSize
	if size == 0 {
		size = lengthSize(length)
	}
	switch size {
	case 1:
		dst = append(dst, mask|byte(length)&0x7F)
	case 3:
		dst = binary.BigEndian.AppendUint16(append(dst, mask|126), uint16(length))
	default:
		dst = binary.BigEndian.AppendUint64(append(dst, mask|127), length)
	}
	if f.Unmasked {
		return append(dst, f.Payload...)
	}

	key := f.Key
	if key == [4]byte{} {
		key = [4]byte{0x37, 0xFA, 0x21, 0x3D}
	}
	dst = append(dst, key[:]...)
	for i, b := range f.Payload {
		dst = append(dst, b^key[i%4])
	}
	return dst
}

// Append appends the wire form of the frames to dst, one after the other.
func Append(dst []byte, frames ...Frame) []byte {
	for _, f := range frames {
		dst = f.Append(dst)
	}
	return dst
}

func lengthSize(length uint64) int {
	switch {
	case length < 126:
		return 1
	case length < 1<<16:
		return 3
	}
	return 9
}

// check returns what is wrong with f as a frame from a server, or "".
func (f Frame) check() string {
	control := f.Opcode&0x8 != 0
	switch {
	case f.RSV != 0:
		return "reserved bits set"
	case !f.Unmasked:
		return "frame masked"
	case f.NotFinal || f.Opcode == OpContinuation:
		return "message fragmented"
	case f.Opcode > OpBinary && f.Opcode < OpClose || f.Opcode > OpPong:
		return "unknown opcode"
	case f.LengthSize != lengthSize(uint64(len(f.Payload))):
		return "length not in its shortest form"
	case control && len(f.Payload) > 125:
		return "control frame over 125 bytes"
	case f.Opcode == OpText && !utf8.Valid(f.Payload):
		return "text not UTF-8"
	case f.Opcode == OpClose && len(f.Payload) == 1:
		return "close frame with half a code"
	case f.Opcode == OpClose && len(f.Payload) > 2 && !utf8.Valid(f.Payload[2:]):
		return "close reason not UTF-8"
	}
	return ""
}
