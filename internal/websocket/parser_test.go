package websocket_test

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/websocket"
	"github.com/onairgo/onair/internal/websocket/wstest"
)

// feed gives the parser a copy of each piece, spoils it afterwards, and returns
// what came out and the code of the error, or 0.
func feed(t testing.TB, p *websocket.Parser, pieces ...[]byte) (events []event, code uint16) {
	t.Helper()
	for _, piece := range pieces {
		piece = bytes.Clone(piece)
		for m, err := range p.Feed(piece) {
			if err != nil {
				var refusal *websocket.CloseError
				require.ErrorAs(t, err, &refusal)
				require.NotEmpty(t, refusal.Reason)
				require.Zero(t, code, "a second error")
				code = refusal.Code
				continue
			}
			require.Zero(t, code, "a message after the error")
			events = append(events, event{Op: byte(m.Opcode), Code: m.Code, Payload: string(m.Payload)})
		}
		for i := range piece {
			piece[i] = 0xA5
		}
	}
	return events, code
}

func singleBytes(stream []byte) [][]byte { return slices.Collect(slices.Chunk(stream, 1)) }

func text(payload string) event { return event{Op: wstest.OpText, Payload: payload} }

func fragment(opcode byte, payload string) wstest.Frame {
	return wstest.Frame{Opcode: opcode, Payload: []byte(payload), NotFinal: true}
}

func continuation(payload string) wstest.Frame {
	return wstest.Frame{Opcode: wstest.OpContinuation, Payload: []byte(payload)}
}

// fragments returns a text message in n frames with the same payload each.
func fragments(n int, payload string) []wstest.Frame {
	frames := []wstest.Frame{fragment(wstest.OpText, payload)}
	for len(frames) < n {
		frames = append(frames, fragment(wstest.OpContinuation, payload))
	}
	frames[n-1].NotFinal = false
	return frames
}

// pinged returns frames with a ping between each two of them.
func pinged(frames []wstest.Frame) (all []wstest.Frame) {
	for i, f := range frames {
		if i > 0 {
			all = append(all, wstest.Ping(""))
		}
		all = append(all, f)
	}
	return all
}

var begun = fragment(wstest.OpText, "a")

