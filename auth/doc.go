// Package auth decides who may hear what, as Laravel's routes/channels.php
// does, and signs the answer that pusher-js and laravel-echo send on.
//
// A [Handler] is the endpoint that they ask:
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
// Register it without a method: it answers preflights too, and 405 with Allow.
//
// # What it guarantees
//
//   - What no rule allows is refused: no rule, no user, no decision in time, a
//     parameter that does not parse, a panic. Guests reach no rule.
//   - Socket id and channel name are checked before any guard or rule is asked.
//     Only names of private, presence and encrypted channels are signed, each as
//     the kind that it is, so that no two requests lead to the same string to
//     sign. Presence and private channels never share a rule.
//   - Rules are asked in the order of their registration; a rule decides or
//     passes. Wrong patterns, and the same one twice, panic at start-up.
//   - A client that is refused cannot find out why: unknown and forbidden
//     channels are answered with the same bytes, and after too many refusals it
//     is answered 429 without a rule being asked. In development mode
//     ([WithDevelopment]) the answer says what is likely to be wrong.
//   - No answer and no log record holds a secret, and no answer an error of the
//     application's. Faults are logged at level error with the rule's source
//     line; refusals with their reason at level debug, or info in development.
//   - A rule that hangs or panics harms only its own request.
//
// # Requests and answers
//
// A request is a POST of a form, as pusher-js sends it, or of a JSON object,
// with socket_id and channel_name; the query string is not read. Bodies are
// limited to 64 KiB, every parameter may stand once. Answers are JSON, never
// cached:
//
//	200  {"auth":…}, with "channel_data" or "shared_secret" where there is one
//	400  malformed body, socket id or channel name
//	403  refused, guests too; a page of an origin that is not allowed
//	4xx  what a rule says with Deny
//	405  not POST; 413 body too large; 415 neither form nor JSON
//	429  refused too often, with Retry-After
//	500  a fault, which is logged; 503 no decision in time
//
// All but 200 have a body {"message":…}.
//
// # Several channels in one request
//
// pusher-js asks for one channel at a time. With 1 to 100 channel_names[] (in
// JSON: an array channel_names) instead of channel_name, the answer is
//
//	200  {"channels":{"private-a":{"status":200,"auth":…},"private-b":{"status":403,"message":…}}}
//
// with each channel decided as if it had come alone. Rules are asked one after
// the other, and all together have twice the time of one. The page needs an
// authorizer that collects:
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
// Browsers send cookies along with requests that pages of other sites make, so
// such requests are refused unless [WithAllowedOrigins] lists the page's
// origin; see [http.CrossOriginProtection]. Requests that no browser made pass.
// [CSRF] is the double-submit check that Laravel's front ends know, for handlers
// of the application's own.
package auth
