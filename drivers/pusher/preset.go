package pusher

import (
	"errors"
	"strings"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

// Reverb returns the Config for a Laravel Reverb server at the host, with the
// port unless it is the scheme's own. Set Insecure for one without TLS, which
// by default listens on port 8080. Unless told otherwise Reverb takes no
// request of more than 10,000 bytes with its headers, so batches are kept below
// that; a single event over it is answered with 413.
func Reverb(app auth.App, host string) Config {
	return Config{
		App: app, Host: host, BatchBytes: 9_000,
		Limits: broadcast.Limits{ChannelName: channel.MaxNameLength},
	}
}

// Soketi returns the Config for a soketi server at the host, with the port
// unless it is the scheme's own. Set Insecure for one without TLS, which by
// default listens on port 6001. The limits are soketi's own defaults: 100
// kilobytes of data.
func Soketi(app auth.App, host string) Config {
	return Config{
		App: app, Host: host,
		Limits: broadcast.Limits{Payload: 100 << 10, ChannelName: channel.MaxNameLength},
	}
}

// Ably returns the Config for Ably's Pusher adapter, which has to be enabled in
// the settings of the Ably app. The key is Ably's "appid.keyid:secret". The
// adapter's documents promise no batches, so each message is a request, and no
// user channels.
func Ably(key string) (Config, error) {
	name, secret, _ := strings.Cut(key, ":")
	id, keyID, _ := strings.Cut(name, ".")
	if id == "" || keyID == "" || secret == "" {
		return Config{}, errors.New(`pusher: the Ably key is not of the form "appid.keyid:secret"`)
	}
	return Config{
		App:    auth.App{ID: id, Key: name, Secret: secret},
		Host:   "rest-pusher.ably.io",
		Limits: broadcast.Limits{Batch: 1, ChannelName: channel.MaxNameLength},

		clientHost: "realtime-pusher.ably.io",
	}, nil
}