// refusedStreams has at least one row for each rule of the parser.
var refusedStreams = []struct {
	name   string
	frames []wstest.Frame
	code   uint16
	before []event // messages that are delivered before the refusal
}{
	{name: "frame not masked", frames: []wstest.Frame{{Opcode: wstest.OpText, Payload: []byte("hi"), Unmasked: true}}, code: 1002},
	{name: "empty ping not masked", frames: []wstest.Frame{{Opcode: wstest.OpPing, Unmasked: true}}, code: 1002},
	{name: "reserved bit 1, as for compressed", frames: []wstest.Frame{{Opcode: wstest.OpText, RSV: 4}}, code: 1002},
	{name: "reserved bit 2", frames: []wstest.Frame{{Opcode: wstest.OpText, RSV: 2}}, code: 1002},
	{name: "reserved bit 3 in a ping", frames: []wstest.Frame{{Opcode: wstest.OpPing, RSV: 1}}, code: 1002},
	{name: "reserved bit in a continuation", frames: []wstest.Frame{begun, {RSV: 4}}, code: 1002},

	{name: "opcode 3", frames: []wstest.Frame{{Opcode: 3}}, code: 1002},
	{name: "opcode 7", frames: []wstest.Frame{{Opcode: 7}}, code: 1002},
	{name: "opcode 11", frames: []wstest.Frame{{Opcode: 11}}, code: 1002},
	{name: "opcode 15", frames: []wstest.Frame{{Opcode: 15}}, code: 1002},

	{name: "64-bit length of all ones", frames: []wstest.Frame{{Opcode: wstest.OpText, Length: new(uint64(math.MaxUint64))}}, code: 1002},
	{name: "64-bit length with the highest bit alone", frames: []wstest.Frame{{Opcode: wstest.OpText, Length: new(uint64(1 << 63))}}, code: 1002},
	{name: "length 2^62 and nothing behind it", frames: []wstest.Frame{{Opcode: wstest.OpText, Length: new(uint64(1 << 62))}}, code: 1009},
	{name: "largest length there is", frames: []wstest.Frame{{Opcode: wstest.OpBinary, Length: new(uint64(math.MaxInt64))}}, code: 1009},
	{name: "16-bit length for 2 bytes", frames: []wstest.Frame{{Opcode: wstest.OpText, Payload: []byte("hi"), LengthSize: 3}}, code: 1002},
	{name: "16-bit length for 125 bytes", frames: []wstest.Frame{{Opcode: wstest.OpText, Payload: make([]byte, 125), LengthSize: 3}}, code: 1002},
	{name: "64-bit length for 2 bytes", frames: []wstest.Frame{{Opcode: wstest.OpText, Payload: []byte("hi"), LengthSize: 9}}, code: 1002},
	{name: "64-bit length for 65,535 bytes", frames: []wstest.Frame{{Opcode: wstest.OpText, Payload: make([]byte, 65535), LengthSize: 9}}, code: 1002},

	{name: "one byte over the limit", frames: []wstest.Frame{wstest.Text(strings.Repeat("x", websocket.DefaultLimit+1))}, code: 1009},
	{name: "over the limit in binary", frames: []wstest.Frame{wstest.Binary(make([]byte, websocket.DefaultLimit+1))}, code: 1009},
	{name: "one byte over the limit in fragments", frames: []wstest.Frame{
		fragment(wstest.OpText, strings.Repeat("x", websocket.DefaultLimit-1)), fragment(wstest.OpContinuation, "y"), continuation("z"),
	}, code: 1009},
	{name: "2^62 in the second fragment", frames: []wstest.Frame{begun, {Length: new(uint64(1 << 62))}}, code: 1009},
	{name: "all ones in the second fragment", frames: []wstest.Frame{begun, {Length: new(uint64(math.MaxUint64))}}, code: 1002},
	{name: "too many fragments", frames: fragments(websocket.MaxFragments+1, "x"), code: 1009},
	{name: "too many empty fragments", frames: fragments(100_000, ""), code: 1009},

	{name: "ping over 125 bytes", frames: []wstest.Frame{wstest.Ping(strings.Repeat("p", 126))}, code: 1002},
	{name: "pong with a 64-bit length", frames: []wstest.Frame{{Opcode: wstest.OpPong, LengthSize: 9}}, code: 1002},
	{name: "close over 125 bytes", frames: []wstest.Frame{wstest.Close(1000, strings.Repeat("p", 124))}, code: 1002},
	{name: "ping in fragments", frames: []wstest.Frame{fragment(wstest.OpPing, "")}, code: 1002},
	{name: "pong in fragments", frames: []wstest.Frame{fragment(wstest.OpPong, "")}, code: 1002},
	{name: "close in fragments", frames: []wstest.Frame{fragment(wstest.OpClose, "")}, code: 1002},

	{name: "continuation of nothing", frames: []wstest.Frame{continuation("x")}, code: 1002},
	{name: "continuation of a whole message", frames: []wstest.Frame{wstest.Text("a"), continuation("x")}, code: 1002, before: []event{text("a")}},
	{name: "continuation after the last one", frames: []wstest.Frame{begun, continuation("b"), continuation("c")}, code: 1002, before: []event{text("ab")}},
	{name: "text inside a fragmented message", frames: []wstest.Frame{begun, wstest.Text("b")}, code: 1002},
	{name: "binary inside a fragmented message", frames: []wstest.Frame{begun, wstest.Binary([]byte("b"))}, code: 1002},
	{name: "second first fragment", frames: []wstest.Frame{begun, begun}, code: 1002},
	{name: "text inside a message of empty fragments", frames: []wstest.Frame{fragment(wstest.OpText, ""), wstest.Text("b")}, code: 1002},

	{name: "text not UTF-8", frames: []wstest.Frame{wstest.Text("\xff")}, code: 1007},
	{name: "text with a surrogate", frames: []wstest.Frame{wstest.Text("\xed\xa0\x80")}, code: 1007},
	{name: "text that ends inside a rune", frames: []wstest.Frame{wstest.Text("\xe2\x82")}, code: 1007},
	{name: "fragments that end inside a rune", frames: []wstest.Frame{begun, continuation("\xe2\x82")}, code: 1007},
	{name: "rune broken at the seam of fragments", frames: []wstest.Frame{fragment(wstest.OpText, "\xe2\x82"), continuation("x")}, code: 1007},
	{name: "first fragment not UTF-8, no other follows", frames: []wstest.Frame{fragment(wstest.OpText, "a\xc0")}, code: 1007},

	{name: "close with half a code", frames: []wstest.Frame{{Opcode: wstest.OpClose, Payload: []byte{3}}}, code: 1002},
	{name: "close reason not UTF-8", frames: []wstest.Frame{wstest.Close(1000, "\xff")}, code: 1007},
	{name: "close reason that ends inside a rune", frames: []wstest.Frame{wstest.Close(1000, "\xf0\x9f\x92")}, code: 1007},

	{name: "after good messages", frames: []wstest.Frame{wstest.Text("a"), wstest.Ping("b"), {Opcode: 3}, wstest.Text("never")}, code: 1002, before: []event{text("a"), {Op: wstest.OpPing, Payload: "b"}}},
}

func TestParserRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range refusedStreams {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stream := wstest.Append(nil, tt.frames...)
			for way, pieces := range map[string][][]byte{"at once": {stream}, "by bytes": singleBytes(stream)} {
				var p websocket.Parser
				events, code := feed(t, &p, pieces...)
				assert.Equal(t, tt.code, code, way)
				assert.Equal(t, tt.before, events, way)
				assert.True(t, p.Idle(), "%s: nothing is kept of a stream that was refused", way)
			}
		})
	}
}

// What cannot be accepted is refused with the byte that shows it, not when a
// client chooses to send the rest.
func TestParserRefusesAtOnce(t *testing.T) {
	t.Parallel()
	masked := func(length uint64) wstest.Frame {
		return wstest.Frame{Opcode: wstest.OpText, Length: &length}
	}
	tests := []struct {
		name  string
		frame wstest.Frame
		bytes int
		code  uint16
	}{
		{"not masked", wstest.Frame{Opcode: wstest.OpText, Unmasked: true, Payload: []byte("hi")}, 2, 1002},
		{"reserved bits", wstest.Frame{Opcode: wstest.OpText, RSV: 4, Payload: []byte("hi")}, 2, 1002},
		{"unknown opcode", wstest.Frame{Opcode: 3, Payload: make([]byte, 300)}, 2, 1002},
		{"long control frame", wstest.Ping(strings.Repeat("p", 126)), 2, 1002},
		{"16-bit length over the limit", masked(40_000), 4, 1009},
		{"64-bit length of all ones", masked(math.MaxUint64), 10, 1002},
		{"64-bit length 2^62", masked(1 << 62), 10, 1009},
		{"not the shortest length", wstest.Frame{Opcode: wstest.OpText, LengthSize: 9}, 10, 1002},
		{"text", wstest.Text("ab\xc0 and more"), 6 + 3, 1007},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stream := tt.frame.Append(nil)
			var p websocket.Parser
			_, code := feed(t, &p, stream[:tt.bytes-1])
			assert.Zero(t, code, "one byte earlier nothing is wrong yet")
			_, code = feed(t, &p, stream[tt.bytes-1:tt.bytes])
			assert.Equal(t, tt.code, code)
		})
	}
}

