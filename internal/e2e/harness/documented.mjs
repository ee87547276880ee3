import { readFile } from 'node:fs/promises';

// documented returns the JavaScript module that begins with the given line in
// the documentation of a Go package, so that the tests run what users copy.
export async function documented(file, begin) {
  const lines = (await readFile(new URL(`../../../${file}`, import.meta.url), 'utf8')).split('\n');
  const first = lines.indexOf(`//\t${begin}`);
  const last = lines.indexOf('//\t}', first);
  if (first < 0 || last < 0) throw new Error(`${file} no longer documents “${begin}”`);
  const code = lines.slice(first, last + 1).map((line) => line.replace(/^\/\/\t?/, '')).join('\n');
  return import(`data:text/javascript,${encodeURIComponent(code)}`);
}
