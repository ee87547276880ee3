package websocket

import (
	"bufio"
	"bytes"
	"crypto/sha1" // required by RFC 6455; it proves that the handshake was understood and protects nothing
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	// Limits on the head of a handshake. net/http admits 1 MiB by default.
	maxHeadBytes = 8 << 10
	maxHeadLines = 100

	version      = "13"
	keySize      = 16
	acceptSuffix = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" // RFC 6455 section 1.3

	// answerTimeout bounds writing the 101. A write to a fresh socket does not
	// block, unless the peer deliberately stalls a TLS connection.
	answerTimeout = 5 * time.Second
)

// A HandshakeError reports why a request was not upgraded. The request has been
// answered with Status and the JSON object {"error": Reason}.
type HandshakeError struct {
	Status int
	Reason string // cause and cure; contains nothing from the request
	Err    error  // why net/http did not give up the connection, or nil
}

func (e *HandshakeError) Error() string {
	text := fmt.Sprintf("websocket: handshake answered with status %d: %s", e.Status, e.Reason)
	if e.Err != nil {
		text += ": " + e.Err.Error()
	}
	return text
}

func (e *HandshakeError) Unwrap() error { return e.Err }

// Upgrade answers the opening handshake of RFC 6455 section 4.2 and takes over
// the connection from net/http. It returns the connection, without deadlines,
// and a copy of what the client already sent after its request. Parse those
// bytes first. Headers set on w are not sent.
//
// Upgrade checks the whole request, including its size. It ignores offered
// extensions and subprotocols, well-formed or not. It does not check the
// Origin: a client that is refused with an HTTP status keeps coming back, so
// the protocol above has to do that. If the request is refused, it has been
// answered, and the error is a [*HandshakeError]. Any other error comes from
// the connection, which has been closed.
//
// Middleware may wrap w if the wrapper has the method Unwrap()
// http.ResponseWriter. After Upgrade the handler should return soon, and keep
// neither w nor r, since they hold the buffers of net/http.
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
		// The bytes of a body would be read as frames.
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
	// A client that has already gone needs no answer.
	_ = json.NewEncoder(w).Encode(answer)
	return e
}

// accept writes the answer. It returns what the client sent before it.
func accept(conn net.Conn, ahead *bufio.Reader, key string) (early []byte, err error) {
	if n := ahead.Buffered(); n > 0 {
		buffered, _ := ahead.Peek(n) // peeking at buffered bytes cannot fail
		early = bytes.Clone(buffered)
	}
	// The deadlines of the http.Server were for the request, not for what
	// follows.
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

// oversized reports whether the head of r, as it was sent, exceeds the limits
// of a handshake.
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

// hasToken reports whether a comma-separated list, which may span several
// header lines, contains token. The token is given in lower case.
func hasToken(lines []string, token string) bool {
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			element = strings.Trim(element, " \t")
			// Comparing lengths excludes non-ASCII letters that fold to ASCII.
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