func TestParserAccepts(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("ü", websocket.DefaultLimit/2)
	binary := wstest.Frame{Opcode: wstest.OpBinary, Payload: []byte{0xff, 0, 0xfe}}
	tests := []struct {
		name   string
		frames []wstest.Frame
		want   []event
	}{
		{"text", []wstest.Frame{wstest.Text("hello")}, []event{text("hello")}},
		{"empty text", []wstest.Frame{wstest.Text("")}, []event{text("")}},
		{"text of every rune length", []wstest.Frame{wstest.Text("a\x00é€😀\U0010FFFF")}, []event{text("a\x00é€😀\U0010FFFF")}},
		{"binary, any bytes", []wstest.Frame{binary}, []event{{Op: wstest.OpBinary, Payload: "\xff\x00\xfe"}}},
		{"binary in fragments, any bytes", []wstest.Frame{fragment(wstest.OpBinary, "\xff"), continuation("\xc0")}, []event{{Op: wstest.OpBinary, Payload: "\xff\xc0"}}},
		{"exactly the limit", []wstest.Frame{wstest.Text(long)}, []event{text(long)}},
		{"exactly the limit in fragments", []wstest.Frame{fragment(wstest.OpText, long[:999]), continuation(long[999:])}, []event{text(long)}},
		{"as many fragments as may be", fragments(websocket.MaxFragments, "ab"), []event{text(strings.Repeat("ab", websocket.MaxFragments))}},
		{"as many empty fragments as may be", fragments(websocket.MaxFragments, ""), []event{text("")}},
		{"message after message", []wstest.Frame{wstest.Text("1"), wstest.Text(""), wstest.Text("3")}, []event{text("1"), text(""), text("3")}},
		{"fragments counted for each message", append(fragments(100, "a"), fragments(100, "b")...), []event{text(strings.Repeat("a", 100)), text(strings.Repeat("b", 100))}},
		{
			"control frames between fragments",
			[]wstest.Frame{fragment(wstest.OpText, "a\xe2"), wstest.Ping("1"), fragment(wstest.OpContinuation, "\x82"), wstest.Pong(strings.Repeat("2", 125)), continuation("\xac")},
			[]event{{Op: wstest.OpPing, Payload: "1"}, {Op: wstest.OpPong, Payload: strings.Repeat("2", 125)}, text("a€")},
		},
		{"control frames do not count as fragments", pinged(fragments(websocket.MaxFragments, "a")), append(slices.Repeat([]event{{Op: wstest.OpPing}}, websocket.MaxFragments-1), text(strings.Repeat("a", websocket.MaxFragments)))},
		{"empty ping and pong", []wstest.Frame{wstest.Ping(""), wstest.Pong("")}, []event{{Op: wstest.OpPing}, {Op: wstest.OpPong}}},
		{"ping that is not UTF-8", []wstest.Frame{wstest.Ping("\xff")}, []event{{Op: wstest.OpPing, Payload: "\xff"}}},
		{"close without code", []wstest.Frame{wstest.Close(0, "")}, []event{{Op: wstest.OpClose, Code: websocket.CloseNoStatus}}},
		{"close without reason", []wstest.Frame{wstest.Close(1001, "")}, []event{{Op: wstest.OpClose, Code: 1001}}},
		{"close inside a fragmented message", []wstest.Frame{fragment(wstest.OpText, "a"), wstest.Close(4000, "bye ✓")}, []event{{Op: wstest.OpClose, Code: 4000, Payload: "bye ✓"}}},
		{"nothing after a close frame", []wstest.Frame{wstest.Close(1000, ""), wstest.Text("never"), {Opcode: 3}}, []event{{Op: wstest.OpClose, Code: 1000}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stream := wstest.Append(nil, tt.frames...)
			for way, pieces := range map[string][][]byte{"at once": {stream}, "by bytes": singleBytes(stream)} {
				var p websocket.Parser
				events, code := feed(t, &p, pieces...)
				assert.Zero(t, code, way)
				assert.Equal(t, tt.want, events, way)
				assert.True(t, p.Idle(), way)
			}
		})
	}
}

// Lengths around each form of the length field and each step of the unmasking, at
// every alignment of the payload in the buffer.
func TestParserTakesEveryLength(t *testing.T) {
	t.Parallel()
	lengths := []int{65534, 65535, 65536, 65537}
	for n := range 300 {
		lengths = append(lengths, n)
	}
	random := rand.New(rand.NewPCG(1, 2))
	for _, n := range lengths {
		payload := make([]byte, n)
		for i := range payload {
			payload[i] = byte(random.Uint32())
		}
		f := wstest.Binary(payload)
		f.Key = [4]byte{byte(random.Uint32()), 0, byte(n), 0x80}
		for offset := range 8 {
			stream := f.Append(make([]byte, offset))[offset:]
			p := websocket.Parser{Limit: 1 << 17}
			events, code := feed(t, &p, stream)
			require.Zero(t, code)
			require.Equal(t, []event{{Op: wstest.OpBinary, Payload: string(payload)}}, events)

			cut := random.IntN(len(stream))
			events, code = feed(t, &p, stream[:cut], stream[cut:])
			require.Zero(t, code)
			require.Equal(t, []event{{Op: wstest.OpBinary, Payload: string(payload)}}, events, "cut at %d", cut)
		}
	}
}

