package websocket

import "fmt"

// The close codes of RFC 6455 section 7.4.1 that are useful to a server. Codes
// from 3000 to 4999 belong to libraries and applications.
const (
	CloseNormal          uint16 = 1000 // the purpose of the connection is fulfilled
	CloseGoingAway       uint16 = 1001 // the server is stopping or the user left the page
	CloseProtocolError   uint16 = 1002 // the peer broke the framing rules
	CloseUnsupportedData uint16 = 1003 // the peer sent a type of message that is not accepted
	CloseNoStatus        uint16 = 1005 // never sent: a received close frame held no code
	CloseInvalidPayload  uint16 = 1007 // text that is not UTF-8
	ClosePolicyViolation uint16 = 1008 // the catch-all for refusals
	CloseTooBig          uint16 = 1009 // a message over the limit
	CloseInternalError   uint16 = 1011 // the server met an unexpected condition
)

// A CloseError reports that the peer broke a rule. The connection has to end:
// send a close frame with Code and Reason, then close the socket. The reason
// never contains anything that the peer sent.
type CloseError struct {
	Code   uint16
	Reason string
}

func (e *CloseError) Error() string {
	return fmt.Sprintf("websocket: %s (close code %d)", e.Reason, e.Code)
}

func protocolError(reason string) error {
	return &CloseError{Code: CloseProtocolError, Reason: reason}
}

// sendable reports whether a close frame may carry code. 1004 is reserved,
// 1005, 1006 and 1015 never appear in a frame, 1012 to 1014 were registered
// after the RFC, and nothing else below 3000 has a meaning yet (section 7.4.2).
func sendable(code uint16) bool {
	switch {
	case code >= 1000 && code <= 1003, code >= 1007 && code <= 1014, code >= 3000 && code <= 4999:
		return true
	}
	return false
}
