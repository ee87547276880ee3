// Package pusherproto holds what the Pusher Channels protocol fixes and every
// side of it needs: socket ids, the strings to sign, their signatures, and the
// encryption of events. It does no I/O and imports no other package of the
// module. Its values are safe for concurrent use.
package pusherproto
