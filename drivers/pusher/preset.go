package pusher

import (
	"errors"
	"strings"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

// Reverb returns the Config for a Laravel Reverb server. The host includes the
// port, unless it is the scheme's default. For a server without TLS, set
// Insecure; Reverb's default port is then 8080. Unless configured otherwise,
// Reverb accepts no request of more than 10,000 bytes including headers.
// Batches are kept below that. Reverb answers a larger single event with 413.
func Reverb(app auth.App, host string) Config {
	return Config{
		App: app, Host: host, BatchBytes: 9_000,
		Limits: broadcast.Limits{ChannelName: channel.MaxNameLength},
	}
}

// Soketi returns the Config for a soketi server. The host includes the port,
// unless it is the scheme's default. For a server without TLS, set Insecure;
// soketi's default port is then 6001. The limit for data is soketi's default of
// 100 kilobytes (102,400 bytes).
func Soketi(app auth.App, host string) Config {
	return Config{
		App: app, Host: host,
		Limits: broadcast.Limits{Payload: 100 << 10, ChannelName: channel.MaxNameLength},
	}
}

// Ably returns the Config for Ably's Pusher adapter, which must be enabled in
// the settings of the Ably app. The key is Ably's and has the form
// "appid.keyid:secret". The adapter's documentation does not promise batches, so
// each message is sent in a request of its own. It does not promise user
// channels either.
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
