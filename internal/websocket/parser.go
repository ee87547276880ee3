package websocket

import (
	"encoding/binary"
	"iter"
	"unicode/utf8"
)

const (
	// DefaultLimit is the limit of a parser without a [Parser.Limit], in bytes.
	// It leaves room for 10 kB of event data with its escaping and envelope.
	DefaultLimit = 32 << 10

	// MaxFragments is the largest number of frames in one message. No client in
	// use needs more than a few, and without a bound a peer could make the
	// parser work for free with empty fragments.
	MaxFragments = 128
)

// A Message is what [Parser.Feed] yields: a whole text or binary message, or a
// control frame.
type Message struct {
	// Opcode is OpText, OpBinary, OpPing, OpPong or OpClose.
	Opcode Opcode

	// Code is the close code if Opcode is OpClose: one that a peer may send, or
	// CloseNoStatus if it sent none.
	Code uint16

	// Payload is the unmasked payload. For OpText it is valid UTF-8; for
	// OpClose it is the reason, also valid UTF-8. It belongs to the consumer
	// until the next message is requested, and may be overwritten after that.
	Payload []byte
}

// A Parser splits the bytes of one client, which may arrive in pieces of any
// size, into messages. The zero value is ready to use. Between two messages it
// holds no memory beyond itself. An unfinished message is held in a buffer that
// grows with the bytes received, not with the length announced, and never
// beyond Limit. The buffer is released at the end of the message.
//
// The rules of RFC 6455 sections 5 and 7.4 are enforced to the letter, each as
// soon as the bytes that break it have arrived: frames are masked, reserved
// bits are zero, lengths have their shortest form, control frames are
// unfragmented and at most 125 bytes long, fragments come in sequence, text is
// UTF-8 across them, and close codes are among those that may be sent. The
// result does not depend on how the stream was divided.
//
// A Parser is not safe for concurrent use and must not be copied after first
// use.
type Parser struct {
	// Limit is the largest size of a text or binary message in bytes, over all
	// its fragments. Zero or less means DefaultLimit. Set it before the first
	// Feed.
	Limit int

	rest *unfinished // nil between two messages
	done bool        // closed by the peer, failed, or abandoned by the consumer
}

// unfinished is what the parser keeps while a stream has stopped inside a
// message or a frame.
type unfinished struct {
	// cut holds what has arrived of an incomplete data frame header or of an
	// incomplete control frame.
	cut    [2 + maskSize + maxControl]byte
	cutLen int

	frame     frame  // the data frame that is being read while frame.length > 0
	opcode    Opcode // of the message; OpContinuation if there is none
	fragments int    // frames of the message so far
	message   []byte // its payload so far
	valid     int    // how much of message is known to be whole runes
}

// frame is the header of a frame.
type frame struct {
	fin    bool
	opcode Opcode
	key    uint32
	length uint64 // payload bytes that are still to come
}

// Feed parses b and yields the messages that b completes, in order. It unmasks
// in place and yields parts of b itself where it can. Once the loop has ended
// it keeps no reference to b; it copies what is not complete yet.
//
// An error is always a [*CloseError] and ends the sequence. After an error,
// after a close frame, or after the consumer has left the loop early, the
// parser ignores the rest of the stream and yields nothing more.
func (p *Parser) Feed(b []byte) iter.Seq2[Message, error] {
	// Small enough to be inlined, so that a loop over it allocates nothing.
	return func(yield func(Message, error) bool) { p.feed(b, yield) }
}

// Idle reports whether the bytes fed so far end between two messages, in which
// case the parser holds nothing.
func (p *Parser) Idle() bool { return p.rest == nil }

func (p *Parser) feed(b []byte, yield func(Message, error) bool) {
	for len(b) > 0 && !p.done {
		m, n, err := p.next(b)
		b = b[n:]
		if err == nil && m.Opcode == OpContinuation {
			continue // nothing is complete yet
		}
		if err != nil || m.Opcode == OpClose {
			p.rest, p.done = nil, true
		}
		if !yield(m, err) {
			p.rest, p.done = nil, true
		}
	}
}

