package wstest_test

import (
	"bufio"
	"crypto/sha1"
	"encoding/base64"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/internal/memnet"
	"github.com/onairgo/onair/internal/websocket/wstest"
)

// The masked frames of RFC 6455 section 5.7, and frames that no client sends.
func TestFrameAppend(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		frame wstest.Frame
		want  string
	}{
		{"masked text", wstest.Text("Hello"), "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58"},
		{"unmasked text", wstest.Frame{Opcode: 1, Payload: []byte("Hello"), Unmasked: true}, "\x81\x05Hello"},
		{"first fragment", wstest.Frame{Opcode: 1, Payload: []byte("Hel"), NotFinal: true, Unmasked: true}, "\x01\x03Hel"},
		{"last fragment", wstest.Frame{Payload: []byte("lo"), Unmasked: true}, "\x80\x02lo"},
		{"key", wstest.Frame{Opcode: 2, Payload: []byte{0, 0, 0, 0, 0}, Key: [4]byte{1, 2, 3, 4}}, "\x82\x85\x01\x02\x03\x04\x01\x02\x03\x04\x01"},
		{"reserved bits and opcode", wstest.Frame{Opcode: 7, RSV: 5, Unmasked: true}, "\xd7\x00"},
		{"close", wstest.Frame{Opcode: 8, Payload: wstest.Close(1000, "x").Payload, Unmasked: true}, "\x88\x03\x03\xe8x"},
		{"length in 3 bytes", wstest.Frame{Opcode: 1, Payload: []byte("a"), LengthSize: 3, Unmasked: true}, "\x81\x7e\x00\x01a"},
		{"length in 9 bytes", wstest.Frame{Opcode: 1, Payload: []byte("a"), LengthSize: 9, Unmasked: true}, "\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01a"},
		{"length that is a lie", wstest.Frame{Opcode: 1, Length: new(uint64(math.MaxUint64)), Unmasked: true}, "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff"},
		{"126 bytes", wstest.Frame{Opcode: 2, Payload: make([]byte, 126), Unmasked: true}, "\x82\x7e\x00\x7e" + strings.Repeat("\x00", 126)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			assert.Equal(t, "before"+tt.want, string(tt.frame.Append([]byte("before"))))
		})
	}
}

// dial connects a client to a server that is a script: it answers the handshake
// with its header lines and then sends the bytes.
func dial(t *testing.T, lines, bytes string) (*wstest.Client, net.Conn, error) {
	t.Helper()
	near, far := memnet.Pipe()
	t.Cleanup(func() {
		_ = near.Close()
		_ = far.Close()
	})
	r := wstest.NewRequest("/app/key?protocol=7")
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	lines = strings.ReplaceAll(lines, "{accept}", base64.StdEncoding.EncodeToString(sum[:]))
	_, err := io.WriteString(far, lines+"\r\n"+bytes)
	require.NoError(t, err)
	client, err := wstest.Dial(near, r)
	return client, far, err
}

const upgraded = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n"

