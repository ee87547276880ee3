// @laravel/echo-react and @laravel/echo-vue in Chromium: the same small page
// written with each.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';

import { launch, site, visit } from '../harness/browser.mjs';
import { dispatch, start } from '../harness/fixture.mjs';
import { until } from '../harness/until.mjs';

const frameworks = { React: 'react.jsx', Vue: 'vue.js' };

// Both run at the same time, because most of it is waiting for the restart.
describe('frameworks', { concurrency: true }, () => {
  for (const [framework, entry] of Object.entries(frameworks)) describe(framework, { concurrency: false }, () => {
    let browser;
    let files;
    let fixture;
    let ada;
    before(async () => {
      const script = entry.replace(/\.\w+$/, '.js');
      files = await site({ 'index.html': `<!doctype html><title>${framework}</title><div id="root"></div><script src="${script}"></script>` });
      fixture = await start('-pages', files.dir);
      await files.bundle(entry, {
        VITE_REVERB_APP_KEY: 'app-key', VITE_REVERB_HOST: '127.0.0.1', VITE_REVERB_PORT: String(fixture.port), VITE_REVERB_SCHEME: 'http',
      });
      browser = await launch();
      ada = await visit(browser, fixture.url, 'ada');
      await shows(ada, '#status', 'connected');
      await shows(ada, '#people', 'Ada'); // the last of its subscriptions
    });
    after(async () => {
      await browser?.close();
      await fixture?.close();
      await files?.remove();
    });

    const shows = (page, selector, text) => until(`${selector} to show ${text}`, async () => (await page.textContent(selector)) === text);
    const heard = (page) => page.locator('#heard li').allTextContents();
    // hears waits until the page shows exactly these events, and none twice.
    async function hears(page, ...wanted) {
      await until(`the page to hear ${wanted}`, async () => (await heard(page)).length >= wanted.length);
      assert.deepEqual(await heard(page), wanted);
    }

    test('events on public, private and presence channels, a notification, a model', async () => {
      const send = (event, channel, fields) => dispatch(fixture.url, event, channel, fields);
      await send('SessionStarted', 'mentor.1', { studentName: 'Ben' });
      await send('SessionStarted', 'private-mentor.1', { studentName: 'Ben' });
      await send('NewUpdate', 'private-mentor.1', { text: 'more' });
      await send('SessionStarted', 'presence-session.9', { studentName: 'Ben' });
      await send('HomeworkGiven', 'private-App.Models.User.1', { title: 'Page 7' });
      await send('TaskUpdated', 'private-App.Models.Task.5', { id: 5, title: 'Fractions' });
      await hears(ada, 'public Ben', 'private Ben', 'private more', 'presence Ben', 'notification Page 7', 'model Fractions');
    });

    test('joining, a whisper, leaving by unmounting and by closing the window', async () => {
      const before = await heard(ada);
      const ben = await visit(browser, fixture.url, 'ben');
      await shows(ben, '#people', 'Ada, Ben');
      await shows(ada, '#people', 'Ada, Ben');
      await ben.click('#whisper');
      await hears(ada, ...before, 'whisper somebody');
      await ben.click('#toggle');
      await shows(ada, '#people', 'Ada');
      await ben.click('#toggle');
      await shows(ada, '#people', 'Ada, Ben');
      await ben.context().close();
      await shows(ada, '#people', 'Ada');
    });

    test('the socket id, and to others', async () => {
      const before = await heard(ada);
      assert.match(await ada.textContent('#socket'), /^\d+\.\d+$/);
      const ben = await visit(browser, fixture.url, 'ben');
      await shows(ben, '#people', 'Ada, Ben');
      await ada.click('#others');
      await hears(ben, 'public others only');
      await dispatch(fixture.url, 'SessionStarted', 'mentor.1', { studentName: 'all' });
      await hears(ada, ...before, 'public all');
      await ben.context().close();
    });

    test('the connection’s status through a restart', async () => {
      const before = await heard(ada);
      const socket = await ada.textContent('#socket');
      const statuses = await ada.evaluateHandle(() => {
        const seen = [];
        new MutationObserver(() => seen.push(document.querySelector('#status').textContent)).observe(document.querySelector('#status'), { characterData: true, subtree: true, childList: true });
        return seen;
      });
      await fixture.stop();
      await fixture.start();
      await until('the page to have another socket', async () => ![socket, ''].includes(await ada.textContent('#socket')), 60_000);
      await shows(ada, '#status', 'connected');
      assert.deepEqual(await statuses.jsonValue(), ['connecting', 'connected']);
      await until('the subscription to be back', async () => {
        await dispatch(fixture.url, 'NewUpdate', 'private-mentor.1', { text: 'again' });
        return (await heard(ada)).length > before.length;
      });
      assert.equal((await heard(ada))[before.length], 'private again');
    });
  });
});
