// Ways to be authorised without one request per channel: a single request for
// all channels, with the handler that package auth documents, and no request at
// all.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, site, visit } from '../harness/browser.mjs';
import { documented } from '../harness/documented.mjs';
import { dispatch, start } from '../harness/fixture.mjs';
import { once, until } from '../harness/until.mjs';
import { connect, frontEnds } from './echo-clients.mjs';

describe('in one request', () => {
  let fixture;
  let batchAuthorizer;
  before(async () => {
    fixture = await start();
    ({ batchAuthorizer } = await documented('auth/doc.go', '// batchAuthorizer makes one request of the subscriptions of a few milliseconds.'));
  });
  after(() => fixture?.close());

  for (const frontEnd of frontEnds) {
    test(frontEnd.name, async (t) => {
      const requests = t.mock.method(globalThis, 'fetch').mock;
      const handler = batchAuthorizer(`${fixture.url}/broadcasting/auth`, { headers: { Authorization: 'Bearer ada' } });
      const echo = connect(frontEnd, fixture, 'ada', frontEnd.signsIn
        ? { channelAuthorization: { customHandler: handler } }
        // pusher-js 4.4 knows only the older form, with other callbacks.
        : { authorizer: ({ name }) => ({ authorize: (socketId, done) => handler({ socketId, channelName: name }, (error, grant) => done(error !== null, grant ?? error)) }) });
      try {
        const refused = once('the refusal', (done) => echo.private('mentor.2').error(done));
        const here = once('here', (done) => echo.join('session.1').here(done));
        const heard = [];
        for (const channel of [echo.private('mentor.1'), echo.encryptedPrivate('session.1')]) {
          channel.listen('NewUpdate', (e) => heard.push(`${channel.name} ${e.text}`));
        }
        await until('all to be subscribed', () => echo.connector.pusher.allChannels().filter((c) => c.subscribed).length === 3);
        // Echo passes on only the message of a custom handler's error.
        assert.equal((await refused).error ?? (await refused).message, 'private-mentor.2: 403 forbidden');
        assert.deepEqual(await here, [{ id: '1', name: 'Ada' }]);
        assert.deepEqual(requests.calls.map(({ arguments: [, { body }] }) => JSON.parse(body).channel_names),
          [['private-mentor.2', 'presence-session.1', 'private-mentor.1', 'private-encrypted-session.1']]);
        for (const channel of ['private-mentor.1', 'private-encrypted-session.1']) {
          await dispatch(fixture.url, 'NewUpdate', channel, { text: 'hello' });
        }
        await until('both events', () => heard.length === 2);
        assert.deepEqual(heard, ['private-mentor.1 hello', 'private-encrypted-session.1 hello']);
      } finally {
        echo.disconnect();
      }
    });
  }
});

describe('without a request, by the cookie of the connection', () => {
  let browser;
  let files;
  let fixture;
  let requests;
  before(async () => {
    files = await site({ 'index.html': '<!doctype html><title>In process</title><script src="inprocess.js"></script>' });
    await files.bundle('inprocess.js');
    fixture = await start('-pages', files.dir);
    browser = await launch();
  });
  after(async () => {
    await browser?.close();
    await fixture?.close();
    await files?.remove();
  });

  async function open(user) {
    const page = await visit(browser, fixture.url, user);
    requests = [];
    page.on('request', (r) => requests.push(r.url()));
    return page;
  }
  const noRequests = () => assert.deepEqual(requests.filter((url) => url.includes('broadcasting')), []);

  test('a private channel', async () => {
    const ada = await open('ada');
    const heard = ada.evaluate(() => new Promise((done) => {
      window.echo.private('mentor.1').listen('NewUpdate', done);
    }));
    await ada.waitForFunction(() => window.echo.connector.pusher.channel('private-mentor.1').subscribed);
    await dispatch(fixture.url, 'NewUpdate', 'private-mentor.1', { text: 'hello' });
    assert.deepEqual(await heard, { text: 'hello' });
    noRequests();
    await ada.context().close();
  });

  test('somebody else’s private channel, and a guest', async () => {
    for (const user of ['ben', undefined]) {
      const page = await open(user);
      const refusal = await page.evaluate(() => new Promise((done) => {
        window.echo.private('mentor.1').error(done);
      }));
      assert.equal(refusal.type, 'AuthError');
      assert.equal(refusal.status, 403);
      noRequests();
      await page.context().close();
    }
  });

  test('a presence channel: the page’s own word for who it is counts for nothing', async () => {
    const ada = await open('ada');
    const join = (page, claim) => page.evaluate((me) => new Promise((done) => {
      window.me = me;
      window.echo.join('session.1').here(done).joining((p) => { window.joined = p; });
    }), claim);
    assert.deepEqual(await join(ada, '1'), [{ id: '1', name: 'Ada' }]);
    const ben = await open('ben');
    const here = await join(ben, '1');
    assert.deepEqual(here.map((p) => p.name).sort(), ['Ada', 'Ben']);
    await ada.waitForFunction(() => window.joined);
    assert.deepEqual(await ada.evaluate(() => window.joined), { id: '2', name: 'Ben' });
    noRequests();
    await ada.context().close();
    await ben.context().close();
  });

  test('sign-in, and then a presence channel without channel_data', async () => {
    const ada = await open('ada');
    const here = await ada.evaluate(() => new Promise((done) => {
      window.signIn();
      window.withoutData = true;
      window.echo.join('session.2').here(done);
    }));
    assert.deepEqual(here, [{ id: '1', name: 'Ada' }]);
    const heard = ada.evaluate(() => new Promise((done) => {
      window.echo.connector.pusher.user.bind('App\\Events\\NewUpdate', done);
    }));
    await ada.waitForFunction(() => window.echo.connector.pusher.user.serverToUserChannel?.subscribed);
    await dispatch(fixture.url, 'NewUpdate', '#server-to-user-1', { text: 'for Ada' });
    assert.deepEqual(await heard, { text: 'for Ada' });
    noRequests();
    await ada.context().close();
  });

  test('a page of another origin is turned away for good, and the log names the setting', async () => {
    const page = await visit(browser, `http://localhost:${fixture.port}/?host=127.0.0.1`, 'ada');
    await page.waitForFunction(() => window.echo.connector.pusher.connection.state === 'disconnected');
    assert.deepEqual(await page.evaluate(() => window.errors), [4009]);
    await fixture.logged('the origin and the setting', (r) => /AllowedOrigins/.test(JSON.stringify(r)) && JSON.stringify(r).includes(`http://localhost:${fixture.port}`));
    await page.context().close();
  });
});
