// Runs the bundled specs in the order in which they are written, because they
// share their connections. suite.mjs runs it in a separate process, because
// Node reads the test authority's certificate only when it starts.

import Jasmine from 'jasmine';

import * as tally from '../../harness/tally.mjs';

const WANTED = 84; // specs in pusher-js 8.6.0, for ws and wss

const runner = new Jasmine();
const count = { passed: 0, failed: 0 };
runner.exitOnCompletion = false;
runner.randomizeTests(false);
runner.clearReporters();
runner.addReporter({
  specDone({ status, fullName, duration, failedExpectations }) {
    console.log(`${status} ${fullName} (${duration} ms)`);
    // Any other status than passed, such as pending, counts as failed.
    count[status === 'passed' ? 'passed' : 'failed']++;
    for (const { message, stack } of failedExpectations) console.log(`  ${message}\n${stack}`);
  },
});
const { overallStatus } = await runner.execute([process.argv[2]]);
if (count.passed + count.failed < WANTED) {
  console.log(`only ${count.passed + count.failed} of ${WANTED} specs ran`);
  count.failed += WANTED - count.passed - count.failed;
}
if (overallStatus !== 'passed' && count.failed === 0) count.failed = 1;
tally.print(count);
process.exit(count.failed === 0 ? 0 : 1);
