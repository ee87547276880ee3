package websocket_test

import (
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

// A stream of all kinds of frames gives the same wherever it is cut.
func TestParserEverySplit(t *testing.T) {
	t.Parallel()
	frames := []wstest.Frame{
		wstest.Text("first"), wstest.Ping("p"), wstest.Text(strings.Repeat("é", 70)),
		fragment(wstest.OpText, "a\xf0\x9f"), wstest.Ping("inside"), fragment(wstest.OpContinuation, ""), continuation("\x98\x80b"),
		wstest.Binary([]byte{0xff}), fragment(wstest.OpBinary, strings.Repeat("z", 130)), wstest.Pong(""), continuation("\xff"),
		wstest.Text(""), wstest.Close(4001, "bye"),
	}
	stream := wstest.Append(nil, frames...)
	want, code := reference(stream, websocket.DefaultLimit)
	require.Zero(t, code)
	require.Len(t, want, 10)

	for first := range len(stream) {
		for second := first; second < len(stream); second += 1 + second%7 {
			var p websocket.Parser
			events, code := feed(t, &p, stream[:first], stream[first:second], stream[second:])
			require.Zero(t, code)
			require.Equal(t, want, events, "cut at %d and %d", first, second)
		}
	}
	for size := 1; size <= 16; size++ {
		var p websocket.Parser
		events, code := feed(t, &p, slices.Collect(slices.Chunk(stream, size))...)
		require.Zero(t, code)
		require.Equal(t, want, events, "in pieces of %d", size)
	}
}

// Random streams, good, bad and cut short, against the reference.
func TestParserAgreesWithReference(t *testing.T) {
	t.Parallel()
	outcomes := map[uint16]int{}
	for seed := range uint64(20_000) {
		random := rand.New(rand.NewPCG(seed, 77))
		stream := randomStream(random)
		limit := 1 + random.IntN(400)
		want, wantCode := reference(stream, limit)
		outcomes[wantCode]++

		p := websocket.Parser{Limit: limit}
		events, code := feed(t, &p, randomPieces(random, stream)...)
		require.Equal(t, wantCode, code, "seed %d", seed)
		require.Equal(t, want, events, "seed %d", seed)
	}
	for _, code := range []uint16{0, 1002, 1007, 1009} {
		assert.Greater(t, outcomes[code], 1000, "streams that end with code %d", code)
	}
}

func randomStream(random *rand.Rand) (stream []byte) {
	texts := []string{"", "a", "héllo", "€", "\xe2\x82", "\xac", "\xf0\x9f", "\x98\x80", "\xff", strings.Repeat("long ", 40)}
	started := false
	for range 1 + random.IntN(8) {
		f := wstest.Text(texts[random.IntN(len(texts))])
		switch random.IntN(6) {
		case 0:
			f = wstest.Frame{Opcode: byte(8 + random.IntN(3)), Payload: f.Payload[:min(len(f.Payload), 125)]}
		case 1:
			f.Opcode = wstest.OpBinary
		}
		if f.Opcode < wstest.OpClose {
			if started {
				f.Opcode = wstest.OpContinuation
			}
			f.NotFinal = random.IntN(2) == 0
			started = f.NotFinal
		}
		switch random.IntN(60) { // and now and then something is wrong
		case 0:
			f.Opcode = byte(random.IntN(16))
		case 1:
			f.RSV = byte(random.IntN(8))
		case 2:
			f.Unmasked = true
		case 3:
			f.LengthSize = []int{3, 9}[random.IntN(2)]
		case 4:
			f.Length = new(random.Uint64() >> random.IntN(64))
		case 5:
			f.NotFinal = !f.NotFinal
		}
		f.Key = [4]byte{byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32()), byte(random.Uint32())}
		stream = f.Append(stream)
	}
	if random.IntN(4) == 0 {
		stream = stream[:random.IntN(len(stream)+1)]
	}
	return stream
}

func randomPieces(random *rand.Rand, stream []byte) (pieces [][]byte) {
	for len(stream) > 0 {
		n := min(len(stream), 1+random.IntN(1+random.IntN(60)))
		pieces = append(pieces, stream[:n])
		stream = stream[n:]
	}
	return pieces
}

func FuzzParser(f *testing.F) {
	seed := func(limit uint16, cuts []byte, frames ...wstest.Frame) {
		f.Add(wstest.Append(nil, frames...), cuts, limit)
	}
	seed(1000, []byte{1}, wstest.Text("hello"), wstest.Ping("p"), wstest.Close(1000, "bye"))
	seed(1000, []byte{3, 5}, fragment(wstest.OpText, "a\xf0\x9f"), wstest.Pong("q"), continuation("\x98\x80"))
	seed(300, []byte{200}, wstest.Binary(make([]byte, 300)), wstest.Text(strings.Repeat("é", 140)))
	seed(0, []byte{2}, wstest.Frame{Opcode: wstest.OpText, Length: new(uint64(math.MaxUint64))})
	seed(10, nil, wstest.Frame{Opcode: wstest.OpText, Length: new(uint64(1 << 62))})
	seed(10, []byte{1}, fragments(130, "")...)
	seed(10, []byte{1}, wstest.Frame{Opcode: wstest.OpText, Payload: []byte("hi"), LengthSize: 9})

	f.Fuzz(func(t *testing.T, stream, cuts []byte, limit uint16) {
		effective := int(limit)
		if effective == 0 {
			effective = websocket.DefaultLimit
		}
		want, wantCode := reference(stream, effective)

		p := websocket.Parser{Limit: int(limit)}
		events, code := feed(t, &p, stream)
		require.Equal(t, wantCode, code)
		require.Equal(t, want, events)

		split := websocket.Parser{Limit: int(limit)}
		var splitEvents []event
		for i := 0; len(stream) > 0; i++ {
			n := 1
			if len(cuts) > 0 {
				n = min(len(stream), 1+int(cuts[i%len(cuts)]))
			}
			more, failed := feed(t, &split, stream[:n])
			splitEvents = append(splitEvents, more...)
			require.LessOrEqual(t, split.Held(), effective)
			stream = stream[n:]
			if failed != 0 {
				require.Equal(t, wantCode, failed)
				wantCode = 0
			}
		}
		require.Zero(t, wantCode, "refused when fed in pieces too")
		require.Equal(t, want, splitEvents)
		require.Equal(t, p.Idle(), split.Idle())
	})
}