func TestDial(t *testing.T) {
	t.Parallel()
	t.Run("sends what a browser sends", func(t *testing.T) {
		t.Parallel()
		_, far, err := dial(t, upgraded, "")
		require.NoError(t, err)
		r, err := http.ReadRequest(bufio.NewReader(far))
		require.NoError(t, err)
		assert.Equal(t, "GET /app/key?protocol=7", r.Method+" "+r.RequestURI)
		assert.Equal(t, "localhost", r.Host)
		assert.Equal(t, "13", r.Header.Get("Sec-WebSocket-Version"))
	})
	t.Run("returns a refusal", func(t *testing.T) {
		t.Parallel()
		_, _, err := dial(t, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\nX-Why: so\r\n", "no")
		refused, ok := errors.AsType[*wstest.RefusedError](err)
		require.True(t, ok, "%v", err)
		assert.Equal(t, 403, refused.Status)
		assert.Equal(t, "no", string(refused.Body))
		assert.Equal(t, "so", refused.Header.Get("X-Why"))
	})
	for name, lines := range map[string]string{
		"wrong accept":  strings.ReplaceAll(upgraded, "{accept}", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="),
		"no upgrade":    strings.ReplaceAll(upgraded, "Upgrade: websocket\r\n", ""),
		"no connection": strings.ReplaceAll(upgraded, "Connection: Upgrade\r\n", ""),
		"extension":     upgraded + "Sec-WebSocket-Extensions: permessage-deflate\r\n",
		"subprotocol":   upgraded + "Sec-WebSocket-Protocol: chat\r\n",
	} {
		t.Run("refuses an answer with "+name, func(t *testing.T) {
			t.Parallel()
			_, _, err := dial(t, lines, "")
			assert.ErrorContains(t, err, "wstest: answer to handshake")
		})
	}
}

func TestReadRefuses(t *testing.T) {
	t.Parallel()
	for name, frame := range map[string]string{
		"masked":                 "\x81\x81\x01\x02\x03\x04\x60",
		"compressed":             "\xc1\x01a",
		"fragmented":             "\x01\x01a",
		"continuation":           "\x80\x01a",
		"unknown opcode":         "\x83\x00",
		"16-bit length for 1":    "\x81\x7e\x00\x01a",
		"64-bit length for 1":    "\x81\x7f\x00\x00\x00\x00\x00\x00\x00\x01a",
		"length of all ones":     "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
		"long ping":              "\x89\x7e\x00\x7e" + strings.Repeat("p", 126),
		"text not UTF-8":         "\x81\x01\xff",
		"half a close code":      "\x88\x01\x03",
		"close reason not UTF-8": "\x88\x03\x03\xe8\xff",
		"end inside a frame":     "\x81\x05Hell",
		"end inside a header":    "\x81",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			client, far, err := dial(t, upgraded, frame)
			require.NoError(t, err)
			require.NoError(t, far.Close())
			_, err = client.Read()
			require.Error(t, err)
			assert.NotErrorIs(t, err, io.EOF)
		})
	}
}

func TestReadText(t *testing.T) {
	t.Parallel()
	client, far, err := dial(t, upgraded, "\x89\x01p\x8a\x00\x81\x05first\x81\x06second\x88\x05\x10\x69bye")
	require.NoError(t, err)
	_, err = http.ReadRequest(bufio.NewReaderSize(far, 4096))
	require.NoError(t, err)

	for _, want := range []string{"first", "second"} {
		got, err := client.ReadText()
		require.NoError(t, err)
		assert.Equal(t, want, got)
	}
	_, err = client.ReadText()
	closed, ok := errors.AsType[*wstest.ClosedError](err)
	require.True(t, ok, "%v", err)
	assert.Equal(t, wstest.ClosedError{Code: 4201, Reason: "bye"}, *closed)

	require.NoError(t, client.Close())
	answers, err := io.ReadAll(far)
	require.NoError(t, err)
	assert.Equal(t, string(wstest.Append(nil, wstest.Pong("p"), wstest.Close(4201, "bye"))), string(answers))
}

func TestTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, far, err := dial(t, upgraded, "\x81")
		require.NoError(t, err)
		for _, timeout := range []time.Duration{0, time.Second} {
			client.Timeout = timeout
			start := time.Now()
			_, err = client.Read()
			var slow net.Error
			require.ErrorAs(t, err, &slow)
			require.True(t, slow.Timeout())
			assert.Equal(t, map[time.Duration]time.Duration{0: 30 * time.Second, time.Second: time.Second}[timeout], time.Since(start))
		}
		client.Timeout = -1
		time.AfterFunc(time.Hour, func() { _, _ = io.WriteString(far, "\x01a") })
		text, err := client.ReadText()
		require.NoError(t, err, "the frame that had begun is read on")
		assert.Equal(t, "a", text)

		require.NoError(t, client.Close())
		require.Error(t, client.Write(wstest.Text("x")))
	})
}
