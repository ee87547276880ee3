package websocket_test

import (
	"math/big"
	"sync"
	"unicode/utf8"
)

// An event is a message as a value that can be compared.
type event struct {
	Op      byte
	Code    uint16
	Payload string
}

// reference decodes a client's stream from its start, as one would read RFC 6455
// aloud: all bytes at hand, every rule tested on copies. It returns the messages
// that are complete and the close code the stream has to be refused with, or 0.
func reference(stream []byte, limit int) (events []event, code uint16) {
	var kind byte // of the message in fragments, 0 while there is none
	var parts []string
	joined := func() (all string) {
		for _, part := range parts {
			all += part
		}
		return all
	}
	for s := stream; len(s) >= 2; {
		fin, reserved, op := s[0] >= 0x80, s[0]/16%8, s[0]%16
		masked, short := s[1] >= 0x80, s[1]%128
		control := op == 8 || op == 9 || op == 10
		switch {
		case reserved != 0, !masked, op > 2 && !control:
			return events, 1002
		case control && (!fin || short > 125):
			return events, 1002
		case op == 0 && kind == 0, (op == 1 || op == 2) && kind != 0:
			return events, 1002
		case op == 0 && len(parts) == 128:
			return events, 1009
		}
		s = s[2:]

		length := big.NewInt(int64(short))
		if extended := map[byte]int{126: 2, 127: 8}[short]; extended > 0 {
			if len(s) < extended {
				return events, 0
			}
			length.SetBytes(s[:extended])
			least := map[byte]int64{126: 126, 127: 65536}[short]
			if length.BitLen() == 64 || length.Cmp(big.NewInt(least)) < 0 {
				return events, 1002
			}
			s = s[extended:]
		}
		if total := new(big.Int).Add(length, big.NewInt(int64(len(joined())))); !control && total.Cmp(big.NewInt(int64(limit))) > 0 {
			return events, 1009
		}
		if len(s) < 4 {
			return events, 0
		}
		key := s[:4]
		s = s[4:]
		there := min(len(s), int(length.Int64()))
		clear := make([]byte, there)
		for i := range clear {
			clear[i] = s[i] ^ key[i%4]
		}
		payload, whole := string(clear), there == int(length.Int64())
		s = s[there:]

		if control {
			if !whole {
				return events, 0
			}
			e := event{Op: op, Payload: payload}
			if op == 8 {
				if e, code = referenceClose(payload); code != 0 {
					return events, code
				}
			}
			events = append(events, e)
			if op == 8 {
				return events, 0
			}
			continue
		}

		if op != 0 {
			kind = op
		}
		parts = append(parts, payload)
		text := joined()
		if kind == 1 && !couldBecomeUTF8(text) {
			return events, 1007
		}
		if fin && whole {
			if kind == 1 && !utf8.ValidString(text) {
				return events, 1007
			}
			events = append(events, event{Op: kind, Payload: text})
			kind, parts = 0, nil
		}
	}
	return events, 0
}

func referenceClose(payload string) (event, uint16) {
	if payload == "" {
		return event{Op: 8, Code: 1005}, 0
	}
	if len(payload) == 1 {
		return event{}, 1002
	}
	code := uint16(payload[0])*256 + uint16(payload[1])
	allowed := map[uint16]bool{
		1000: true, 1001: true, 1002: true, 1003: true, 1007: true, 1008: true,
		1009: true, 1010: true, 1011: true, 1012: true, 1013: true, 1014: true,
	}
	if !allowed[code] && (code < 3000 || code > 4999) {
		return event{}, 1002
	}
	if !utf8.ValidString(payload[2:]) {
		return event{}, 1007
	}
	return event{Op: 8, Code: code, Payload: payload[2:]}, 0
}

// begunRunes holds every beginning of a rune that is not the whole of it.
var begunRunes = sync.OnceValue(func() map[string]bool {
	begun := make(map[string]bool)
	for r := rune(utf8.RuneSelf); r <= utf8.MaxRune; r++ {
		if !utf8.ValidRune(r) {
			continue
		}
		encoded := string(r)
		for n := 1; n < len(encoded); n++ {
			begun[encoded[:n]] = true
		}
	}
	return begun
})

// couldBecomeUTF8 reports whether text is the beginning of something valid.
func couldBecomeUTF8(text string) bool {
	for cut := 0; cut <= min(3, len(text)); cut++ {
		head, tail := text[:len(text)-cut], text[len(text)-cut:]
		if utf8.ValidString(head) && (tail == "" || begunRunes()[tail]) {
			return true
		}
	}
	return false
}
