// Package onair lets a Go program broadcast its events to browsers the way
// Laravel's ShouldBroadcast does, to stock laravel-echo and pusher-js.
//
// The packages:
//
//   - event: what an event is
//   - channel: public, private, presence, encrypted and user channels
//   - broadcast: the broadcaster, which sends events over drivers
//   - auth: who may subscribe, written as in routes/channels.php
//   - drivers: pusher, log, null, memory, and how to write one
package onair
