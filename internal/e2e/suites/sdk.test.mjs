// Every call of the Node server SDK against the HTTP API. Pages listen for what
// is published, because a status of 200 alone proves nothing.

import assert from 'node:assert/strict';
import https from 'node:https';
import { after, before, describe, test } from 'node:test';

import Pusher from 'pusher';
import Client from 'pusher-js';

import { start } from '../harness/fixture.mjs';
import { once, until } from '../harness/until.mjs';

const credentials = { appId: '1001', key: 'app-key', secret: 'app-secret' };
const encryptionMasterKeyBase64 = 'nxzvbGF+f8FGhk/jOaZvgMle1tqxzF/VfUZLBLhhaH0=';

let fixture;
let sdk;
const clients = [];

// page is a page whose subscriptions and sign-in the SDK authorises.
function page(user) {
  const client = new Client(credentials.key, {
    cluster: '',
    wsHost: '127.0.0.1',
    wsPort: fixture.port,
    forceTLS: false,
    enabledTransports: ['ws'],
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, done) => {
        const member = channelName.startsWith('presence-') ? { user_id: user.id, user_info: { name: user.name } } : undefined;
        done(null, sdk.authorizeChannel(socketId, channelName, member));
      },
    },
    userAuthentication: {
      customHandler: ({ socketId }, done) => done(null, sdk.authenticateUser(socketId, user)),
    },
  });
  clients.push(client);
  return client;
}

async function subscribe(client, name) {
  const channel = client.subscribe(name);
  await until(`${name} to be subscribed`, () => channel.subscribed);
  return channel;
}

// rejection resolves with the SDK's error for a call that must fail.
async function rejection(call) {
  const error = await call.then(() => assert.fail('the call succeeded'), (e) => e);
  assert.ok(error instanceof Pusher.RequestError, String(error));
  return error;
}

before(async () => {
  fixture = await start();
  sdk = new Pusher({ ...credentials, host: '127.0.0.1', port: fixture.port, encryptionMasterKeyBase64 });
});
after(async () => {
  clients.forEach((client) => client.disconnect());
  await fixture?.close();
});

