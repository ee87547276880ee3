// Runs each suite in a process of its own and adds up their counts. The output
// of a suite is kept in results/<suite>.log, and printed if the suite fails.

import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import * as tally from './tally.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const results = path.join(root, 'results');
const LIMIT = 240_000; // ms for one suite

const script = (file) => [path.join(root, 'suites', file)];
// Some versions of pusher-js leave timers behind, so the process is made to
// exit when the tests end.
const tests = (file) => ['--test-force-exit', `--test-reporter=${path.join(root, 'harness/reporter.mjs')}`, path.join(root, 'suites', file)];

// pusher-js's specs spend most of their time waiting, so they run in a lane of
// their own, while the other suites run one after the other in a second lane.
const lanes = [
  {
    'pusher-js': script('pusher-js/suite.mjs'),
  },
  {
    echo: tests('echo.test.mjs'),
    restart: tests('restart.test.mjs'),
    authorisation: tests('authorisation.test.mjs'),
    behaviours: tests('behaviours.test.mjs'),
    sdk: tests('sdk.test.mjs'),
    prefix: tests('prefix.test.mjs'),
    serve: tests('serve.test.mjs'),
    'sdk-remote': script('sdk-remote.mjs'),
    frameworks: tests('frameworks.test.mjs'),
    shim: tests('shim.test.mjs'),
    'shim-classes': tests('shim-classes.test.mjs'),
    studyplanner: tests('studyplanner.test.mjs'),
  },
];

async function run(name, args) {
  const file = path.join(results, `${name}.log`);
  const log = createWriteStream(file);
  const began = Date.now();
  // The suite gets a process group, so that whatever it starts ends with it.
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const timer = setTimeout(() => process.kill(-child.pid, 'SIGKILL'), LIMIT);
  const code = await new Promise((resolve) => {
    child.on('error', () => resolve(-1));
    child.on('close', (status) => resolve(status ?? -1));
  });
  clearTimeout(timer);
  await new Promise((resolve) => log.end(resolve));
  const output = await readFile(file, 'utf8');
  const count = tally.parse(output) ?? { passed: 0, failed: 1 };
  if (code !== 0 && count.failed === 0) count.failed = 1;
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  console.log(`e2e ${name}: ${count.passed} passed, ${count.failed} failed in ${seconds} s${code === 0 ? '' : ` (exit ${code})`}`);
  if (count.failed > 0) console.log(output.replace(/^/gm, '  '));
  return count;
}

const wanted = process.argv.slice(2);
const known = lanes.flatMap((lane) => Object.keys(lane));
for (const name of wanted) {
  if (!known.includes(name)) {
    console.log(`there is no suite ${name}; there are ${known.join(', ')}`);
    process.exit(2);
  }
}
if (wanted.length === 0) await rm(results, { recursive: true, force: true });
await mkdir(results, { recursive: true });
const counts = await Promise.all(lanes.map(async (lane) => {
  const sum = [];
  for (const [name, args] of Object.entries(lane)) {
    if (wanted.length === 0 || wanted.includes(name)) sum.push(await run(name, args));
  }
  return sum;
}));
const total = counts.flat().reduce((a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed }), { passed: 0, failed: 0 });
tally.print(total);
process.exit(total.failed > 0 || total.passed === 0 ? 1 : 0);
