// Package auth decides who may subscribe to which channel, as Laravel's
// routes/channels.php does, and signs the responses that pusher-js and
// laravel-echo pass on to the server.
//
// A [Handler] is the endpoint to which they send their requests:
//
//	h := auth.NewHandler(app, currentUser) // func(*http.Request) (*User, error)
//	h.Private("orders.{order}", func(ctx context.Context, u *User, s *auth.Subscription) (bool, error) {
//		return u.OwnsOrder(ctx, s.Param("order"))
//	})
//	h.Presence("chat.{room}", func(ctx context.Context, u *User, s *auth.Subscription) (*auth.Member, error) {
//		return &auth.Member{ID: u.ID, Info: map[string]string{"id": u.ID, "name": u.Name}}, nil
//	})
//	mux.Handle("/broadcasting/auth", h)
//	mux.Handle("/broadcasting/user-auth", h.Users(signIn))
//
// Register the handler without a method: it also answers preflight requests,
// and other methods with 405 and an Allow header.
//
// # What it guarantees
//
//   - What no rule allows is refused. A request without a matching rule or a
//     user, a decision that takes too long, a parameter that does not parse and
//     a panic all end without a signature. Rules are never called for guests.
//   - The socket id and the channel name are validated before any guard or rule
//     is called. Only names of private, presence and encrypted channels are
//     signed, each as the kind of channel that it is, so that no two requests
//     produce the same string to sign. Presence and private channels never
//     share a rule.
//   - Rules are tried in the order in which they were registered. Each decides
//     or passes. Registering a malformed pattern, or the same one twice, panics.
//   - A client that is refused cannot find out why. Responses for unknown and
//     forbidden channels are identical, and a client that is refused too often
//     gets status 429 without a rule being called. Only in development mode
//     ([WithDevelopment]) does the response name the likely mistake.
//   - Responses and log records never contain a secret of the app. Outside
//     development mode, responses do not contain the application's errors
//     either, except for the message of a [DenyError]. Faults are logged at
//     level error, those of a rule with its source line. Refusals are logged
//     with their reason at level debug, or info in development mode.
//   - A rule that hangs or panics affects only its own request.
//
// # Requests and responses
//
// A request is a POST of a form, as pusher-js sends it, or of a JSON object,
// with socket_id and channel_name, neither of them twice. The query string is
// ignored. The body may be up to 64 KiB and must arrive within 10 seconds.
// Responses are JSON with "Cache-Control: no-store":
//
//	200  {"auth":…}, with "channel_data" or "shared_secret" if there is one
//	400  malformed body, socket id or channel name
//	403  refused, or sent by a page of an origin that is not allowed
//	4xx  the status of a DenyError, such as Deny returns
//	405  not a POST
//	408  body took too long to arrive
//	413  body too large
//	415  neither form nor JSON
//	429  refused too often, with Retry-After
//	500  fault, which is logged
//	503  no decision in time
//
// Every error response has the body {"message":…}.
//
// # Several channels in one request
//
// By itself pusher-js requests one channel at a time. A request may instead
// contain 1 to 100 parameters channel_names[] (in JSON: an array channel_names)
// in place of channel_name. The response is then
//
//	200  {"channels":{"private-a":{"status":200,"auth":…},"private-b":{"status":403,"message":…}}}
//
// Each channel is decided as if it had been requested alone. Rules are called
// one after the other and together may take twice the time limit of a single
// rule. The page needs an authorizer that collects requests:
//
//	// batchAuthorizer makes one request of the subscriptions of a few milliseconds.
//	export function batchAuthorizer(endpoint, { wait = 5, headers = {}, credentials = 'same-origin' } = {}) {
//	  const queues = new Map() // by socket id, which is another after a reconnect
//
//	  return ({ socketId, channelName }, callback) => {
//	    if (!queues.has(socketId)) {
//	      queues.set(socketId, [])
//	      setTimeout(() => {
//	        const queue = queues.get(socketId)
//	        queues.delete(socketId)
//	        for (let i = 0; i < queue.length; i += 100) send(socketId, queue.slice(i, i + 100))
//	      }, wait)
//	    }
//	    queues.get(socketId).push({ channelName, callback })
//	  }
//
//	  async function send(socketId, queue) {
//	    let answer
//	    try {
//	      const response = await fetch(endpoint, {
//	        method: 'POST',
//	        credentials,
//	        headers: { 'Content-Type': 'application/json', ...headers },
//	        body: JSON.stringify({ socket_id: socketId, channel_names: queue.map((q) => q.channelName) }),
//	      })
//	      answer = { status: response.status, ...(await response.json()) }
//	    } catch (error) {
//	      answer = { message: error.message }
//	    }
//	    for (const { channelName, callback } of queue) {
//	      const { status, message, ...grant } = answer.channels?.[channelName] ?? answer
//	      if (status === 200 && grant.auth) callback(null, grant)
//	      else callback(new Error(`${channelName}: ${status ?? 'no answer'} ${message ?? ''}`), null)
//	    }
//	  }
//	}
//
// Give it to Echo:
//
//	new Echo({ …, channelAuthorization: { customHandler: batchAuthorizer('/broadcasting/auth') } })
//
// # Pages of other origins
//
// Browsers also send a site's cookies with requests made by pages of other
// sites. Such requests are refused unless [WithAllowedOrigins] lists the page's
// origin; see [http.CrossOriginProtection]. Requests that do not come from a
// browser pass. For the application's own handlers, [CSRF] is the double-submit
// check that Laravel's front ends support.
package auth
