import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

import { until } from './until.mjs';

// start starts the Go program in ../fixture. The script `run` has built it and
// set E2E_FIXTURE to its path. The program ends with this process, or on
// close().
export async function start(...args) {
  if (!process.env.E2E_FIXTURE) throw new Error('E2E_FIXTURE is not set; call internal/e2e/run, with the names of the suites you want');
  const child = spawn(process.env.E2E_FIXTURE, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const fixture = new Fixture(child);
  Object.assign(fixture, await fixture.answer());
  fixture.url = `http://127.0.0.1:${fixture.port}`;
  fixture.tlsURL = `https://127.0.0.1:${fixture.tlsPort}`;
  return fixture;
}

class Fixture {
  // log holds what the program logged, one object per record.
  log = [];

  constructor(child) {
    this.child = child;
    this.lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    createInterface(child.stderr).on('line', (line) => {
      console.log(`    fixture: ${line}`);
      try {
        this.log.push(JSON.parse(line));
      } catch {
        this.log.push({ msg: line }); // a panic, or a message of the Go runtime
      }
    });
  }

  async answer() {
    const { value, done } = await this.lines.next();
    if (done) throw new Error('the fixture ended; its log above says why');
    return JSON.parse(value);
  }

  async command(word) {
    this.child.stdin.write(`${word}\n`);
    await this.answer();
  }

  // stop shuts the server down gracefully, cut kills it, start brings it back.
  stop = () => this.command('stop');
  cut = () => this.command('cut');
  start = () => this.command('start');

  // logged waits for a log record.
  logged(what, matches) {
    return until(`the server to log ${what}`, () => this.log.find(matches));
  }

  async close() {
    this.child.stdin.end();
    if (this.child.exitCode === null) await once(this.child, 'exit');
  }
}

// dispatch makes the program dispatch an event. socketId is that of the page to
// leave out.
export async function dispatch(url, event, channel, fields, socketId) {
  const answer = await fetch(`${url}/dispatch/${event}`, {
    method: 'POST',
    headers: socketId ? { 'X-Socket-ID': socketId } : {},
    body: JSON.stringify({ channel, fields }),
  });
  if (!answer.ok) throw new Error(`dispatch of ${event}: ${answer.status} ${await answer.text()}`);
}
