// Every suite is a program whose last line is its count. The runner adds up the
// counts and prints the sum in the same form.

const line = /^(\d+) passed, (\d+) failed$/;

export function print({ passed, failed }) {
  console.log(`${passed} passed, ${failed} failed`);
}

// parse returns the last count in the output of a program, or null.
export function parse(output) {
  const found = output.split('\n').map((l) => line.exec(l.trim())).filter(Boolean).at(-1);
  return found && { passed: Number(found[1]), failed: Number(found[2]) };
}