func TestParserCloseCodes(t *testing.T) {
	t.Parallel()
	for code := range uint16(math.MaxUint16) {
		if code == 0 {
			continue
		}
		valid := code >= 1000 && code <= 1003 || code >= 1007 && code <= 1014 || code >= 3000 && code <= 4999
		var p websocket.Parser
		events, refused := feed(t, &p, wstest.Close(code, "").Append(nil))
		if valid {
			require.Equal(t, []event{{Op: wstest.OpClose, Code: code}}, events)
		} else {
			require.Equal(t, uint16(1002), refused, "code %d", code)
		}
	}
}

// Text is refused with the first byte that no continuation can mend.
func TestParserJudgesTextByteByByte(t *testing.T) {
	t.Parallel()
	payloads := []string{
		"plain", "κόσμε", "\U0010FFFF", "\xf4\x90\x80\x80", "\xed\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xee\x80\x80",
		"\xc0\x80", "\xc1\xbf", "\xc2\x80", "\xe0\x80\x80", "\xe0\x9f\xbf", "\xe0\xa0\x80", "\xf0\x80\x80\x80", "\xf0\x8f\xbf\xbf",
		"\xf0\x90\x80\x80", "\xf5\x80", "\xf8\x88\x80\x80\x80", "\x80", "\xbf", "a\x80\x80\x80\x80", "€\x80", "\xe2\x28\xa1",
		"\xfe", "\xff", "a\xe2\x82b", "\xf0\x9f\x98", "\xf0\x9f\x98\x80\x80",
	}
	for _, payload := range payloads {
		t.Run(fmt.Sprintf("%q", payload), func(t *testing.T) {
			t.Parallel()
			wrong := 1 // how many bytes have to be there for the text to be wrong
			for wrong <= len(payload) && couldBecomeUTF8(payload[:wrong]) {
				wrong++
			}
			f := fragment(wstest.OpText, payload)
			stream := f.Append(nil)
			header := len(stream) - len(payload)
			var p websocket.Parser
			for i, piece := range singleBytes(stream) {
				_, code := feed(t, &p, piece)
				if i+1 == header+wrong {
					require.Equal(t, uint16(1007), code)
					return
				}
				require.Zero(t, code, "after %d bytes", i+1-header)
			}
		})
	}
}

func TestParserHoldsWhatArrivedAndNoMore(t *testing.T) {
	t.Parallel()
	t.Run("a length announced costs nothing", func(t *testing.T) {
		t.Parallel()
		p := websocket.Parser{Limit: 1 << 30}
		stream := wstest.Frame{Opcode: wstest.OpText, Length: new(uint64(1 << 30))}.Append(nil)
		_, code := feed(t, &p, stream)
		require.Zero(t, code)
		assert.False(t, p.Idle())
		assert.Zero(t, p.Held())
		feed(t, &p, make([]byte, 100))
		assert.LessOrEqual(t, p.Held(), 256)
	})
	t.Run("the buffer stays below twice the bytes and the limit", func(t *testing.T) {
		t.Parallel()
		p := websocket.Parser{Limit: 5000}
		stream := wstest.Append(nil, fragment(wstest.OpText, strings.Repeat("x", 3000)), continuation(strings.Repeat("y", 2000)))
		for i, piece := range singleBytes(stream) {
			_, code := feed(t, &p, piece)
			require.Zero(t, code)
			require.LessOrEqual(t, p.Held(), min(5000, max(256, 2*(i+1))))
		}
		assert.Zero(t, p.Held())
	})
	t.Run("the buffer grows in few steps", func(t *testing.T) {
		t.Parallel()
		for _, frame := range []wstest.Frame{wstest.Text(strings.Repeat("x", 20_000)), fragment(wstest.OpText, strings.Repeat("x", 20_000))} {
			var p websocket.Parser
			sizes := map[int]bool{}
			for _, piece := range singleBytes(frame.Append(nil)) {
				_, code := feed(t, &p, piece)
				require.Zero(t, code)
				sizes[p.Held()] = true
			}
			assert.LessOrEqual(t, len(sizes), 10)
		}
	})
	t.Run("nothing is held between messages", func(t *testing.T) {
		t.Parallel()
		var p websocket.Parser
		assert.True(t, p.Idle())
		for i, f := range []wstest.Frame{wstest.Text("a"), wstest.Ping("b"), fragment(wstest.OpText, "c"), wstest.Ping("d"), continuation("e"), wstest.Close(1000, "f")} {
			stream := f.Append(nil)
			for cut := range len(stream) {
				_, code := feed(t, &p, stream[cut:cut+1])
				require.Zero(t, code)
				between := cut == len(stream)-1 && i != 2 && i != 3
				assert.Equal(t, between, p.Idle(), "frame %d, byte %d", i, cut)
			}
		}
	})
}

