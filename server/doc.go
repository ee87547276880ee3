// Package server is a Pusher Channels server inside the program: stock
// pusher-js, laravel-echo, the mobile clients and the pusher-http SDKs work
// against it with no account and no other process.
//
//	srv, err := server.New(server.Config{App: app, Authorizer: rules})
//	b := broadcast.New(srv)
//	mux.Handle("/app/", srv)  // pages connect here
//	mux.Handle("/apps/", srv) // the HTTP API, for programs elsewhere
//
// A [Server] serves one app or several, with [Server.For] for each of them. It
// takes over connections of any net/http server, with TLS or without.
//
// # Delivery
//
// Publishing returns when the event is queued for the sockets, which takes
// microseconds however many pages there are and however slow they are. Queues
// are bounded: who publishes or sends faster than the server writes waits.
//
// Every connection gets its events in the order in which they were published,
// over all channels, and all connections get the events of a channel in the
// same order. A subscriber is told that it is one before the first event, and
// from then on misses none, until it is closed. Nothing is kept for pages that
// are not connected, except the last event of a cache channel. Pages that take
// events too slowly are closed with 4100 (see [Limits]) and connect anew.
//
// # Authorisation
//
// A page may join a private, presence or encrypted channel with a signature
// from the application's auth endpoint, as with any server of the protocol; see
// package auth. With Config.Authorizer the server decides by itself when the
// page sends none, by who opened the connection, and saves a request for each
// channel. Stock pusher-js and Echo are told so by a handler of their own:
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
// Encrypted channels need their key from somewhere: pusher-js takes it from the
// answer of the auth endpoint, so leave them to the endpoint.
//
// The identity is found out when the connection is opened, and stays. End the
// connections of a user who logs out with [Server.Terminate], which closes those
// that have signed in.
package server
