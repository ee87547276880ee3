// A server that is mounted below a path with Config.Prefix. Stock front ends
// find it by the settings that it gives them, and publishers by host and path.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import Api from 'pusher';
import Client from 'pusher-js';

import { dispatch, start } from '../harness/fixture.mjs';
import { once, until } from '../harness/until.mjs';
import { connect, frontEnds } from './echo-clients.mjs';

let fixture;
let api;
let publishers;

before(async () => {
  fixture = await start('-application', 'prefixed');
  // The Node SDK has no option for a path, but accepts one after the port.
  api = new Api({ appId: '1001', key: 'app-key', secret: 'app-secret', host: `127.0.0.1:${fixture.port}/realtime` });
  const fromOutside = (publisher) => async (channel, fields) => {
    const answer = await fetch(`${fixture.url}/publish/${publisher}`, { method: 'POST', body: JSON.stringify({ channel, fields }) });
    assert.equal(answer.status, 200, await answer.text());
  };
  publishers = {
    'the program itself': (channel, fields) => dispatch(fixture.url, 'SessionStarted', channel, fields),
    'the Node SDK': (channel, fields) => api.trigger(channel, 'session.started', fields),
    'pusher-http-go': fromOutside('pusher-http-go'),
    'drivers/pusher': fromOutside('drivers/pusher'),
  };
});
after(() => fixture?.close());

test('nothing is outside of the prefix', async () => {
  for (const [path, status] of Object.entries({ '/up': 404, '/realtime/up': 200, '/app/app-key': 404, '/apps/1001/channels': 404 })) {
    assert.equal((await fetch(fixture.url + path)).status, status, path);
  }
});

// hearsAll makes every publisher publish to the channels and waits until all of
// it has been heard. The entries of heard are [channel, studentName].
async function hearsAll(heard, channels) {
  for (const [publisher, publish] of Object.entries(publishers)) {
    for (const channel of channels) await publish(channel, { sessionId: '9', studentName: publisher });
    await until(`what ${publisher} published`, () => heard.length >= channels.length);
    assert.deepEqual(heard.splice(0), channels.map((channel) => [channel, publisher]));
  }
}

for (const frontEnd of frontEnds) {
  test(`${frontEnd.name}, set up by what the server tells`, async () => {
    const options = await (await fetch(`${fixture.url}/realtime.json`)).json();
    assert.equal(options.wsPath, '/realtime');
    const ada = connect(frontEnd, fixture, 'ada', options);
    const ben = connect(frontEnd, fixture, 'ben', options);
    try {
      const heard = [];
      const hear = (channel) => channel.listen('.session.started', (e) => heard.push([channel.name, e.studentName]));
      const people = once('here', (done) => hear(ada.join('session.1')).here(done));
      hear(ada.channel('mentor.1'));
      hear(ada.private('mentor.1'));
      const whispered = once('the whisper', (done) => ada.private('session.1').listenForWhisper('typing', done));
      assert.deepEqual(await people, [{ id: '1', name: 'Ada' }]);
      await until('all to be subscribed', () => ada.connector.pusher.allChannels().filter((c) => c.subscribed).length === 4);

      const bens = ben.private('session.1');
      await until('Ben to be subscribed', () => bens.subscription.subscribed);
      bens.whisper('typing', { name: 'Ben' });
      assert.deepEqual(await whispered, { name: 'Ben' });

      await hearsAll(heard, ['mentor.1', 'private-mentor.1', 'presence-session.1']);
    } finally {
      ada.disconnect();
      ben.disconnect();
    }
  });
}

test('pusher-js alone, and what the Node SDK asks', async () => {
  const client = new Client('app-key', {
    cluster: '',
    wsHost: '127.0.0.1',
    wsPort: fixture.port,
    wsPath: '/realtime',
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => done(null, api.authorizeChannel(socketId, channelName)) },
    userAuthentication: { customHandler: ({ socketId }, done) => done(null, api.authenticateUser(socketId, { id: '1' })) },
  });
  client.connection.bind('error', (e) => console.log(`    connection error: ${JSON.stringify(e?.error?.data ?? e?.data ?? e?.type)}`));
  try {
    const heard = [];
    for (const name of ['news', 'private-mentor.1']) {
      const channel = client.subscribe(name);
      channel.bind('session.started', (e) => heard.push([name, e.studentName]));
      await until(`${name} to be subscribed`, () => channel.subscribed);
    }
    await hearsAll(heard, ['news', 'private-mentor.1']);
    const { channels } = await (await api.get({ path: '/channels', params: { filter_by_prefix: 'private-' } })).json();
    assert.deepEqual(channels, { 'private-mentor.1': {} });

    client.signin();
    await until('the sign-in', () => client.user.serverToUserChannel?.subscribed);
    await api.terminateUserConnections('1');
    await until('the end of the connection', () => client.connection.state === 'disconnected');
  } finally {
    client.disconnect();
  }
});
