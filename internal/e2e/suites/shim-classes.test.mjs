// The shim with every stock build of pusher-js, without a browser: which socket
// each way of constructing a Pusher opens, and what remains of the class.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import vm from 'node:vm';

const read = (path) => readFileSync(new URL(path, import.meta.url), 'utf8');
const build = (name, file) => read(`../node_modules/${name}/dist/web/${file}.js`);
const shim = (prefix = '') => read('../../../server/shim.js').replace("'PREFIX'", JSON.stringify(prefix));

const builds = [
  ['pusher-js', 'pusher'],
  ['pusher-js', 'pusher-with-encryption'],
  ['pusher-js-7', 'pusher'],
  ['pusher-js-7', 'pusher-with-encryption'],
  ['pusher-js-4', 'pusher'],
];

// page has just as much of a browser's window as pusher-js needs to open a
// socket.
function page({ location = 'http://planner.test:8080/', script = '/broadcasting/echo-shim.js', dataset = {} } = {}) {
  const sockets = [];
  const waiting = [];
  class WebSocket {
    constructor(url) {
      waiting.length > 0 ? waiting.shift()(url) : sockets.push(url);
    }
    send() {}
    close() {}
  }
  const url = new URL(location);
  const window = {
    WebSocket,
    URL,
    location: url,
    document: {
      baseURI: location,
      location: url,
      body: {},
      currentScript: script && { src: new URL(script, location).href, dataset },
      createElement: () => ({}),
      getElementsByTagName: () => [],
    },
    console: { info() {}, log() {}, warn() {}, error() {} },
    crypto: globalThis.crypto,
    navigator: { onLine: true },
    XMLHttpRequest: class {},
    addEventListener() {},
    setTimeout,
    clearTimeout,
    setInterval: () => 0,
    clearInterval() {},
  };
  window.window = window.self = window;
  vm.createContext(window);
  return {
    run: (code) => vm.runInContext(code, window),
    socket: () => (sockets.length > 0 ? sockets.shift() : new Promise((resolve) => waiting.push(resolve))),
  };
}

const cloud = `{ cluster: 'eu', forceTLS: true, encrypted: true }`;

for (const [name, file] of builds) {
  describe(`${name}/${file}`, () => {
    const shimmed = (options) => {
      const p = page(options);
      p.run(shim());
      p.run(build(name, file));
      return p;
    };

    test('goes to the server that the script came from', async () => {
      const p = shimmed();
      p.run(`var pusher = new Pusher('key', ${cloud})`);
      assert.match(await p.socket(), /^ws:\/\/planner\.test:8080\/app\/key\?protocol=7&/);
    });

    test('with TLS and its port if the script did', async () => {
      const p = shimmed({ location: 'https://planner.test/' });
      p.run(`var pusher = new Pusher('key', ${cloud})`);
      assert.match(await p.socket(), /^wss:\/\/planner\.test:443\/app\/key\?/);
    });

    test('a page may assign the class itself, and is given the same one', async () => {
      const p = shimmed();
      p.run(`var first = window.Pusher; window.Pusher = window.Pusher; var second = window.Pusher;`);
      assert.equal(p.run('first === second'), true);
      p.run(`var pusher = new window.Pusher('key', ${cloud})`);
      assert.match(await p.socket(), /^ws:\/\/planner\.test:8080\//);
    });

    test('a subclass is redirected and stays one', async () => {
      const p = shimmed();
      p.run(`class Mine extends Pusher { greet() { return 'hello'; } }; var mine = new Mine('key', ${cloud})`);
      assert.match(await p.socket(), /^ws:\/\/planner\.test:8080\//);
      assert.equal(p.run('mine instanceof Mine && mine instanceof Pusher && mine.greet()'), 'hello');
    });

    test('static members and instances are those of the class', () => {
      const p = shimmed();
      p.run(`var lines = []; Pusher.log = (line) => lines.push(line); var pusher = new Pusher('key', ${cloud})`);
      assert.ok(p.run('lines.length') > 0, 'what is set on the class reaches the library');
      assert.equal(p.run('Pusher.instances[0] === pusher && pusher instanceof Pusher'), true);
      assert.equal(p.run('typeof Pusher.Runtime.getWebSocketAPI'), 'function');
    });

    test('without the shim it would be the cloud', async () => {
      const p = page();
      p.run(build(name, file));
      p.run(`var pusher = new Pusher('key', ${cloud})`);
      assert.match(await p.socket(), /^wss:\/\/ws-eu\.pusher\.com:443\//);
    });
  });
}

describe('the tag', () => {
  test('names another server and key', async () => {
    const p = page({ location: 'https://planner.test/', dataset: { url: 'https://ws.planner.test:6001/realtime/', key: 'other' } });
    p.run(shim('/unused'));
    p.run(build('pusher-js', 'pusher'));
    p.run(`var pusher = new Pusher('key', ${cloud})`);
    assert.match(await p.socket(), /^wss:\/\/ws\.planner\.test:6001\/realtime\/app\/other\?/);
  });

  test('may come after pusher-js', async () => {
    const p = page();
    p.run(build('pusher-js', 'pusher'));
    p.run(shim());
    p.run(`var pusher = new Pusher('key', ${cloud})`);
    assert.match(await p.socket(), /^ws:\/\/planner\.test:8080\//);
  });

  test('is not there: the origin of the page', async () => {
    const p = page({ location: 'http://planner.test:9000/deep/page', script: null });
    p.run(shim());
    p.run(build('pusher-js', 'pusher'));
    p.run(`var pusher = new Pusher('key', ${cloud})`);
    assert.match(await p.socket(), /^ws:\/\/planner\.test:9000\/app\//);
  });
});

describe('laravel-echo', () => {
  test('written for the cloud, on a server below a prefix', async () => {
    const p = page();
    p.run(shim('/realtime'));
    p.run(build('pusher-js', 'pusher'));
    p.run(read('../node_modules/laravel-echo/dist/echo.iife.js'));
    p.run(`var echo = new (Echo.default ?? Echo)({ broadcaster: 'pusher', key: 'key', cluster: 'eu', forceTLS: true })`);
    assert.match(await p.socket(), /^ws:\/\/planner\.test:8080\/realtime\/app\/key\?/);
  });
});