func TestParserYieldsPartsOfTheInput(t *testing.T) {
	t.Parallel()
	b := wstest.Append(nil, wstest.Text("hello"), wstest.Ping("there"))
	var p websocket.Parser
	for m, err := range p.Feed(b) {
		require.NoError(t, err)
		before := string(m.Payload)
		m.Payload[0] ^= 0xff
		assert.NotContains(t, string(b), before, "the payload is a part of b, unmasked in place")
	}
	assert.Contains(t, string(b), "\x97ello")
	assert.Contains(t, string(b), "\x8bhere")
}

func TestParserIsDoneWhenItsConsumerIs(t *testing.T) {
	t.Parallel()
	b := wstest.Append(nil, wstest.Text("first"), wstest.Text("second"), fragment(wstest.OpText, "third"))
	var p websocket.Parser
	for m, err := range p.Feed(b) {
		require.NoError(t, err)
		require.Equal(t, "first", string(m.Payload))
		break
	}
	assert.True(t, p.Idle())
	events, code := feed(t, &p, wstest.Text("fourth").Append(nil))
	assert.Empty(t, events)
	assert.Zero(t, code)
}

func TestParserSaysNothingAfterAnError(t *testing.T) {
	t.Parallel()
	var p websocket.Parser
	_, code := feed(t, &p, []byte{0xff, 0xff})
	require.Equal(t, uint16(1002), code)
	events, code := feed(t, &p, wstest.Text("more").Append(nil))
	assert.Empty(t, events)
	assert.Zero(t, code)
}

func TestCloseErrorIsFound(t *testing.T) {
	t.Parallel()
	var p websocket.Parser
	for _, err := range p.Feed([]byte{0x83, 0x80}) {
		refusal, ok := errors.AsType[*websocket.CloseError](err)
		require.True(t, ok)
		assert.Equal(t, websocket.CloseProtocolError, refusal.Code)
		assert.EqualError(t, err, "websocket: unknown opcode (close code 1002)")
	}
}

func TestParserDoesNotAllocateForWholeFrames(t *testing.T) {
	stream := wstest.Append(nil, wstest.Text(strings.Repeat("x", 200)), wstest.Ping("y"), wstest.Close(1000, "z"))
	b := make([]byte, len(stream))
	allocations := testing.AllocsPerRun(100, func() {
		copy(b, stream)
		var p websocket.Parser
		for _, err := range p.Feed(b) {
			if err != nil {
				t.Fatal(err)
			}
		}
	})
	assert.Zero(t, allocations)
}

func BenchmarkParser(b *testing.B) {
	for _, size := range []int{20, 200, 2000, 20_000} {
		b.Run(fmt.Sprintf("text=%d", size), func(b *testing.B) {
			stream := wstest.Text(strings.Repeat("x", size)).Append(nil)
			buf := make([]byte, len(stream))
			var p websocket.Parser
			b.SetBytes(int64(size))
			b.ReportAllocs()
			for b.Loop() {
				copy(buf, stream)
				for m, err := range p.Feed(buf) {
					if err != nil || len(m.Payload) != size {
						b.Fatal(err, len(m.Payload))
					}
				}
			}
		})
	}
}
