// examples/studyplanner as two people see it, in two windows. Screenshots of
// what they see are kept in results/.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once as event } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { launch } from '../harness/browser.mjs';
import { until } from '../harness/until.mjs';

const results = fileURLToPath(new URL('../results/', import.meta.url));

// freePort returns a port that is not in use.
async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await event(server, 'listening');
  const { port } = server.address();
  server.close();
  await event(server, 'close');
  return port;
}

// Program is the example, run as a reader would run it.
class Program {
  constructor(port, data) {
    this.data = data;
    this.address = `127.0.0.1:${port}`;
    this.url = `http://${this.address}`;
  }

  async start() {
    const { PATH, HOME } = process.env; // without BROADCAST_CONNECTION and the like
    this.child = spawn(process.env.E2E_STUDYPLANNER, ['-addr', this.address, '-data', this.data], { stdio: ['ignore', 'pipe', 'pipe'], env: { PATH, HOME } });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (text) => console.log(`    program: ${String(text).trimEnd()}`));
    await until('the program to serve', () => {
      assert.equal(this.child.exitCode, null, 'the program ended');
      return fetch(this.url).then((r) => r.ok, () => false);
    });
  }

  async end(signal) {
    if (this.child?.exitCode !== null || this.child.signalCode !== null) return this.child?.exitCode;
    const ended = event(this.child, 'exit');
    this.child.kill(signal);
    return (await ended)[0];
  }
}