// next reads one frame from b, or as much of it as there is, and returns how
// many bytes it took. The message is zero unless one is complete.
func (p *Parser) next(b []byte) (m Message, n int, err error) {
	var f frame
	if u := p.rest; u != nil && u.frame.length > 0 {
		f = u.frame
	} else {
		var control []byte
		f, control, n, err = p.open(b)
		switch {
		case err != nil || n == 0:
			return Message{}, len(b), err
		case f.opcode.control():
			m, err = controlMessage(f.opcode, control)
			return m, n, err
		}
	}

	data := b[n:]
	if uint64(len(data)) > f.length {
		data = data[:f.length]
	}
	n += len(data)
	f.key = unmask(data, f.key)
	f.length -= uint64(len(data))

	complete := f.fin && f.length == 0
	if complete && p.rest == nil {
		if f.opcode == OpText && !utf8.Valid(data) {
			return Message{}, n, errNotUTF8()
		}
		return Message{Opcode: f.opcode, Payload: data}, n, nil
	}
	if p.rest == nil {
		p.rest = new(unfinished)
	}
	if err = p.rest.add(f, data, p.limit()); err != nil || !complete {
		return Message{}, n, err
	}
	m = Message{Opcode: p.rest.opcode, Payload: p.rest.message}
	p.rest = nil
	return m, n, nil
}

// open reads the beginning of a frame: the header of a data frame, or a whole
// control frame, whose payload it unmasks. It returns how many bytes of b that
// took. If b ends too early, it stores b and returns 0.
func (p *Parser) open(b []byte) (f frame, control []byte, n int, err error) {
	head, held := b, 0
	if u := p.rest; u != nil && u.cutLen > 0 {
		held = u.cutLen
		head = u.cut[:held+copy(u.cut[held:], b)]
	}
	f, size, err := p.header(head)
	if err != nil {
		return f, nil, 0, err
	}
	whole := size
	if f.opcode.control() {
		whole += int(f.length)
	}
	if size == 0 || whole > len(head) {
		if p.rest == nil {
			p.rest = new(unfinished)
		}
		p.rest.cutLen = held + copy(p.rest.cut[held:], b)
		return f, nil, 0, nil
	}
	if u := p.rest; u != nil {
		u.cutLen = 0
		if u.opcode == OpContinuation {
			p.rest = nil
		} else if !f.opcode.control() {
			u.fragments++
		}
	}
	if f.opcode.control() {
		control = head[size:whole]
		unmask(control, f.key)
	}
	return f, control, whole - held, nil
}

// header decodes the frame header at the start of b and returns its size, which
// is 0 if b ends too early. It checks whatever part of the header is there, so
// that an unacceptable header is refused before more arrives.
func (p *Parser) header(b []byte) (f frame, size int, err error) {
	if len(b) < 2 {
		return f, 0, nil
	}
	f = frame{
		fin:    b[0]&bitFin != 0,
		opcode: Opcode(b[0] & bitsOpcode),
		length: uint64(b[1] & bitsLength),
	}
	switch {
	case b[0]&bitsRSV != 0:
		return f, 0, protocolError("reserved bits set without an extension")
	case b[1]&bitMask == 0:
		return f, 0, protocolError("frame not masked")
	}
	if err := p.admit(f); err != nil {
		return f, 0, err
	}

	size = 2
	switch f.length {
	case length16:
		size += 2
	case length64:
		size += 8
	}
	if len(b) < size {
		return f, 0, nil
	}
	shortest := true
	switch f.length {
	case length16:
		f.length = uint64(binary.BigEndian.Uint16(b[2:]))
		shortest = f.length >= length16
	case length64:
		f.length = binary.BigEndian.Uint64(b[2:])
		shortest = f.length >= 1<<16
	}
	switch {
	case f.length>>63 != 0:
		return f, 0, protocolError("frame length beyond 63 bits")
	case !shortest:
		return f, 0, protocolError("frame length not in its shortest form")
	case !f.opcode.control() && f.length > uint64(p.room()):
		return f, 0, &CloseError{Code: CloseTooBig, Reason: "message too big"}
	}

	if len(b) < size+maskSize {
		return f, 0, nil
	}
	f.key = binary.LittleEndian.Uint32(b[size:])
	return f, size + maskSize, nil
}

