// Package onair lets a Go program broadcast its events to browsers the way
// Laravel's ShouldBroadcast does, to stock laravel-echo and pusher-js.
//
// This package holds no code. It is the map and the tour; the example below is
// a whole program.
//
// # The map
//
//   - [github.com/onairgo/onair/event] says what an event is. Below it,
//     notification sends notifications and model tells of changed models, as
//     Laravel does.
//   - [github.com/onairgo/onair/channel] names public, private, presence,
//     encrypted, cache and user channels, and the patterns of rules.
//   - [github.com/onairgo/onair/broadcast] is the broadcaster, which checks
//     events and sends them over drivers. Below it, broadcasttest records what
//     the tests of an application broadcast.
//   - [github.com/onairgo/onair/auth] decides who may listen, with rules as in
//     routes/channels.php, and holds the credentials.
//   - [github.com/onairgo/onair/server] is a Pusher Channels server inside the
//     program: no account, no other process. Command
//     [github.com/onairgo/onair/cmd/onair] runs it alone.
//   - [github.com/onairgo/onair/drivers] makes the driver that the environment
//     names. Below it are pusher, log, null and memory, and drivertest for one
//     of your own.
//
// # The tour
//
// An event is a struct with two methods. Its exported fields are what pages
// receive.
//
//	func (e SessionStarted) BroadcastOn() []channel.Channel {
//		return []channel.Channel{channel.Private("mentor." + e.MentorID)}
//	}
//	func (SessionStarted) BroadcastAs() string { return "session.started" }
//
// A broadcaster sends it over a driver, here the server that pages connect to.
//
//	srv, err := server.New(server.Config{App: app})
//	b := broadcast.New(srv)
//	err = b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"}, broadcast.ToOthers(r))
//
// Rules say who may listen. The rule is given the application's own user.
//
//	h := auth.NewHandler(app, currentUser)
//	h.Private("mentor.{mentor}", func(ctx context.Context, u *User, s *auth.Subscription) (bool, error) {
//		return u.ID == s.Param("mentor"), nil
//	})
//
// The server and the rules are handlers for any mux.
//
//	mux.Handle("/app/", srv)
//	mux.Handle("/apps/", srv)
//	mux.Handle("/broadcasting/auth", h)
//
// The page is what it would be for Laravel. The dot before the name keeps Echo
// from putting its namespace there.
//
//	echo.private(`mentor.${id}`).listen('.session.started', (e) => …)
//
// In production the same program may broadcast over Pusher Channels or another
// server: give [github.com/onairgo/onair/broadcast.New] another driver, or take
// the one that the environment names. In tests, take a recorder.
package onair