describe('publishing', () => {
  let client;
  let news;
  const heard = [];
  before(async () => {
    client = page({ id: '1', name: 'Ada' });
    news = await subscribe(client, 'news');
    news.bind_global((event, data) => event.startsWith('pusher:') || heard.push([event, data]));
  });

  // hears waits for these events and asserts that there were no others.
  async function hears(...events) {
    await until(`${events.length} events`, () => heard.length >= events.length);
    assert.deepEqual(heard.splice(0), events);
  }

  test('trigger: any JSON, byte for byte', async () => {
    const data = { html: '<b>&', text: 'Grüße 👋', big: '12345678901234567890', n: 1.5, list: [null, true] };
    const answer = await sdk.trigger('news', 'greeting', data);
    assert.deepEqual([answer.status, await answer.json()], [200, {}]);
    await hears(['greeting', data]);
    await sdk.trigger('news', 'plain', 'just text');
    await sdk.trigger('news', 'empty', '');
    await hears(['plain', 'just text'], ['empty', '']);
  });

  test('trigger on 100 channels', async () => {
    const names = Array.from({ length: 99 }, (_, i) => `crowd-${i}`).concat('news');
    assert.equal((await sdk.trigger(names, 'crowd', {})).status, 200);
    await hears(['crowd', {}]);
  });

  test('trigger to all but one socket', async () => {
    const socket_id = client.connection.socket_id;
    await sdk.trigger('news', 'excluded', {}, { socket_id });
    await sdk.trigger('news', 'included', {});
    await hears(['included', {}]);
  });

  test('trigger with info', async () => {
    await subscribe(client, 'presence-room');
    const answer = await sdk.trigger(['news', 'presence-room', 'nobody'], 'counted', {}, { info: 'user_count,subscription_count' });
    assert.deepEqual(await answer.json(), { channels: {
      news: { subscription_count: 1 },
      'presence-room': { subscription_count: 1, user_count: 1 },
      nobody: { subscription_count: 0 },
    } });
    await hears(['counted', {}]);
  });

  test('triggerBatch, with and without info', async () => {
    const plain = await sdk.triggerBatch([
      { channel: 'news', name: 'first', data: { n: 1 } },
      { channel: 'news', name: 'second', data: 'two' },
    ]);
    assert.deepEqual(await plain.json(), {});
    await hears(['first', { n: 1 }], ['second', 'two']);
    const counted = await sdk.triggerBatch([
      { channel: 'news', name: 'third', data: {}, info: 'subscription_count' },
      { channel: 'nobody', name: 'third', data: {} },
    ]);
    assert.deepEqual(await counted.json(), { batch: [{ subscription_count: 1 }, {}] });
    await hears(['third', {}]);
  });

  test('trigger on an encrypted channel, opened by the page', async () => {
    const channel = await subscribe(client, 'private-encrypted-diary');
    const opened = once('the secret', (done) => channel.bind('secret', done));
    await sdk.trigger('private-encrypted-diary', 'secret', { text: 'psst' });
    assert.deepEqual(await opened, { text: 'psst' });
  });

  test('sendToUser', async () => {
    client.signin();
    await until('the sign-in', () => client.user.serverToUserChannel?.subscribed);
    const got = once('the user’s event', (done) => client.user.bind('personal', done));
    await sdk.sendToUser('1', 'personal', { for: 'Ada' });
    assert.deepEqual(await got, { for: 'Ada' });
  });

  test('what is too large', async () => {
    await sdk.trigger('news', 'largest', 'x'.repeat(10_240));
    await hears(['largest', 'x'.repeat(10_240)]);
    const single = await rejection(sdk.trigger('news', 'larger', 'x'.repeat(10_241)));
    assert.equal(single.status, 413);
    assert.match(single.body, /content of this event/);
    const batch = await rejection(sdk.triggerBatch([{ channel: 'news', name: 'larger', data: 'x'.repeat(10_241) }]));
    assert.equal(batch.status, 413);
    const eleven = await rejection(sdk.triggerBatch(Array.from({ length: 11 }, () => ({ channel: 'news', name: 'x', data: '' }))));
    assert.equal(eleven.status, 400);
    assert.match(eleven.body, /Batch too large/);
    const many = await rejection(sdk.post({ path: '/events', body: { name: 'x', data: '', channels: Array.from({ length: 101 }, (_, i) => `c${i}`) } }));
    assert.equal(many.status, 400);
    await sdk.trigger('news', 'still here', {});
    await hears(['still here', {}]);
  });
});

