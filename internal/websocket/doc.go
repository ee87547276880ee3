// Package websocket is the server side of RFC 6455 and no more than that: the
// opening handshake ([Upgrade]), a parser of client frames ([Parser]) and the
// encoding of server frames ([AppendText] and its siblings).
//
// It owns no connection. Apart from Upgrade nothing here does I/O, starts a
// goroutine or holds a buffer between two reads unless a client stopped in the
// middle of a message, so that the caller decides how bytes are read, written,
// queued and timed out, and an idle connection costs a [Parser] of three words.
//
// Nothing is ever negotiated: no subprotocol and no extension. Where the RFC
// leaves room it is read strictly, and everything that a stranger controls is
// bounded before it is stored: header lines in the handshake, the length a frame
// claims, the size of a message over all its fragments, and their number.
package websocket
