// The client class under test. In the package it is the package's own. The
// specs choose Pusher's clusters, and this class sends them to the fixture
// instead.
const Pusher = require('core/pusher').default;

const { host, port, tlsPort } = JSON.parse(process.env.E2E_PUSHER_JS);

module.exports = class extends Pusher {
  constructor(key, options) {
    super(key, { ...options, wsHost: host, wsPort: port, wssPort: tlsPort });
  }
};
