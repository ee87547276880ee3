// A reporter for node:test. It prints a line for each test, and the count at
// the end. A test that is skipped or marked as todo counts as failed, and so
// does a file without tests.

import { writeSync } from 'node:fs';

let passed = 0;
let failed = 0;

// With --test-force-exit, asynchronous output would be lost.
process.on('exit', () => {
  if (passed + failed === 0) failed = 1;
  if (failed > 0) process.exitCode = 1;
  writeSync(1, `\n${passed} passed, ${failed} failed\n`);
});

export default async function* report(events) {
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    const error = data.details?.error;
    const suite = data.details?.type === 'suite';
    const idle = data.skip !== undefined || data.todo !== undefined;
    const ok = type === 'test:pass' && !idle;
    // A suite counts only if it is skipped or fails by itself, as in a hook.
    if (!suite || idle || (!ok && error?.failureType !== 'subtestsFailed')) ok ? passed++ : failed++;
    const took = suite ? '' : ` (${Math.round(data.details?.duration_ms ?? 0)} ms)`;
    yield `${'  '.repeat(data.nesting)}${ok ? 'ok' : 'FAILED'} ${data.name}${took}${idle ? ', skipped' : ''}\n`;
    if (error && !['subtestsFailed', 'cancelledByParent'].includes(error?.failureType)) yield `${error?.cause?.stack ?? error?.stack ?? error}\n`;
  }
}