// admit decides whether a frame is allowed at this point of the stream. It sees
// only the first two bytes: f.length is still the 7-bit field.
func (p *Parser) admit(f frame) error {
	fragments := 0
	if p.rest != nil {
		fragments = p.rest.fragments
	}
	switch f.opcode {
	case OpPing, OpPong, OpClose:
		switch {
		case !f.fin:
			return protocolError("control frame fragmented")
		case f.length > maxControl:
			return protocolError("control frame over 125 bytes")
		}
	case OpText, OpBinary:
		if fragments > 0 {
			return protocolError("message begun inside a fragmented message")
		}
	case OpContinuation:
		switch {
		case fragments == 0:
			return protocolError("continuation of no message")
		case fragments == MaxFragments:
			return &CloseError{Code: CloseTooBig, Reason: "message in too many fragments"}
		}
	default:
		return protocolError("unknown opcode")
	}
	return nil
}

func (p *Parser) limit() int {
	if p.Limit <= 0 {
		return DefaultLimit
	}
	return p.Limit
}

// room returns how many bytes the next data frame may have.
func (p *Parser) room() int {
	if p.rest == nil {
		return p.limit()
	}
	return p.limit() - len(p.rest.message)
}

// add appends data, the next bytes of frame f, to the message. Text is checked
// at once rather than at the end of the message, so that a stranger who sends
// garbage is cut off early.
func (u *unfinished) add(f frame, data []byte, limit int) error {
	u.frame = f
	if u.opcode == OpContinuation {
		u.opcode, u.fragments = f.opcode, 1
	}
	if need := len(u.message) + len(data); need > cap(u.message) {
		final := limit
		if f.fin {
			final = need + int(f.length)
		}
		grown := make([]byte, len(u.message), min(max(2*need, 256), final))
		copy(grown, u.message)
		u.message = grown
	}
	u.message = append(u.message, data...)
	if u.opcode != OpText {
		return nil
	}
	n, ok := wholeRunes(u.message[u.valid:])
	u.valid += n
	if !ok || f.fin && f.length == 0 && u.valid < len(u.message) {
		return errNotUTF8()
	}
	return nil
}

// wholeRunes returns how many bytes at the start of b form whole runes; b may
// end inside one. ok is false if no continuation can make b valid UTF-8.
func wholeRunes(b []byte) (n int, ok bool) {
	n = len(b)
	for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
		if start := len(b) - back; utf8.RuneStart(b[start]) {
			if !utf8.FullRune(b[start:]) {
				n = start
			}
			break
		}
	}
	return n, utf8.Valid(b[:n])
}

func errNotUTF8() error {
	return &CloseError{Code: CloseInvalidPayload, Reason: "text not valid UTF-8"}
}

// controlMessage checks the payload of a control frame. Only close frames have
// rules for it (RFC 6455 section 5.5.1).
func controlMessage(op Opcode, payload []byte) (Message, error) {
	m := Message{Opcode: op, Payload: payload}
	if op != OpClose {
		return m, nil
	}
	if len(payload) == 0 {
		m.Code = CloseNoStatus
		return m, nil
	}
	if len(payload) == 1 {
		return Message{}, protocolError("close frame with half a code")
	}
	m.Code, m.Payload = binary.BigEndian.Uint16(payload), payload[2:]
	switch {
	case !sendable(m.Code):
		return Message{}, protocolError("close code that may not be sent")
	case !utf8.Valid(m.Payload):
		return Message{}, &CloseError{Code: CloseInvalidPayload, Reason: "close reason not valid UTF-8"}
	}
	return m, nil
}
