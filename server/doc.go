// Package server is a Pusher Channels server that runs inside the program.
// Stock pusher-js, laravel-echo, the mobile clients and the pusher-http SDKs
// work with it; it needs no account and no other process.
//
//	srv, err := server.New(server.Config{App: app, Authorizer: rules})
//	b := broadcast.New(srv)
//	mux.Handle("/app/", srv)  // pages connect here
//	mux.Handle("/apps/", srv) // the HTTP API, for programs elsewhere
//
// A [Server] serves one app or several; [Server.For] selects one of them. It
// works in any net/http server, with TLS or without.
//
// # Delivery
//
// Publishing returns when the event is queued for the sockets. That takes
// microseconds, however many pages are connected and however slow they are. The
// queues are bounded: a publisher or a page that sends faster than the server
// writes has to wait.
//
// Every connection receives its events in the order in which they were
// published, across all its channels. All connections receive the events of a
// channel in the same order. A subscriber is told that it has subscribed before
// it receives the first event. From then on it misses none, until its
// connection is closed. Nothing is kept for pages that are not connected,
// except the last event of a cache channel. Pages that take their events too
// slowly are closed with code 4100 (see [Limits]) and then reconnect.
//
// # Authorisation
//
// A page may join a private, presence or encrypted channel with a signature
// from the application's auth endpoint, as with any server of the protocol; see
// package auth. With Config.Authorizer set, the page may leave the signature
// out. The server then decides by itself, for whoever opened the connection,
// which saves one request for each channel. Stock pusher-js and Echo leave the
// signature out when they are given these handlers:
//
//	new Echo({
//	  broadcaster: 'reverb', key, wsHost, wsPort, forceTLS: false,
//	  channelAuthorization: {
//	    customHandler: ({channelName}, callback) => callback(null, {
//	      auth: '',
//	      // pusher-js asks presence channels who the page's own user is. The
//	      // server does not believe it and tells what the rule returned.
//	      channel_data: channelName.startsWith('presence-') ? JSON.stringify({user_id: me}) : undefined,
//	    }),
//	  },
//	  userAuthentication: {customHandler: (_, callback) => callback(null, {auth: '', user_data: ''})},
//	});
//
// Leave encrypted channels to the auth endpoint, since pusher-js takes the key
// of such a channel from the endpoint's answer.
//
// The server identifies the user when the connection is opened, and does not do
// so again. When a user logs out, call [Server.Terminate], which closes the
// connections on which the user has signed in.
package server
