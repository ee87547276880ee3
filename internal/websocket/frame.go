package websocket

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"
)

// An Opcode is the type of a frame (RFC 6455 section 5.2).
type Opcode uint8

// The opcodes that exist; all others are refused.
const (
	OpContinuation Opcode = 0x0
	OpText         Opcode = 0x1
	OpBinary       Opcode = 0x2
	OpClose        Opcode = 0x8
	OpPing         Opcode = 0x9
	OpPong         Opcode = 0xA
)

// The bits of the two bytes that begin each frame.
const (
	bitFin     = 0x80
	bitsRSV    = 0x70
	bitsOpcode = 0x0F
	bitMask    = 0x80
	bitsLength = 0x7F
	length16   = 126 // in bitsLength: the length is in the next 2 bytes
	length64   = 127 // in bitsLength: the length is in the next 8 bytes
	maskSize   = 4
	maxControl = 125 // payload bytes of a control frame, at most
	maxReason  = maxControl - 2
)

func (op Opcode) control() bool { return op&0x8 != 0 }

// AppendFrameHeader appends to dst the header of an unmasked, unfragmented
// frame. A payload of n bytes must follow. The length is encoded in its
// shortest form.
func AppendFrameHeader(dst []byte, op Opcode, n int) []byte {
	dst = append(dst, bitFin|byte(op))
	switch {
	case n < length16:
		return append(dst, byte(n))
	case n < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, length16), uint16(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, length64), uint64(n))
	}
}

// AppendText appends to dst one frame that carries payload as a whole text
// message. The caller must make sure that the payload is valid UTF-8.
func AppendText(dst, payload []byte) []byte {
	dst = slices.Grow(dst, 2+8+len(payload))
	return append(AppendFrameHeader(dst, OpText, len(payload)), payload...)
}

// AppendPing appends to dst a ping. The payload is cut after 125 bytes, which
// is all that a control frame can hold.
func AppendPing(dst, payload []byte) []byte {
	return appendControl(dst, OpPing, payload)
}

// AppendPong appends to dst a pong, which answers a ping by repeating its
// payload. The payload is cut after 125 bytes.
func AppendPong(dst, payload []byte) []byte {
	return appendControl(dst, OpPong, payload)
}

func appendControl(dst []byte, op Opcode, payload []byte) []byte {
	payload = payload[:min(len(payload), maxControl)]
	return append(AppendFrameHeader(dst, op, len(payload)), payload...)
}

// AppendClose appends to dst a close frame. Invalid UTF-8 in the reason is
// replaced, and a reason longer than the 123 bytes that fit is cut between two
// runes. For a code that may not be sent, such as [CloseNoStatus], the frame
// has neither code nor reason, so the code of a received close can be echoed as
// is.
func AppendClose(dst []byte, code uint16, reason string) []byte {
	if !sendable(code) {
		return AppendFrameHeader(dst, OpClose, 0)
	}
	reason = strings.ToValidUTF8(reason, string(utf8.RuneError))
	if len(reason) > maxReason {
		end := maxReason
		for !utf8.RuneStart(reason[end]) {
			end--
		}
		reason = reason[:end]
	}
	dst = AppendFrameHeader(dst, OpClose, 2+len(reason))
	dst = binary.BigEndian.AppendUint16(dst, code)
	return append(dst, reason...)
}

// unmask removes the mask from b in place, or applies it. It returns the key
// rotated for the next piece of the same payload. The first byte of the key is
// the lowest byte of the integer.
func unmask(b []byte, key uint32) uint32 {
	wide := uint64(key)<<32 | uint64(key)
	for len(b) >= 32 {
		word0, word1, word2, word3 := b[0:8], b[8:16], b[16:24], b[24:32]
		binary.LittleEndian.PutUint64(word0, binary.LittleEndian.Uint64(word0)^wide)
		binary.LittleEndian.PutUint64(word1, binary.LittleEndian.Uint64(word1)^wide)
		binary.LittleEndian.PutUint64(word2, binary.LittleEndian.Uint64(word2)^wide)
		binary.LittleEndian.PutUint64(word3, binary.LittleEndian.Uint64(word3)^wide)
		b = b[32:]
	}
	for len(b) >= 8 {
		binary.LittleEndian.PutUint64(b, binary.LittleEndian.Uint64(b)^wide)
		b = b[8:]
	}
	for i := range b {
		b[i] ^= byte(key)
		key = bits.RotateLeft32(key, -8)
	}
	return key
}