describe('asking', () => {
  let tabs;
  before(async () => {
    tabs = [page({ id: '1', name: 'Ada' }), page({ id: '1', name: 'Ada' }), page({ id: '2', name: 'Ben' })];
    for (const tab of tabs) await subscribe(tab, 'presence-hall');
    await subscribe(tabs[0], 'board');
  });
  const ask = async (path, params) => (await sdk.get({ path, params })).json();

  test('which channels are occupied', async () => {
    const { channels } = await ask('/channels');
    assert.deepEqual([channels.board, channels['presence-hall']], [{}, {}]);
    assert.deepEqual(await ask('/channels', { filter_by_prefix: 'presence-h', info: 'user_count' }),
      { channels: { 'presence-hall': { user_count: 2 } } });
    assert.deepEqual(await ask('/channels', { filter_by_prefix: 'nothing' }), { channels: {} });
  });

  test('about one channel', async () => {
    assert.deepEqual(await ask('/channels/presence-hall', { info: 'user_count,subscription_count' }),
      { occupied: true, user_count: 2, subscription_count: 3 });
    assert.deepEqual(await ask('/channels/board', { info: 'subscription_count' }), { occupied: true, subscription_count: 1 });
    assert.equal((await ask('/channels/nobody')).occupied, false);
    assert.equal((await rejection(sdk.get({ path: '/channels/board', params: { info: 'user_count' } }))).status, 400);
  });

  test('who is there', async () => {
    const { users } = await ask('/channels/presence-hall/users');
    assert.deepEqual(users.sort((a, b) => a.id.localeCompare(b.id)), [{ id: '1' }, { id: '2' }]);
    assert.deepEqual(await ask('/channels/presence-nobody/users'), { users: [] });
    assert.equal((await rejection(sdk.get({ path: '/channels/board/users' }))).status, 400);
  });

  test('about a cache channel', async () => {
    await sdk.trigger('cache-score', 'goal', { n: 1 });
    const { occupied, cache } = await ask('/channels/cache-score', { info: 'cache' });
    assert.equal(occupied, false);
    assert.equal(cache.data, '{"n":1}');
    const late = page({ id: '3', name: 'Carl' });
    const goal = once('the cached event', (done) => late.subscribe('cache-score').bind('goal', done));
    assert.deepEqual(await goal, { n: 1 });
  });
});

describe('signing', () => {
  test('terminateUserConnections ends the user’s connections and no others', async () => {
    const [dora, bystander] = [page({ id: '40', name: 'Dora' }), page({ id: '41', name: 'Emil' })];
    for (const client of [dora, bystander]) {
      client.signin();
      await until('the sign-in', () => client.user.serverToUserChannel?.subscribed);
    }
    const errors = [];
    dora.connection.bind('error', (e) => errors.push(e?.error?.data?.code ?? e?.data?.code));
    assert.deepEqual(await (await sdk.terminateUserConnections('40')).json(), {});
    await until('Dora to be disconnected', () => dora.connection.state === 'disconnected');
    assert.ok(errors.includes(4009), String(errors));
    const got = once('the bystander’s event', (done) => bystander.user.bind('still', done));
    await sdk.sendToUser('41', 'still', {});
    await got;
  });

  test('a wrong secret, an unknown key, an unknown app', async () => {
    const as = (change) => new Pusher({ ...credentials, ...change, host: '127.0.0.1', port: fixture.port });
    for (const change of [{ secret: 'wrong' }, { key: 'unknown' }]) {
      for (const call of [(p) => p.trigger('news', 'x', {}), (p) => p.get({ path: '/channels' })]) {
        assert.equal((await rejection(call(as(change)))).status, 401);
      }
    }
    assert.ok([401, 404].includes((await rejection(as({ appId: '9' }).trigger('news', 'x', {}))).status));
  });

  test('forURL, and an own signed query string', async () => {
    const byURL = Pusher.forURL(`http://app-key:app-secret@127.0.0.1:${fixture.port}/apps/1001`);
    assert.equal((await byURL.get({ path: '/channels' })).status, 200);
    const query = sdk.createSignedQueryString({ method: 'GET', path: '/apps/1001/channels', params: { filter_by_prefix: 'x' } });
    assert.equal((await fetch(`${fixture.url}/apps/1001/channels?${query}`)).status, 200);
    assert.equal((await fetch(`${fixture.url}/apps/1001/channels?${query.replace('=x', '=y')}`)).status, 401);
  });

  test('over TLS', async () => {
    const agent = new https.Agent({ ca: fixture.authority });
    const secure = new Pusher({ ...credentials, host: 'localhost', port: fixture.tlsPort, useTLS: true, agent });
    const channel = await subscribe(page({ id: '1', name: 'Ada' }), 'secure');
    const got = once('the event', (done) => channel.bind('over TLS', done));
    assert.equal((await secure.trigger('secure', 'over TLS', { ok: true })).status, 200);
    assert.deepEqual(await got, { ok: true });
    agent.destroy();
  });
});
