// A front end written for Pusher's cloud reaches this server with one script
// tag, over plain HTTP and over TLS.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, site, visit } from '../harness/browser.mjs';
import { dispatch, start } from '../harness/fixture.mjs';
import { until } from '../harness/until.mjs';

const started = { sessionId: '9', studentName: 'Ben' };

let browser;
let files;
let fixture;
before(async () => {
  files = await site({
    'index.html': `<!doctype html><title>Cloud</title><meta name="csrf-token" content="t0ken">
      <script src="/broadcasting/echo-shim.js"></script><script src="cloud.js"></script>`,
  });
  await files.bundle('cloud.js', { VITE_PUSHER_APP_KEY: 'app-key', VITE_PUSHER_APP_CLUSTER: 'eu' });
  fixture = await start('-pages', files.dir);
  browser = await launch();
});
after(async () => {
  await browser?.close();
  await fixture?.close();
  await files?.remove();
});

for (const scheme of ['http', 'https']) {
  describe(`a page for Pusher’s cluster eu, served over ${scheme}`, () => {
    let ada;
    let requests;
    before(async () => {
      const context = await browser.newContext({ ignoreHTTPSErrors: true });
      await context.addCookies([{ name: 'user', value: 'ada', url: scheme === 'http' ? fixture.url : fixture.tlsURL }]);
      ada = await context.newPage();
      requests = [];
      ada.on('request', (r) => requests.push(r.url()));
      ada.on('websocket', (w) => requests.push(w.url()));
      ada.on('console', (m) => console.log(`    page: ${m.text()}`));
      await ada.goto(scheme === 'http' ? fixture.url : fixture.tlsURL);
      await ada.waitForFunction(() => window.people.length === 1);
    });
    after(() => ada?.context().close());

    test('it connects here and nowhere else', () => {
      const port = scheme === 'http' ? fixture.port : fixture.tlsPort;
      const sockets = requests.filter((url) => /^wss?:/.test(url));
      assert.equal(sockets.length, 1);
      assert.ok(sockets[0].startsWith(`${scheme === 'http' ? 'ws' : 'wss'}://127.0.0.1:${port}/app/app-key?`), sockets[0]);
      assert.deepEqual(requests.filter((url) => new URL(url).port !== String(port)), []);
    });

    test('public and private mentor.1 are two channels', async () => {
      const heard = () => ada.evaluate(() => window.heard);
      await dispatch(fixture.url, 'SessionStarted', 'mentor.1', started);
      await until('the public event', async () => (await heard()).length > 0);
      await dispatch(fixture.url, 'SessionStarted', 'private-mentor.1', started);
      await until('the private event', async () => (await heard()).length > 1);
      assert.deepEqual(await heard(), [['public', started], ['private', started]]);
    });

    test('here, joining and leaving', async () => {
      const names = () => ada.evaluate(() => window.people.map((p) => p.name).sort().join());
      assert.equal(await names(), 'Ada');
      const ben = await visit(browser, fixture.url, 'ben');
      await until('Ben to join', async () => (await names()) === 'Ada,Ben');
      await ben.context().close();
      await until('Ben to leave', async () => (await names()) === 'Ada');
    });
  });
}

test('an event for the public mentor.1 while only the private one has listeners: the log says so', async () => {
  const ada = await visit(browser, fixture.url, 'ada');
  await ada.waitForFunction(() => window.people.length === 1);
  const hint = (r) => r.level === 'WARN' && JSON.stringify(r).includes('private-mentor.1');
  assert.equal(fixture.log.find(hint), undefined);
  await ada.evaluate(() => window.echo.leaveChannel('mentor.1'));
  await until('the hint', async () => {
    await dispatch(fixture.url, 'SessionStarted', 'mentor.1', started);
    return fixture.log.some(hint);
  });
  assert.deepEqual(await ada.evaluate(() => window.heard.filter(([kind]) => kind === 'private')), []);
  await ada.context().close();
});
