// Lets a page that was written for Pusher's cloud connect to the server that
// this script came from. Put its tag before the page's own scripts:
//
//   <script src="/broadcasting/echo-shim.js"></script>
//
// data-url="https://ws.example.com:6001/prefix" on the tag names another
// server, data-key="…" another app key than the page was built with.
(function (prefix) {
  'use strict';

  var tag = document.currentScript; // null when a module or a bundler runs this
  var data = (tag && tag.dataset) || {};
  var url = new URL(data.url || (tag && tag.src) || '/', document.baseURI);
  var tls = url.protocol === 'https:' || url.protocol === 'wss:';
  var port = Number(url.port) || (tls ? 443 : 80);
  var forced = {
    wsHost: url.hostname,
    wsPort: port,
    wssPort: port,
    wsPath: data.url ? url.pathname.replace(/\/+$/, '') : prefix,
    forceTLS: tls,
    encrypted: tls, // forceTLS before pusher-js 5
    enabledTransports: ['ws', 'wss'],
    enableStats: false,
  };

  // The arguments of the constructor, with ours in the place of the page's.
  function redirect(args) {
    var options = Object.assign({ cluster: '' }, args[1], forced);
    console.info('echo-shim: Pusher connects to ' + (tls ? 'wss' : 'ws') + '://' + url.host + forced.wsPath);
    return [data.key || args[0], options].concat(Array.prototype.slice.call(args, 2));
  }

  // A proxy is the class in every other respect: its static members are read
  // and set through it, instances are instances of both, and subclasses of
  // either syntax get here when they call their parent.
  var handler = {
    construct: function (target, args, newTarget) {
      return Reflect.construct(target, redirect(args), newTarget);
    },
    apply: function (target, self, args) {
      return Reflect.apply(target, self, redirect(args));
    },
  };
  var wrapped = new WeakMap(); // of a class, and of its proxy, to its proxy

  function wrap(value) {
    if (typeof value !== 'function') return value;
    if (!wrapped.has(value)) {
      var proxy = new Proxy(value, handler);
      wrapped.set(value, proxy).set(proxy, proxy);
    }
    return wrapped.get(value);
  }

  var current = wrap(window.Pusher);
  Object.defineProperty(window, 'Pusher', {
    configurable: true,
    enumerable: true,
    get: function () {
      return current;
    },
    set: function (value) {
      current = wrap(value);
    },
  });
})('PREFIX');
