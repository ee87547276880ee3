// These tests never rely on a fixed sleep. They wait for what they need, and if
// it does not come they say what it was.

const PATIENCE = 15_000;

// until resolves with the first truthy value of condition, which may be an
// async function.
export async function until(what, condition, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${patience} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// once resolves with the argument of a callback:
// once('greeting', (got) => channel.bind('hi', got)).
export function once(what, subscribe, patience = PATIENCE) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${patience} ms for ${what}`)), patience);
    subscribe((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
