// How stock pusher-js behaves in the less common parts of the protocol, each of
// which some other server gets wrong. The Node SDK signs and publishes.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import Pusher from 'pusher';
import Client from 'pusher-js';

import { start } from '../harness/fixture.mjs';
import { once, until } from '../harness/until.mjs';

let fixture;
let sdk;
const clients = [];

// open connects a page. The SDK signs member and user for it.
function open({ key = 'app-key', member, user, sign = sdk } = {}) {
  const client = new Client(key, {
    cluster: '',
    wsHost: '127.0.0.1',
    wsPort: fixture.port,
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: { customHandler: ({ socketId, channelName }, done) => done(null, sign.authorizeChannel(socketId, channelName, member)) },
    userAuthentication: { customHandler: ({ socketId }, done) => done(null, sign.authenticateUser(socketId, user)) },
  });
  client.errors = [];
  client.connection.bind('error', (e) => client.errors.push(e?.error?.data?.code ?? e?.data?.code));
  clients.push(client);
  return client;
}

const connected = (client) => until('the connection', () => client.connection.state === 'connected');

async function subscribe(client, name) {
  const channel = client.subscribe(name);
  await until(`${name} to be subscribed`, () => channel.subscribed);
  return channel;
}

async function signIn(client) {
  client.signin();
  await until('the sign-in', () => client.user.serverToUserChannel?.subscribed);
}

before(async () => {
  fixture = await start();
  sdk = new Pusher({
    appId: '1001', key: 'app-key', secret: 'app-secret', host: '127.0.0.1', port: fixture.port,
    encryptionMasterKeyBase64: 'nxzvbGF+f8FGhk/jOaZvgMle1tqxzF/VfUZLBLhhaH0=',
  });
});
after(async () => {
  clients.forEach((client) => client.disconnect());
  await fixture?.close();
});

describe('connecting', () => {
  test('an unknown key: the page gives up, and the log names the key that comes closest', async () => {
    const client = open({ key: 'app-kex' });
    await until('the page to give up', () => client.connection.state === 'disconnected');
    assert.deepEqual([...new Set(client.errors)], [4001]);
    await fixture.logged('both keys', (r) => r.level === 'WARN' && JSON.stringify(r).includes('app-kex') && JSON.stringify(r).includes('app-key'));
  });

  test('a ping is answered', async () => {
    const client = open();
    await connected(client);
    const pong = once('the pong', (done) => client.connection.bind('message', (m) => m.event === 'pusher:pong' && done(m)));
    client.send_event('pusher:ping', {});
    assert.deepEqual((await pong).data, {});
  });

  test('what the server does not understand leaves the connection as it was', async () => {
    const client = open();
    const channel = await subscribe(client, 'steady');
    client.send_event('unheard-of', { a: 1 });
    client.connection.connection.transport.send('this is no JSON');
    client.connection.connection.transport.send('[]');
    await until('three errors', () => client.errors.length === 3);
    const heard = once('the event', (done) => channel.bind('still', done));
    await sdk.trigger('steady', 'still', { here: true });
    assert.deepEqual(await heard, { here: true });
  });
});

