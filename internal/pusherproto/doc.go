// Package pusherproto holds what the Pusher Channels protocol fixes and every
// side of it needs: socket ids, the strings that are signed, the signatures,
// and the sealing of encrypted channels. It does no I/O, imports nothing of
// the module, and its values are safe for concurrent use.
package pusherproto
