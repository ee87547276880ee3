// The front ends under test: two generations of laravel-echo on three
// generations of pusher-js, as published.

import Echo2 from 'laravel-echo';
import echo1 from 'laravel-echo-1';
import Pusher8 from 'pusher-js';
import Pusher4 from 'pusher-js-4';
import Pusher7 from 'pusher-js-7';

// Before pusher-js 4.4 decrypts, it asks navigator whether it runs in React
// Native. Node has a navigator from version 21 on.
globalThis.navigator ??= {};

export const frontEnds = [];
for (const [echoName, Echo] of [['laravel-echo 2.5.0', Echo2], ['laravel-echo 1.19.0', echo1.default]]) {
  frontEnds.push(
    { name: `${echoName} with pusher-js 8.6.0`, Echo, Pusher: Pusher8, signsIn: true },
    { name: `${echoName} with pusher-js 7.6.0`, Echo, Pusher: Pusher7, signsIn: true },
    // Version 4.4.0 predates user sign-in.
    { name: `${echoName} with pusher-js 4.4.0`, Echo, Pusher: Pusher4, signsIn: false },
  );
}

// connect returns an Echo of the front end, for the named user or for a guest.
export function connect({ Echo, Pusher }, fixture, user, options = {}) {
  const echo = new Echo({
    broadcaster: 'reverb',
    Pusher,
    key: 'app-key',
    wsHost: '127.0.0.1',
    wsPort: fixture.port,
    wssPort: fixture.tlsPort,
    forceTLS: false,
    enabledTransports: ['ws', 'wss'],
    authEndpoint: `${fixture.url}/broadcasting/auth`,
    // Echo keeps its defaults in one shared object and writes the token into
    // it, so two users in one process need separate objects.
    auth: { headers: {} },
    userAuthentication: { endpoint: `${fixture.url}/broadcasting/user-auth`, headers: {} },
    bearerToken: user,
    ...options,
  });
  // Errors are part of these tests. Without a listener, Node would exit.
  echo.connector.pusher.connection.bind('error', (e) => console.log(`    connection error of ${user}: ${JSON.stringify(e?.error?.data ?? e?.data ?? e?.type ?? String(e))}`));
  return echo;
}
