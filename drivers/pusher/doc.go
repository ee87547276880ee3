// Package pusher is the driver for Pusher Channels and for every service that
// has the same HTTP API: Reverb, soketi, Ably's adapter, and the embedded server
// of another process. It can also query the service for its channels and users,
// and receive its webhooks.
//
//	driver, err := pusher.New(pusher.Config{App: app, Cluster: "eu"})
//	b := broadcast.New(driver)
//
// # Requests
//
// A message to several channels is sent in one request. Consecutive messages to
// a single channel each are sent in batches, by default of up to 10. A message
// to a user is sent in a request of its own. The data of an encrypted channel is
// sealed for that channel alone. The driver keeps the order of messages: it
// makes the requests of one call one after the other.
//
// Package github.com/pusher/pusher-http-go signs and sends the requests. It is
// wrapped so that requests observe the context, use TLS unless configured
// otherwise, do not follow redirects, share connections, and read only as much
// of an answer as they need.
//
// # Errors
//
// Every message is tried until the context is done, whether or not those before
// it failed. For each message that was not delivered, the error contains a
// [*broadcast.DeliveryError] with one of these causes:
//
//   - [*APIError]: the status of the answer is not 2xx. It matches
//     [ErrUnauthorized], [ErrForbidden], [ErrPayloadTooLarge] and
//     [ErrRateLimited] according to the status, and [broadcast.RetryAfter]
//     returns how long to wait.
//   - [ErrUnexpectedAnswer]: the status is 2xx, but the answer is not a JSON
//     object. Perhaps a proxy answered in place of the service.
//   - An error of the network, such as a refused or reset connection, an
//     unknown host or a bad certificate.
//   - context.DeadlineExceeded or context.Canceled: the caller's context is
//     done, or the request took longer than [Config.Timeout].
//   - [ErrClosed], after [Driver.Shutdown].
//   - A mistake in the message itself, which is found before it is sent.
//
// Errors that would occur again in the same way match [broadcast.ErrPermanent].
// These are mistakes in the message, statuses 3xx, and statuses 4xx except 408,
// 425 and 429.
//
// The driver never retries, with one exception that cannot deliver anything
// twice. If the service rejects a batch as a whole, with status 400, 404, 405,
// 413 or 422, its messages are sent one by one. The good ones are then
// delivered, and the error names the bad one.
//
// After a temporary error, it is unknown whether the service has accepted the
// message. Sending it again may deliver it twice, unless the service supports
// [Config.IdempotencyKeys].
//
// Errors never contain the secret, the key or the signature of a request, even
// if the service or a transport repeats them, and printing a [Driver] or a
// [Config] never shows the secret. The exception is a value of less than 8
// bytes, which is not hidden in what others repeat because it cannot be told
// from ordinary text.
package pusher
