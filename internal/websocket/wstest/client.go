package wstest

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"crypto/sha1" // required by RFC 6455
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	defaultTimeout = 30 * time.Second // a busy machine may pause a test for seconds
	maxPayload     = 16 << 20         // more than any test sends, so a misread length is noticed
	maxBody        = 64 << 10
)

// A Client is the client end of a WebSocket connection. One goroutine may read
// while another writes.
type Client struct {
	// Timeout bounds each Read and each Write. Zero means 30 seconds, and a
	// negative value means no limit.
	Timeout time.Duration

	conn net.Conn
	in   *bufio.Reader
}

// A RefusedError holds an answer to a handshake whose status is not 101.
type RefusedError struct {
	Status int
	Header http.Header
	Body   []byte
}

func (e *RefusedError) Error() string {
	return fmt.Sprintf("wstest: handshake refused with status %d", e.Status)
}

// A ClosedError is the error of [Client.ReadText] for a close frame.
type ClosedError struct {
	Code   uint16 // 1005 if the frame had none
	Reason string
}

func (e *ClosedError) Error() string {
	return fmt.Sprintf("wstest: closed by the server with code %d %q", e.Code, e.Reason)
}

// NewRequest returns the handshake that a browser would send, which the caller
// may then spoil. The target is a path with an optional query, or a whole URL
// with the scheme http. NewRequest panics if target is not a URL.
func NewRequest(target string) *http.Request {
	r, err := http.NewRequest(http.MethodGet, target, nil)
	if err != nil {
		panic(err)
	}
	if r.Host == "" {
		r.Host = "localhost"
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	r.Header.Set("Connection", "Upgrade")
	r.Header.Set("Upgrade", "websocket")
	r.Header.Set("Sec-WebSocket-Version", "13")
	r.Header.Set("Sec-WebSocket-Key", base64.StdEncoding.EncodeToString(key[:]))
	return r
}

// Dial sends r over conn, which may be any connection. The frames in ahead are
// sent in the same write, without waiting for the answer. If the status of the
// answer is not 101, the error is a [*RefusedError]; a 101 has to be exactly
// right. After an error conn is of no further use.
func Dial(conn net.Conn, r *http.Request, ahead ...Frame) (*Client, error) {
	c := &Client{conn: conn, in: bufio.NewReader(conn)}
	var request bytes.Buffer
	if err := r.Write(&request); err != nil {
		return nil, fmt.Errorf("wstest: encode handshake: %w", err)
	}
	if err := c.WriteRaw(Append(request.Bytes(), ahead...)); err != nil {
		return nil, err
	}
	if err := conn.SetReadDeadline(c.deadline()); err != nil {
		return nil, fmt.Errorf("wstest: read handshake: %w", err)
	}
	answer, err := http.ReadResponse(c.in, r)
	if err != nil {
		return nil, fmt.Errorf("wstest: read handshake: %w", err)
	}
	if answer.StatusCode != http.StatusSwitchingProtocols {
		body, err := io.ReadAll(io.LimitReader(answer.Body, maxBody))
		if err != nil {
			return nil, fmt.Errorf("wstest: read refusal: %w", err)
		}
		return nil, &RefusedError{Status: answer.StatusCode, Header: answer.Header, Body: body}
	}
	sum := sha1.Sum([]byte(r.Header.Get("Sec-WebSocket-Key") + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"))
	header := answer.Header
	switch {
	case header.Get("Sec-WebSocket-Accept") != base64.StdEncoding.EncodeToString(sum[:]):
		return nil, errors.New("wstest: answer to handshake with wrong Sec-WebSocket-Accept")
	case !strings.EqualFold(header.Get("Upgrade"), "websocket"), !strings.EqualFold(header.Get("Connection"), "upgrade"):
		return nil, errors.New("wstest: answer to handshake without Upgrade or Connection")
	case header.Get("Sec-WebSocket-Extensions") != "", header.Get("Sec-WebSocket-Protocol") != "":
		return nil, errors.New("wstest: answer to handshake negotiates what was not to be")
	}
	return c, nil
}

// Close closes the connection without a close frame.
func (c *Client) Close() error { return c.conn.Close() }

// Write sends frames in one write.
func (c *Client) Write(frames ...Frame) error { return c.WriteRaw(Append(nil, frames...)) }

// WriteRaw sends b unchanged.
func (c *Client) WriteRaw(b []byte) error {
	if err := c.conn.SetWriteDeadline(c.deadline()); err != nil {
		return fmt.Errorf("wstest: write: %w", err)
	}
	if _, err := c.conn.Write(b); err != nil {
		return fmt.Errorf("wstest: write: %w", err)
	}
	return nil
}

// Read reads the next frame, of any type, and sends no answer. A frame that a
// server must not send is an error; that includes fragments. After a timeout
// between two frames, reading can continue. If the connection ends between two
// frames, the error wraps [io.EOF].
func (c *Client) Read() (Frame, error) {
	if err := c.conn.SetReadDeadline(c.deadline()); err != nil {
		return Frame{}, fmt.Errorf("wstest: read: %w", err)
	}
	head, err := c.in.Peek(2)
	if err != nil {
		if len(head) > 0 && errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return Frame{}, fmt.Errorf("wstest: read: %w", err)
	}
	f := Frame{
		Opcode:     head[0] & 0xF,
		RSV:        head[0] >> 4 & 0x7,
		NotFinal:   head[0]&0x80 == 0,
		Unmasked:   head[1]&0x80 == 0,
		LengthSize: 1,
	}
	length := uint64(head[1] & 0x7F)
	if length >= 126 {
		if f.LengthSize = 3; length == 127 {
			f.LengthSize = 9
		}
		if head, err = c.in.Peek(1 + f.LengthSize); err != nil {
			return Frame{}, fmt.Errorf("wstest: read length of frame: %w", err)
		}
		length = 0
		for _, b := range head[2:] {
			length = length<<8 | uint64(b)
		}
	}
	if length > maxPayload {
		return Frame{}, fmt.Errorf("wstest: frame of %d bytes", length)
	}
	_, _ = c.in.Discard(1 + f.LengthSize) // peeked at above
	f.Payload = make([]byte, length)
	if _, err := io.ReadFull(c.in, f.Payload); err != nil {
		return Frame{}, fmt.Errorf("wstest: read payload of frame: %w", err)
	}
	if wrong := f.check(); wrong != "" {
		return Frame{}, fmt.Errorf("wstest: server broke the protocol: %s", wrong)
	}
	return f, nil
}

// ReadText reads the next text message as a browser does: it answers pings,
// ignores pongs, and answers a close frame and returns it as a [*ClosedError].
// A binary message is an error.
func (c *Client) ReadText() (string, error) {
	for {
		f, err := c.Read()
		if err != nil {
			return "", err
		}
		switch f.Opcode {
		case OpText:
			return string(f.Payload), nil
		case OpBinary:
			return "", errors.New("wstest: binary message from the server")
		case OpPing:
			if err := c.Write(Frame{Opcode: OpPong, Payload: f.Payload}); err != nil {
				return "", err
			}
		case OpClose:
			code, reason := f.CloseStatus()
			// The server may already have closed the socket.
			_ = c.Write(Frame{Opcode: OpClose, Payload: f.Payload})
			return "", &ClosedError{Code: code, Reason: reason}
		}
	}
}

func (c *Client) deadline() time.Time {
	switch {
	case c.Timeout < 0:
		return time.Time{}
	case c.Timeout == 0:
		return time.Now().Add(defaultTimeout)
	}
	return time.Now().Add(c.Timeout)
}
