// Package pusher is the driver for Pusher Channels and for every service that
// speaks its HTTP API: Reverb, soketi, Ably's adapter, and the embedded server
// of another process. It also asks the service what is going on (channels,
// users) and receives its webhooks.
//
//	driver, err := pusher.New(pusher.Config{App: app, Cluster: "eu"})
//	b := broadcast.New(driver)
//
// # What leaves
//
// A message with several channels is one request, one to a single channel
// shares a request with up to nine of its neighbours, and one to a user goes
// by itself. Data of an encrypted channel is sealed for that channel alone.
// Order is kept: the requests of one call are made one after the other.
//
// Requests are signed and sent by github.com/pusher/pusher-http-go, wrapped so
// that they keep to the context, use TLS unless told otherwise, follow no
// redirect, share connections, and read no more of an answer than they need.
//
// # Errors
//
// Every message is tried, whatever became of those before it, until the
// context is done. Each that was not delivered is one
// [*broadcast.DeliveryError], with one of these causes:
//
//   - [*APIError]: the service answered with another status than 2xx.
//     errors.Is finds [ErrUnauthorized], [ErrForbidden],
//     [ErrPayloadTooLarge] and [ErrRateLimited] in it, and
//     [broadcast.RetryAfter] how long to wait.
//   - [ErrUnexpectedAnswer]: 2xx, and no JSON object. Something between here
//     and the service answered in its place.
//   - the network's error: refused, reset, no such host, a bad certificate.
//   - context.DeadlineExceeded or context.Canceled: the caller's context, or
//     [Config.Timeout] for one request.
//   - [ErrClosed], after [Driver.Shutdown].
//   - a mistake in the message itself, found before anything was sent.
//
// errors.Is(err, [broadcast.ErrPermanent]) tells those that would fail again
// the same way: mistakes in the message, statuses 3xx, and 4xx except 408, 425
// and 429. The driver never tries again by itself, with one exception in which
// nothing can be repeated: a batch that the service refused as a whole (400,
// 404, 405, 413, 422) is sent message by message, so that the good ones
// arrive and the bad one is named.
//
// After a temporary error it is not known whether the service took the message
// over; sending it again may deliver it twice, unless the service knows
// [Config.IdempotencyKeys].
//
// No error repeats the secret, the signature or the key of a request, even
// where the service or a transport does, and no print of a [Driver] or a
// [Config] shows the secret. Only values of less than 8 bytes, which cannot be
// told from ordinary words, are not hidden in what others say.
package pusher
