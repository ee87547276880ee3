// A page that is authorised without a request to the application. The server
// decides by the cookie that was sent with the handshake.

import Echo from 'laravel-echo';
import Pusher from 'pusher-js';

window.echo = new Echo({
  broadcaster: 'reverb',
  Pusher,
  key: 'app-key',
  wsHost: new URLSearchParams(location.search).get('host') ?? location.hostname,
  wsPort: location.port,
  forceTLS: false,
  enabledTransports: ['ws'],
  channelAuthorization: {
    // Before pusher-js asks to join a presence channel, it wants to know its
    // own user, unless the user has signed in.
    customHandler: ({ channelName }, done) => done(null, channelName.startsWith('presence-') && !window.withoutData
      ? { auth: '', channel_data: JSON.stringify({ user_id: window.me }) }
      : { auth: '' }),
  },
  userAuthentication: {
    customHandler: (_, done) => done(null, { auth: '', user_data: '' }),
  },
});
window.errors = [];
window.echo.connector.pusher.connection.bind('error', (e) => window.errors.push(e.error?.data?.code ?? e.data?.code));
window.signIn = () => window.echo.connector.signin();
