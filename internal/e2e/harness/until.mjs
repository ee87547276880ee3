// Nothing in these tests sleeps for a while and hopes: they wait for what they
// need, and say what it was when it does not come.

const PATIENCE = 15_000;

// until resolves with the first truthy value of condition, which may be async.
export async function until(what, condition, patience = PATIENCE) {
  const deadline = Date.now() + patience;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > deadline) throw new Error(`waited ${patience} ms for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

// once resolves with what a callback is called with: once('greeting', (got) => channel.bind('hi', got)).
export function once(what, subscribe, patience = PATIENCE) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`waited ${patience} ms for ${what}`)), patience);
    subscribe((value) => {
      clearTimeout(timer);
      resolve(value);
    });
  });
}
