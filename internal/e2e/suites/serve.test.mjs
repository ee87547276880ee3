// onair serve, set up only with what it prints when it starts.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { after, before, test } from 'node:test';

import Echo from 'laravel-echo';
import Api from 'pusher';
import Pusher from 'pusher-js';

import { once, until } from '../harness/until.mjs';

let child;
let printed = '';
let echo;
let api;
before(async () => {
  const { PATH, HOME } = process.env; // and no ONAIR_ variables
  child = spawn(process.env.E2E_ONAIR, ['serve', '-addr', '127.0.0.1:0'], { env: { PATH, HOME } });
  child.stdout.on('data', (text) => { printed += text; });
  child.stderr.on('data', (text) => console.log(`    onair: ${String(text).trimEnd()}`));
  await until('the environment to be printed', () => printed.includes('VITE_REVERB_SCHEME'));

  // The part for the page is JavaScript that runs unchanged.
  const snippet = /window\.Echo = new Echo\((\{[\s\S]*?\})\);/.exec(printed)[1];
  const options = await import(`data:text/javascript,export default ${encodeURIComponent(snippet)}`);
  const env = Object.fromEntries([...printed.matchAll(/^\s+(REVERB_\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]));
  api = new Api({
    appId: env.REVERB_APP_ID, key: env.REVERB_APP_KEY, secret: env.REVERB_APP_SECRET,
    host: env.REVERB_HOST, port: env.REVERB_PORT, useTLS: env.REVERB_SCHEME === 'https',
  });
  echo = new Echo({
    ...options.default, Pusher,
    channelAuthorization: {
      customHandler: ({ socketId, channelName }, done) => done(null, api.authorizeChannel(socketId, channelName,
        channelName.startsWith('presence-') ? { user_id: '1', user_info: { name: 'Ada' } } : undefined)),
    },
  });
});
after(async () => {
  echo?.disconnect();
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await event(child, 'exit');
  }
});

test('a page and a publisher that are set up so hear each other', async () => {
  const heard = [];
  const here = once('here', (done) => echo.join('room').here(done));
  echo.channel('news').listen('.told', (e) => heard.push(['public', e]));
  echo.private('news').listen('.told', (e) => heard.push(['private', e]));
  assert.deepEqual(await here, [{ name: 'Ada' }]);
  await until('all to be subscribed', () => echo.connector.pusher.allChannels().every((c) => c.subscribed));
  await api.trigger('news', 'told', { n: 1 });
  await api.trigger('private-news', 'told', { n: 2 });
  await until('both events', () => heard.length === 2);
  assert.deepEqual(heard, [['public', { n: 1 }], ['private', { n: 2 }]]);
});

test('SIGTERM ends it in good order, and the page is told to come back', async () => {
  const codes = [];
  echo.connector.pusher.connection.bind('error', (e) => {
    const code = e?.error?.data?.code ?? e?.data?.code;
    if (code) codes.push(code); // the next attempt to connect is refused without a code
  });
  const ended = event(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await ended, [0, null]);
  await until('the page to hear of it', () => codes.length > 0);
  // 41xx and 42xx mean reconnect, later or at once. 40xx would mean stay away.
  assert.ok(codes.every((code) => code >= 4100 && code < 4300), String(codes));
});
