package websocket

import (
	"bufio"
	"bytes"
	"crypto/sha1" // prescribed by RFC 6455; it shows that the handshake was understood and protects nothing
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// What the head of a handshake may hold. net/http admits 1 MiB unless told
	// otherwise.
	maxHeadBytes = 8 << 10
	maxHeadLines = 100

	version      = "13"
	keySize      = 16
	acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455 section 1.3

	// answerTimeout bounds the writing of the 101. Into a fresh socket that does
	// not wait, except for a peer that stalls a TLS connection on purpose.
	answerTimeout = 5 * time.Second
)

// A HandshakeError says why a request was not upgraded. The request has been
// answered with Status and the JSON object {"error": Reason}.
type HandshakeError struct {
	Status int
	Reason string // cause and cure; nothing of the request is in it
	Err    error  // why net/http did not hand over the connection, or nil
}

func (e *HandshakeError) Error() string {
	text := fmt.Sprintf("websocket: handshake answered with status %d: %s", e.Status, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *HandshakeError) Unwrap() error { return e.Err }

// Upgrade answers the opening handshake of RFC 6455 section 4.2 and takes the
// connection over from net/http. It returns the connection, without deadlines, and
// a copy of what the client sent behind its request, which is to be parsed first.
// Headers that were set on w are not sent.
//
// The whole request is checked, its size included. Offered extensions and
// subprotocols are passed over, well-formed or not. The Origin is not looked at:
// a client that is refused by an HTTP status comes back for ever, so that is for
// the protocol above to do. If the request is refused, the error is a
// [*HandshakeError] and the request has been answered; any other error is that of
// the connection, which has been closed.
//
// w may be wrapped by middleware with the method Unwrap() http.ResponseWriter.
// After Upgrade the handler should return soon and keep neither w nor r, which
// hold the buffers of net/http.
func Upgrade(w http.ResponseWriter, r *http.Request) (conn net.Conn, early []byte, err error) {
	if refusal := check(r); refusal != nil {
		return nil, nil, refuse(w, refusal)
	}
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return nil, nil, refuse(w, &HandshakeError{
			Status: http.StatusInternalServerError,
			Reason: "connection cannot be taken over; middleware that wraps the ResponseWriter needs an Unwrap method",
			Err:    err,
		})
	}
	early, err = accept(conn, buffered.Reader, r.Header.Get("Sec-WebSocket-Key"))
	if err != nil {
		_ = conn.Close() // err says more
		return nil, nil, fmt.Errorf("websocket: answer handshake: %w", err)
	}
	return conn, early, nil
}

func check(r *http.Request) *HandshakeError {
	header := r.Header
	switch {
	case oversized(r):
		return &HandshakeError{
			Status: http.StatusRequestHeaderFieldsTooLarge,
			Reason: fmt.Sprintf("handshake over %d bytes or %d header lines; send fewer or shorter headers and cookies", maxHeadBytes, maxHeadLines),
		}
	case r.Method != http.MethodGet:
		return &HandshakeError{Status: http.StatusMethodNotAllowed, Reason: "a WebSocket handshake is a GET request"}
	case r.ProtoMajor != 1 || r.ProtoMinor < 1:
		return &HandshakeError{Status: http.StatusBadRequest, Reason: "a WebSocket handshake needs HTTP/1.1; have every proxy in between speak it to the server behind"}
	case !hasToken(header.Values("Connection"), "upgrade"), !hasToken(header.Values("Upgrade"), "websocket"):
		return &HandshakeError{
			Status: http.StatusUpgradeRequired,
			Reason: "not a WebSocket handshake; connect by WebSocket, and have every proxy in between pass on the headers Connection and Upgrade",
		}
	case !isOnly(header.Values("Sec-WebSocket-Version"), version):
		return &HandshakeError{Status: http.StatusUpgradeRequired, Reason: "Sec-WebSocket-Version has to be " + version}
	case !validKey(header.Values("Sec-WebSocket-Key")):
		return &HandshakeError{Status: http.StatusBadRequest, Reason: "exactly one Sec-WebSocket-Key is needed, 16 bytes in base64"}
	case r.ContentLength != 0:
		// Its bytes would be taken for frames.
		return &HandshakeError{Status: http.StatusBadRequest, Reason: "a WebSocket handshake has no body"}
	}
	return nil
}

// refuse answers a request that is not upgraded and returns its error.
func refuse(w http.ResponseWriter, e *HandshakeError) error {
	header := w.Header()
	switch e.Status {
	case http.StatusMethodNotAllowed:
		header.Set("Allow", http.MethodGet)
	case http.StatusUpgradeRequired:
		header.Set("Connection", "Upgrade")
		header.Set("Upgrade", "websocket")
		header.Set("Sec-WebSocket-Version", version)
	}
	header.Set("Content-Type", "application/json")
	w.WriteHeader(e.Status)
	answer := struct {
		Error string `json:"error"`
	}{e.Reason}
	// A client that is gone already needs no answer.
	_ = json.NewEncoder(w).Encode(answer)
	return e
}

// accept takes what the client sent ahead of the answer, and writes the answer.
func accept(conn net.Conn, ahead *bufio.Reader, key string) (early []byte, err error) {
	if n := ahead.Buffered(); n > 0 {
		buffered, _ := ahead.Peek(n) // what is buffered needs no read that could fail
		early = bytes.Clone(buffered)
	}
	// The deadlines of the http.Server are for requests, not for what follows.
	if err := conn.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	sum := sha1.Sum([]byte(key + acceptSuffix))
	_, err = conn.Write([]byte("HTTP/1.1 101 Switching Protocols\r\n" +
		"Upgrade: websocket\r\n" +
		"Connection: Upgrade\r\n" +
		"Sec-WebSocket-Accept: " + base64.StdEncoding.EncodeToString(sum[:]) + "\r\n\r\n"))
	if err != nil {
		return nil, err
	}
	return early, conn.SetDeadline(time.Time{})
}

// oversized reports whether the head of r, as it was on the wire, is more than a
// handshake may hold.
func oversized(r *http.Request) bool {
	const perLine = len(": \r\n")
	size, lines := len(r.Method)+len(r.RequestURI)+len(r.Proto)+perLine+len("Host")+len(r.Host)+perLine, 1
	for name, values := range r.Header {
		lines += len(values)
		for _, value := range values {
			size += len(name) + len(value) + perLine
		}
	}
	return size > maxHeadBytes || lines > maxHeadLines
}

// hasToken reports whether token, in lower case, is in a comma-separated list that
// may be spread over several header lines.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			element = strings.Trim(element, " \t")
			// The length keeps letters out that fold to ASCII.
			if len(element) == len(token) && strings.EqualFold(element, token) {
				return true
			}
		}
	}
	return false
}

func isOnly(lines []string, value string) bool { return len(lines) == 1 && lines[0] == value }

func validKey(lines []string) bool {
	if len(lines) != 1 || len(lines[0]) != base64.StdEncoding.EncodedLen(keySize) {
		return false
	}
	key, err := base64.StdEncoding.DecodeString(lines[0])
	return err == nil && len(key) == keySize
}
