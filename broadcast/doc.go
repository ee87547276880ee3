// Package broadcast sends an application's events to its browsers.
//
// A [Broadcaster] turns an [event.Event] into messages, checks everything, and
// hands them to a [Driver]: the embedded server, Pusher Channels, a log, or
// one of your own.
//
//	b := broadcast.New(driver)
//	err := b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"})
//
// What it guarantees:
//
//   - Nothing is sent before every connection's messages are known to be
//     valid: names, channels, sizes, keys.
//   - Dispatch is synchronous. When it returns nil, every connection's driver
//     has taken every message over.
//   - When it returns an error about delivery, each message that did not go
//     out is one [*DeliveryError] in it ([Undelivered] lists them), and
//     [Broadcaster.Deliver] of those repeats nothing that went out.
//   - Messages of one call reach one connection's driver in order. Different
//     connections are served at the same time, and one that fails or panics
//     does not keep the others from being tried.
//   - The context bounds the whole call. A handler that passes the request's
//     context stops sending when the page goes away; pass
//     context.WithoutCancel(ctx) where the event matters more than the page.
package broadcast
