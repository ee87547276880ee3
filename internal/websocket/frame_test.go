package websocket_test

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/websocket"
)

func TestAppendFrameHeader(t *testing.T) {
	t.Parallel()
	tests := []struct {
		op   websocket.Opcode
		n    int
		want string
	}{
		{websocket.OpText, 0, "8100"},
		{websocket.OpText, 125, "817d"},
		{websocket.OpText, 126, "817e007e"},
		{websocket.OpText, 65535, "817effff"},
		{websocket.OpText, 65536, "817f0000000000010000"},
		{websocket.OpBinary, 256, "827e0100"},
		{websocket.OpClose, 2, "8802"},
	}
	for _, tt := range tests {
		got := websocket.AppendFrameHeader([]byte("before"), tt.op, tt.n)
		assert.Equal(t, "before", string(got[:6]))
		assert.Equal(t, tt.want, hex.EncodeToString(got[6:]), "%d bytes", tt.n)
	}
}

// The unmasked frames of RFC 6455 section 5.7, and what else a server sends.
func TestAppendFrames(t *testing.T) {
	t.Parallel()
	over := bytes.Repeat([]byte("p"), 126)
	tests := []struct {
		name string
		got  []byte
		want string
	}{
		{"text", websocket.AppendText(nil, []byte("Hello")), "\x81\x05Hello"},
		{"empty text", websocket.AppendText(nil, nil), "\x81\x00"},
		{"text behind another", websocket.AppendText([]byte("\x81\x01a"), []byte("b")), "\x81\x01a\x81\x01b"},
		{"long text", websocket.AppendText(nil, over), "\x81\x7e\x00\x7e" + string(over)},
		{"ping", websocket.AppendPing(nil, []byte("Hello")), "\x89\x05Hello"},
		{"pong", websocket.AppendPong(nil, []byte("Hello")), "\x8a\x05Hello"},
		{"empty ping", websocket.AppendPing(nil, nil), "\x89\x00"},
		{"ping over 125 bytes", websocket.AppendPing(nil, over), "\x89\x7d" + string(over[:125])},
		{"pong over 125 bytes", websocket.AppendPong(nil, over), "\x8a\x7d" + string(over[:125])},
		{"close", websocket.AppendClose(nil, 4201, "bye"), "\x88\x05\x10\x69bye"},
		{"close without reason", websocket.AppendClose(nil, websocket.CloseGoingAway, ""), "\x88\x02\x03\xe9"},
		{"echo of a close without code", websocket.AppendClose(nil, websocket.CloseNoStatus, "unsaid"), "\x88\x00"},
		{"close with a code that may not be sent", websocket.AppendClose(nil, 1006, "unsaid"), "\x88\x00"},
		{"close reason not UTF-8", websocket.AppendClose(nil, 1002, "a\xff"), "\x88\x06\x03\xeaa\ufffd"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, tt.want, string(tt.got))
		})
	}
}

func TestAppendCloseCutsTheReasonBetweenRunes(t *testing.T) {
	t.Parallel()
	for _, r := range []string{"x", "é", "€", "😀"} {
		for ascii := range 5 {
			whole := strings.Repeat("a", ascii) + strings.Repeat(r, 200)
			frame := websocket.AppendClose(nil, 4009, whole)
			reason := string(frame[4:])
			require.Equal(t, len(frame)-2, int(frame[1]))
			assert.LessOrEqual(t, len(reason), 123)
			assert.Greater(t, len(reason), 123-len(r), "no more is cut than has to be")
			assert.True(t, utf8.ValidString(reason))
			assert.True(t, strings.HasPrefix(whole, reason))
		}
	}
	exact := strings.Repeat("x", 123)
	assert.Equal(t, exact, string(websocket.AppendClose(nil, 1000, exact)[4:]))
}

func TestAppendTextDoesNotAllocateWhereThereIsRoom(t *testing.T) {
	payload := make([]byte, 200)
	room := make([]byte, 0, 210)
	assert.Zero(t, testing.AllocsPerRun(100, func() { websocket.AppendText(room, payload) }))
}

func BenchmarkAppendText(b *testing.B) {
	payload := bytes.Repeat([]byte("x"), 200)
	buf := make([]byte, 0, 256)
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		buf = websocket.AppendText(buf[:0], payload)
	}
}
