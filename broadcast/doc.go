// Package broadcast sends an application's events to browsers.
//
// A [Broadcaster] turns an [event.Event] into messages, validates them and
// passes them to a [Driver]: the embedded server, Pusher Channels, a log, or a
// driver of your own.
//
//	b := broadcast.New(driver)
//	err := b.Dispatch(ctx, SessionStarted{SessionID: "9", MentorID: "1"})
//
// What it guarantees:
//
//   - Nothing is sent until the messages for every connection are known to be
//     valid: event and channel names, sizes, and encryption keys.
//   - Dispatch is synchronous. When it returns nil, the driver of every
//     connection has accepted every message. The only exception is an event
//     that asks for failures to be logged instead ([event.Rescuer]).
//   - When an error reports failed deliveries, it contains one [*DeliveryError]
//     for each message that was not delivered ([Undelivered] lists them).
//     Passing those to [Broadcaster.Deliver] repeats nothing that was
//     delivered.
//   - The messages of one call reach the driver of a connection in order.
//     Different connections are served concurrently. If one fails or panics,
//     the others are still tried.
//   - The context applies to the whole call. With a request's context, sending
//     stops when the page goes away. Pass context.WithoutCancel(ctx) if the
//     event matters more than the page.
package broadcast
