// The remote tests that the Node server SDK publishes in its npm package, run
// unmodified. They call a live HTTP API, directly and through a proxy.

import { createRequire } from 'node:module';
import { readdir } from 'node:fs/promises';
import path from 'node:path';

import Mocha from 'mocha';

import { start } from '../harness/fixture.mjs';
import * as tally from '../harness/tally.mjs';

const WANTED = 7; // tests in pusher 5.3.4

const tests = path.join(path.dirname(createRequire(import.meta.url).resolve('pusher/package.json')), 'tests/remote/pusher');
const fixture = await start();
process.env.PUSHER_URL = `http://app-key:app-secret@127.0.0.1:${fixture.port}/apps/1001`;

const mocha = new Mocha({ reporter: 'spec', timeout: 10_000, color: false });
for (const file of (await readdir(tests)).sort()) mocha.addFile(path.join(tests, file));
const count = { passed: 0, failed: 0 };
const runner = await new Promise((resolve) => {
  const r = mocha.run(() => resolve(r));
  r.on('pass', () => count.passed++);
  r.on('fail', () => count.failed++);
  r.on('pending', () => count.failed++);
});
runner.dispose();
if (count.passed + count.failed < WANTED) {
  console.log(`only ${count.passed + count.failed} of ${WANTED} tests ran`);
  count.failed += WANTED - count.passed - count.failed;
}
await fixture.close();
tally.print(count);
process.exitCode = count.failed === 0 ? 0 : 1;
