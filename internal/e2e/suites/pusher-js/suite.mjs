// pusher-js's own integration specs, for ws and wss, against the fixture.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { start } from '../../harness/fixture.mjs';
import { bundle } from './bundle.mjs';

const dir = await mkdtemp(path.join(os.tmpdir(), 'pusher-js-'));
const fixture = await start('-application', 'pusherjs');
try {
  const authority = path.join(dir, 'authority.pem');
  await writeFile(authority, fixture.authority);
  const specs = spawn(process.execPath, [fileURLToPath(new URL('jasmine.mjs', import.meta.url)), await bundle(dir)], {
    stdio: 'inherit',
    env: {
      ...process.env,
      NODE_EXTRA_CA_CERTS: authority,
      E2E_PUSHER_JS: JSON.stringify({
        host: 'localhost',
        port: fixture.port,
        tlsPort: fixture.tlsPort,
        api: { API_URL: `${fixture.url}/mt1`, API_EU_URL: `${fixture.url}/eu` },
      }),
    },
  });
  const [code] = await once(specs, 'exit');
  process.exitCode = code ?? 1;
} finally {
  await fixture.close();
  await rm(dir, { recursive: true, force: true });
}