describe('private channels', () => {
  test('a wrong signature: an error for the channel, and the connection goes on', async () => {
    const client = open({ sign: new Pusher({ appId: '1001', key: 'app-key', secret: 'wrong' }) });
    const refusal = await once('the refusal', (done) => client.subscribe('private-a').bind('pusher:subscription_error', done));
    assert.equal(refusal.type, 'AuthError');
    assert.equal(refusal.status, 401);
    await subscribe(client, 'public-after-all');
  });

  test('who guesses names is told 429 after a while, and may go on with what is not guessed', async () => {
    const client = open({ sign: { authorizeChannel: () => ({ auth: '' }) } }); // nobody that the server knows
    const statuses = [];
    for (let i = 0; i < 200; i++) {
      client.subscribe(`private-mentor.${i}`).bind('pusher:subscription_error', ({ type, status }) => statuses.push(`${type} ${status}`));
    }
    await until('all to be refused', () => statuses.length === 200);
    // Meanwhile two a second are decided again.
    assert.deepEqual(new Set(statuses.slice(0, 120)), new Set(['AuthError 403']));
    assert.ok(statuses.includes('AuthError 429'), statuses.join());
    await subscribe(client, 'public-after-all');
    await fixture.logged('the limit', (r) => r.limit === 'Limits.Refusals');
  });

  test('another user’s own channel is refused', async () => {
    const client = open({ user: { id: '50' } });
    await signIn(client);
    const heard = [];
    client.connection.bind('message', ({ event }) => heard.push(event));
    // The library itself would refuse the name; an attacker's would not.
    client.send_event('pusher:subscribe', { channel: '#server-to-user-51', auth: '' });
    await until('the refusal', () => client.errors.length > 0);
    assert.deepEqual(client.errors, [4009]);
    await sdk.sendToUser('51', 'secret', {});
    await sdk.sendToUser('50', 'own', {});
    await until('the own event', () => heard.includes('own'));
    assert.equal(heard.includes('secret'), false);
  });

  test('client events are refused where they are not allowed', async () => {
    const client = open();
    await subscribe(client, 'public-one');
    client.send_event('client-hello', {}, 'public-one'); // the library would stop channel.trigger itself
    client.send_event('client-hello', {}, 'private-not-mine');
    await until('two errors', () => client.errors.length === 2);
    assert.equal(client.connection.state, 'connected');
  });

  test('the eleventh client event within a second is one too many', async () => {
    const [sender, hearer] = [open(), open()];
    const channel = await subscribe(sender, 'private-chatter');
    const heard = [];
    (await subscribe(hearer, 'private-chatter')).bind('client-tick', (n) => heard.push(n));
    for (let n = 0; n < 30; n++) channel.trigger('client-tick', n);
    await until('the limit', () => sender.errors.length > 0);
    assert.deepEqual([...new Set(sender.errors)], [4301]);
    await until('the first ten', () => heard.length >= 10);
    assert.deepEqual(heard.slice(0, 10), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.equal(sender.connection.state, 'connected');
  });
});

describe('presence channels', () => {
  test('numbers as user ids are the same users as their digits', async () => {
    const watcher = await subscribe(open({ member: { user_id: 'watcher' } }), 'presence-numbers');
    const events = [];
    watcher.bind('pusher:member_added', ({ id }) => events.push(['added', id]));
    watcher.bind('pusher:member_removed', ({ id }) => events.push(['removed', id]));
    const number = await subscribe(open({ member: { user_id: 10, user_info: { name: 'Ten' } } }), 'presence-numbers');
    const digits = await subscribe(open({ member: { user_id: '10', user_info: { name: 'Ten' } } }), 'presence-numbers');
    assert.equal(digits.members.count, 2);
    assert.deepEqual(digits.members.get('10'), { id: '10', info: { name: 'Ten' } });
    number.pusher.disconnect();
    digits.unsubscribe();
    await until('both to be gone', () => events.some(([what]) => what === 'removed'));
    assert.deepEqual(events, [['added', '10'], ['removed', '10']]);
  });

  test('a client event says who sent it', async () => {
    const [ada, ben] = [await subscribe(open({ member: { user_id: 'ada' } }), 'presence-chat'), await subscribe(open({ member: { user_id: 'ben' } }), 'presence-chat')];
    const heard = once('the event', (done) => ben.bind('client-hello', (data, metadata) => done({ data, metadata })));
    ada.trigger('client-hello', { text: 'hi' });
    assert.deepEqual(await heard, { data: { text: 'hi' }, metadata: { user_id: 'ada' } });
  });

  test('a page that has signed in needs no channel_data', async () => {
    const client = open({ user: { id: '60', user_info: { name: 'Sixty' } } });
    await signIn(client);
    const channel = await subscribe(client, 'presence-by-sign-in');
    assert.deepEqual(channel.members.me, { id: '60', info: { name: 'Sixty' } });
  });

  test('a presence channel without anybody to be is refused', async () => {
    const client = open({ member: { user_info: { name: 'nobody' } } });
    const refusal = await once('the refusal', (done) => client.subscribe('presence-nobody').bind('pusher:subscription_error', done));
    assert.equal(refusal.type, 'AuthError');
  });
});

describe('cache channels', () => {
  test('a miss, then the last event, for public, private, presence and encrypted names', async () => {
    for (const name of ['cache-a', 'private-cache-a', 'presence-cache-a', 'private-encrypted-cache-a']) {
      const first = open({ member: name.startsWith('presence-') ? { user_id: 'a' } : undefined });
      await once(`the miss of ${name}`, (done) => first.subscribe(name).bind('pusher:cache_miss', done));
      await sdk.trigger(name, 'old', { n: 1 });
      await sdk.trigger(name, 'new', { n: 2 });
      first.disconnect();
      const late = open({ member: name.startsWith('presence-') ? { user_id: 'b' } : undefined });
      const heard = [];
      const channel = late.subscribe(name);
      channel.bind_global((event, data) => heard.push([event, data]));
      await until(`the last event of ${name}`, () => heard.some(([event]) => event === 'new'));
      assert.deepEqual(heard.filter(([event]) => !event.startsWith('pusher:')), [['new', { n: 2 }]]);
    }
  });
});

describe('counts', () => {
  test('the number of subscribers, as it changes', async () => {
    const first = open();
    const counts = [];
    first.subscribe('counted').bind('pusher:subscription_count', ({ subscription_count }) => counts.push(subscription_count));
    await until('the first count', () => counts.at(-1) === 1);
    const second = await subscribe(open(), 'counted');
    await until('the second', () => counts.at(-1) === 2);
    assert.equal(first.channel('counted').subscriptionCount, 2);
    second.pusher.disconnect();
    await until('the last', () => counts.at(-1) === 1);
  });
});

describe('watch lists', () => {
  test('who is online at first, who comes and who goes', async () => {
    const bea = open({ user: { id: 'bea' } });
    await signIn(bea);
    const watcher = open({ user: { id: 'watcher', watchlist: ['bea', 'cid'] } });
    const events = [];
    for (const name of ['online', 'offline']) watcher.user.watchlist.bind(name, ({ user_ids }) => events.push(...user_ids.map((id) => `${id} ${name}`)));
    await signIn(watcher);
    await until('the state at first', () => events.length === 2);
    assert.deepEqual(events.sort(), ['bea online', 'cid offline']);
    const cid = open({ user: { id: 'cid' } });
    await signIn(cid);
    await until('Cid to come', () => events.includes('cid online'));
    bea.disconnect();
    await until('Bea to go', () => events.includes('bea offline'));
    assert.deepEqual(events.slice(2), ['cid online', 'bea offline']);
  });
});
