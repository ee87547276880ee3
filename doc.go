// Package onair lets a Go program broadcast its events to browsers the way
// Laravel's ShouldBroadcast does. Pages receive them with stock laravel-echo
// and pusher-js.
//
// This package holds no code, only a map of the module and a tour. The example
// below is a complete program.
//
// # The map
//
//   - [github.com/onairgo/onair/event] defines what an event is. Below it,
//     notification and model provide Laravel's notifications and model events.
//   - [github.com/onairgo/onair/channel] names public, private, presence,
//     encrypted, cache and user channels, and defines the patterns of rules.
//   - [github.com/onairgo/onair/broadcast] is the broadcaster, which checks
//     events and sends them through drivers. Below it, broadcasttest records
//     what an application broadcasts in its tests.
//   - [github.com/onairgo/onair/auth] decides who may listen, with rules like
//     those in routes/channels.php, and holds the credentials.
//   - [github.com/onairgo/onair/server] is a Pusher Channels server inside the
//     program, which needs no account and no other process. The command
//     [github.com/onairgo/onair/cmd/onair] runs it on its own.
//   - [github.com/onairgo/onair/drivers] creates the driver that the environment
//     names. Below it are pusher, log, null and memory, and drivertest for
//     testing a driver of your own.
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
// A broadcaster sends it through a driver, here the server that pages connect
// to.
//
//	srv, err := server.New(server.Config{App: app})
//	b := broadcast.New(srv)
//	err = b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"}, broadcast.ToOthers(r))
//
// Rules say who may listen. They receive the application's own user type.
//
//	h := auth.NewHandler(app, currentUser)
//	h.Private("mentor.{mentor}", func(ctx context.Context, u *User, s *auth.Subscription) (bool, error) {
//		return u.ID == s.Param("mentor"), nil
//	})
//
// Both the server and the rules are an http.Handler, for any mux.
//
//	mux.Handle("/app/", srv)
//	mux.Handle("/apps/", srv)
//	mux.Handle("/broadcasting/auth", h)
//
// The page is the same as for Laravel. The dot before the name keeps Echo from
// putting its namespace there.
//
//	echo.private(`mentor.${id}`).listen('.session.started', (e) => …)
//
// In production the same program can broadcast through Pusher Channels or
// another server: give [github.com/onairgo/onair/broadcast.New] another driver,
// or use the one that the environment names. In tests, use a recorder.
package onair
