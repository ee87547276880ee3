import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import esbuild from 'esbuild';
import { chromium } from 'playwright-core';

const pages = fileURLToPath(new URL('../pages/', import.meta.url));

// launch starts Debian's Chromium with a new profile. Whatever would call home
// is switched off.
export function launch() {
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: [
      '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
      '--disable-background-networking', '--disable-component-update', '--disable-sync',
    ],
  });
}

// site creates a directory with the given HTML files. Its bundle function adds
// an entry of ../pages, bundled with the given Vite variables.
export async function site(html, env = {}) {
  const dir = await mkdtemp(path.join(os.tmpdir(), 'pages-'));
  for (const [name, text] of Object.entries(html)) await writeFile(path.join(dir, name), text);
  return {
    dir,
    remove: () => rm(dir, { recursive: true, force: true }),
    bundle: (entry, vite = env) => esbuild.build({
      entryPoints: [path.join(pages, entry)],
      outfile: path.join(dir, `${path.parse(entry).name}.js`),
      bundle: true,
      format: 'iife',
      jsx: 'automatic',
      logLevel: 'error',
      define: { 'import.meta.env': JSON.stringify(vite), 'process.env.NODE_ENV': '"development"' },
    }),
  };
}

// visit opens a page in a new window, as the named user.
export async function visit(browser, url, user) {
  const context = await browser.newContext({ ignoreHTTPSErrors: url.startsWith('https:') });
  if (user) await context.addCookies([{ name: 'user', value: user, url }]);
  const page = await context.newPage();
  const console_ = [];
  page.on('console', (message) => {
    console_.push(message.text());
    console.log(`    page of ${user}: ${message.text()}`);
  });
  page.on('pageerror', (error) => console.log(`    page of ${user}: ${error.stack}`));
  page.setDefaultTimeout(15_000);
  await page.goto(url);
  return Object.assign(page, { console: console_ });
}