describe('study planner', () => {
  let dir;
  let program;
  let browser;
  let context;
  let mentor;
  let student;
  const errors = [];

  // open opens a window. All windows belong to one browser and share its
  // cookies.
  async function open(who) {
    const page = await context.newPage();
    page.setDefaultTimeout(15_000);
    page.on('console', (m) => console.log(`    ${who}: ${m.text()}`));
    page.on('pageerror', (e) => errors.push(`${who}: ${e.stack}`));
    page.on('request', (r) => {
      if (!new URL(r.url()).host.startsWith('127.0.0.1') && !r.url().startsWith('data:')) errors.push(`${who} asks for ${r.url()}`);
    });
    await page.goto(program.url);
    return page;
  }
  const picture = (page, name) => page.screenshot({ path: path.join(results, `studyplanner-${name}.png`), fullPage: true });
  const connected = (page, patience) => until('the page to be connected', async () => (await page.getAttribute('#state', 'data-state')) === 'connected', patience);
  const text = (page, selector) => page.locator(selector).allInnerTexts();
  const shows = (page, selector, wanted) => until(`${selector} to show ${wanted}`, async () => (await text(page, selector)).some((t) => t.includes(wanted)));

  async function login(page, name, role) {
    await page.waitForSelector('#login:not([hidden])');
    await page.fill('#loginForm input[name=name]', name);
    await page.check(`#loginForm input[value=${role}]`);
    await Promise.all([page.waitForEvent('load'), page.click('#loginForm button')]);
    await connected(page);
  }

  async function startSession(subject) {
    await student.selectOption('#startForm select[name=mentor]', { label: 'Mary' });
    await student.fill('#startForm input[name=subject]', subject);
    await student.click('#startForm button');
  }

  before(async () => {
    await mkdir(results, { recursive: true });
    dir = await mkdtemp(path.join(os.tmpdir(), 'studyplanner-'));
    program = new Program(await freePort(), path.join(dir, 'data.json'));
    await program.start();
    browser = await launch();
    context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    [mentor, student] = [await open('mentor'), await open('student')];
  });
  after(async () => {
    await browser?.close();
    await program?.end('SIGKILL');
    if (dir) await rm(dir, { recursive: true });
  });

  test('two people log in by name', async () => {
    await picture(mentor, '1-login');
    await login(student, 'Sam', 'student');
    // There is nobody to study with yet. When a mentor arrives, the page hears
    // of it.
    assert.ok(await student.isVisible('#noMentors'));
    await login(mentor, 'Mary', 'mentor');
    await student.waitForSelector('#startForm option', { state: 'attached' });
    await picture(student, '2-student');
    await picture(mentor, '2-mentor');
  });

  test('the student starts a session and the mentor’s window shows it', async () => {
    await startSession('Fractions');
    await shows(mentor, '#sessions li', 'Fractions');
    await shows(mentor, '#log li', 'session.started');
    await picture(mentor, '3-session');
  });

  test('presence: joining', async () => {
    await shows(student, '#people li', 'Sam');
    await mentor.click('#sessions li button');
    await shows(mentor, '#people li', 'Sam');
    await shows(mentor, '#people li', 'Mary');
    await shows(student, '#people li', 'Mary');
  });

  test('a whisper', async () => {
    await student.locator('#messageForm input').pressSequentially('Is 3/6 the same as 1/2?');
    await shows(mentor, '#typing', 'Sam is typing');
    await picture(mentor, '4-typing');
  });

  test('a message to others', async () => {
    await student.click('#messageForm button');
    await shows(mentor, '#chat li', 'Is 3/6 the same as 1/2?');
    await mentor.fill('#messageForm input', 'It is.');
    await mentor.click('#messageForm button');
    await shows(student, '#chat li', 'It is.');
    // Each message appears once: the sender’s page shows its own and is left
    // out.
    assert.equal((await text(student, '#chat li')).length, 2);
    assert.equal((await text(mentor, '#chat li')).length, 2);
  });

  test('an encrypted note', async () => {
    await mentor.click('#mentorTools summary');
    const sealed = [];
    const session = await context.newCDPSession(student);
    await session.send('Network.enable');
    session.on('Network.webSocketFrameReceived', ({ response }) => sealed.push(response.payloadData));
    await mentor.fill('#noteForm input', 'Sam does well.');
    await mentor.click('#noteForm button');
    await shows(student, '#noteText', 'Sam does well.');
    assert.equal(sealed.some((frame) => frame.includes('Sam does well.')), false, 'the note travelled in the clear');
  });

  test('a notification', async () => {
    await mentor.fill('#homeworkForm input', 'Page 7, all of it');
    await mentor.click('#homeworkForm button');
    await shows(student, '.toast', 'Page 7, all of it');
    await picture(student, '5-notified');
    await picture(mentor, '5-mentor');
  });

  test('presence: leaving', async () => {
    const opened = student.waitForEvent('popup');
    await student.evaluate((url) => { window.open(url); }, program.url);
    const tab = await opened;
    await connected(tab);
    await student.goto('about:blank');
    await until('Sam to leave', async () => !(await text(mentor, '#people li')).some((t) => t.includes('Sam')));
    await tab.close();
    await student.goto(program.url);
    await connected(student);
    await student.click('#sessions li button');
    await shows(mentor, '#people li', 'Sam');
  });

  async function backAndWorking(sockets, subject) {
    for (const [i, page] of [mentor, student].entries()) {
      await until('the page to have another socket', async () => ![sockets[i], undefined].includes(await socket(page)), 60_000);
      await connected(page);
    }
    await student.waitForSelector('#startForm option', { state: 'attached' });
    await startSession(subject);
    await shows(mentor, '#sessions li', subject);
    await shows(mentor, '#log li', 'session.started');
  }
  const socket = (page) => page.evaluate(() => window.echo.socketId());

  test('the program is shut down and started again', async () => {
    const sockets = [await socket(mentor), await socket(student)];
    assert.equal(await program.end('SIGTERM'), 0);
    await program.start();
    await backAndWorking(sockets, 'After a restart');
    await picture(mentor, '6-restarted');
  });

  test('the program is killed, stays away for a while, and is started again', async () => {
    const sockets = [await socket(mentor), await socket(student)];
    await program.end('SIGKILL');
    for (const page of [mentor, student]) {
      await until('the page to notice', async () => (await page.getAttribute('#state', 'data-state')) !== 'connected');
    }
    await picture(mentor, '7-away');
    await program.start();
    await backAndWorking(sockets, 'After a crash');
    await picture(mentor, '8-back');
  });

  test('logging out', async () => {
    await Promise.all([student.waitForEvent('load'), student.click('#logout button')]);
    await student.waitForSelector('#login:not([hidden])');
  });

  test('no page ran into an error or asked for anything from elsewhere', () => {
    assert.deepEqual(errors, []);
  });
});
