// Package websocket implements the server side of RFC 6455 and nothing more:
// the opening handshake ([Upgrade]), a parser for client frames ([Parser]), and
// the encoding of server frames ([AppendText] and its siblings).
//
// The package owns no connection. Only Upgrade does I/O, and nothing starts a
// goroutine. The caller decides how bytes are read, written, queued and timed
// out. No buffer is held between two reads unless a client stopped in the
// middle of a message, so an idle connection costs a [Parser] of three words.
//
// No subprotocol and no extension is ever negotiated. Where the RFC leaves
// room, it is read strictly. Everything that a stranger controls is bounded
// before it is stored: header lines in the handshake, the length that a frame
// claims, the size of a message over all its fragments, and their number.
package websocket
