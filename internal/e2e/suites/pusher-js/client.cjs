// The client class under test, which in the package is its own: the specs
// choose Pusher's clusters, and this sends them to the fixture instead.
const Pusher = require('core/pusher').default;

const { host, port, tlsPort } = JSON.parse(process.env.E2E_PUSHER_JS);

module.exports = class extends Pusher {
  constructor(key, options) {
    super(key, { ...options, wsHost: host, wsPort: port, wssPort: tlsPort });
  }
};
