// Bundles the integration specs that pusher-js publishes in its npm package,
// like the package's own webpack configuration for Node. Nothing is edited: the
// specs reach the fixture through the modules that they are configured with.

import { cp, readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import esbuild from 'esbuild';

const here = path.dirname(fileURLToPath(import.meta.url));
const modules = path.resolve(here, '../../node_modules');
const { version } = createRequire(import.meta.url)('pusher-js/package.json');

// bundle writes the bundled specs into the directory and returns the path of
// the file. It first copies the sources there: inside node_modules, esbuild
// would apply the rules for installed packages and resolve other files than
// webpack.
export async function bundle(dir) {
  for (const part of ['src', 'spec']) {
    await cp(path.join(modules, 'pusher-js', part), path.join(dir, part), { recursive: true });
  }
  const spec = path.join(dir, 'spec/javascripts');
  const outfile = path.join(dir, 'integration.cjs');
  await esbuild.build({
    entryPoints: [path.join(spec, 'integration/index.node.js')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    logLevel: 'error',
    tsconfigRaw: {},
    resolveExtensions: ['.ts', '.js'],
    nodePaths: ['src', 'src/runtimes', 'src/runtimes/node', 'spec/javascripts/helpers'].map((p) => path.join(dir, p)).concat(modules),
    alias: {
      'dom/dependencies': 'node/mock-dom-dependencies',
      'dom/dependency_loader': 'node/mock-dom-dependencies',
      pusher_integration: path.join(here, 'client.cjs'),
    },
    define: {
      VERSION: JSON.stringify(version),
      RUNTIME: '"node"',
      CDN_HTTP: '""',
      CDN_HTTPS: '""',
      DEPENDENCY_SUFFIX: '""',
      'require.context': 'specContext',
    },
    plugins: [virtual({
      testenv: { contents: 'module.exports = "node"' },
      integration: {
        contents: `module.exports = Object.assign(require('node/integration'), JSON.parse(process.env.E2E_PUSHER_JS).api)`,
        resolveDir: dir,
      },
      specContext: { contents: await specContext(path.join(spec, 'integration/core')), resolveDir: spec },
    })],
    inject: ['specContext'],
  });
  return outfile;
}

// specContext returns the source of what webpack's require.context produces for
// the folder with the specs.
async function specContext(core) {
  const keys = (await readdir(core)).map((name) => name.replace(/\.js$/, '')).filter((name) => name.endsWith('_spec')).sort();
  const entries = keys.map((key) => `${JSON.stringify(`./${key}`)}: require(${JSON.stringify(path.join(core, key))})`);
  return `
    export function specContext() {
      const specs = {${entries.join(', ')}};
      return Object.assign((key) => specs[key], { keys: () => Object.keys(specs) });
    }`;
}

// virtual serves modules from memory, by name.
function virtual(sources) {
  return {
    name: 'virtual',
    setup(build) {
      const filter = new RegExp(`^(${Object.keys(sources).join('|')})$`);
      build.onResolve({ filter }, ({ path: name }) => ({ path: name, namespace: 'virtual' }));
      build.onLoad({ filter: /.*/, namespace: 'virtual' }, ({ path: name }) => ({ loader: 'js', ...sources[name] }));
    },
  };
}
