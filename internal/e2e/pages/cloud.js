// The front end of a study planner that was written for Pusher's cloud: a
// cluster, TLS, no host and no endpoints. The only addition is that it shows
// what it hears.

import Echo from 'laravel-echo';
import Pusher from 'pusher-js';

window.Pusher = Pusher;

const echo = new Echo({
  broadcaster: 'pusher',
  key: import.meta.env.VITE_PUSHER_APP_KEY,
  cluster: import.meta.env.VITE_PUSHER_APP_CLUSTER,
  forceTLS: true,
});

const mentorId = 1;
const sessionId = 9;
window.heard = [];
window.people = [];

echo.channel(`mentor.${mentorId}`).listen('.session.started', (data) => window.heard.push(['public', data]));

echo.private(`mentor.${mentorId}`).listen('.session.started', (data) => window.heard.push(['private', data]));

echo.join(`session.${sessionId}`)
  .here((users) => { window.people = users; })
  .joining((user) => window.people.push(user))
  .leaving((user) => { window.people = window.people.filter(({ id }) => id !== user.id); });

window.echo = echo;
