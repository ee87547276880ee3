package drivers_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers"
	"github.com/onairgo/onair/drivers/log"
	"github.com/onairgo/onair/drivers/memory"
	"github.com/onairgo/onair/drivers/null"
	"github.com/onairgo/onair/drivers/pusher"
	"github.com/onairgo/onair/event"
)

// env is an environment, a variable for each line.
func env(lines string) drivers.Option {
	values := make(map[string]string)
	for line := range strings.Lines(lines) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), "="); ok {
			values[name] = value
		}
	}
	return drivers.WithLookup(func(name string) (string, bool) { v, ok := values[name]; return v, ok })
}

const (
	secret    = "S3CR3T-0f-the-app"
	masterKey = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="

	hosted = `
		BROADCAST_CONNECTION=pusher
		PUSHER_APP_ID=1001
		PUSHER_APP_KEY=key
		PUSHER_APP_SECRET=` + secret + `
		PUSHER_APP_CLUSTER=eu
	`
	own = `
		BROADCAST_CONNECTION=reverb
		REVERB_APP_ID=1001
		REVERB_APP_KEY=key
		REVERB_APP_SECRET=` + secret + `
		REVERB_HOST=localhost
		REVERB_PORT=8080
		REVERB_SCHEME=http
	`
)

func TestFromEnv(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		env    string
		client string // as JSON, what a page gets
	}{
		"pusher": {hosted, `{"broadcaster":"pusher","key":"key","cluster":"eu","forceTLS":true}`},
		"older name": {
			strings.Replace(hosted, "BROADCAST_CONNECTION", "BROADCAST_DRIVER", 1),
			`{"broadcaster":"pusher","key":"key","cluster":"eu","forceTLS":true}`,
		},
		"both names": {hosted + "BROADCAST_DRIVER=pusher", `{"broadcaster":"pusher","key":"key","cluster":"eu","forceTLS":true}`},
		"as Laravel's installer writes it": {
			hosted + "PUSHER_HOST=\nPUSHER_PORT=443\nPUSHER_SCHEME=https\nBROADCAST_DRIVER=",
			`{"broadcaster":"pusher","key":"key","cluster":"eu","forceTLS":true}`,
		},
		"the scheme's own port beside a cluster": {hosted + "PUSHER_SCHEME=http\nPUSHER_PORT=80", `{"broadcaster":"pusher","key":"key","cluster":"eu","forceTLS":false}`},
		"pusher without TLS":                     {hosted + "PUSHER_SCHEME=http", `{"broadcaster":"pusher","key":"key","cluster":"eu","forceTLS":false}`},
		"pusher at a host": {
			hosted + "PUSHER_HOST=ws.example.com\nPUSHER_PORT=6001\nPUSHER_SCHEME=http",
			`{"broadcaster":"reverb","key":"key","cluster":"","wsHost":"ws.example.com","wsPort":6001,"wssPort":6001,"forceTLS":false,"enabledTransports":["ws","wss"]}`,
		},
		"pusher at a host without a cluster": {
			strings.Replace(hosted, "PUSHER_APP_CLUSTER=eu", "PUSHER_HOST=ws.example.com", 1),
			`{"broadcaster":"reverb","key":"key","cluster":"","wsHost":"ws.example.com","wsPort":443,"wssPort":443,"forceTLS":true,"enabledTransports":["ws","wss"]}`,
		},
		"reverb": {
			own,
			`{"broadcaster":"reverb","key":"key","cluster":"","wsHost":"localhost","wsPort":8080,"wssPort":8080,"forceTLS":false,"enabledTransports":["ws","wss"]}`,
		},
		"reverb with TLS": {
			own + "REVERB_PORT=\nREVERB_SCHEME=https",
			`{"broadcaster":"reverb","key":"key","cluster":"","wsHost":"localhost","wsPort":443,"wssPort":443,"forceTLS":true,"enabledTransports":["ws","wss"]}`,
		},
		"reverb at an address": {
			own + "REVERB_HOST=::1",
			`{"broadcaster":"reverb","key":"key","cluster":"","wsHost":"[::1]","wsPort":8080,"wssPort":8080,"forceTLS":false,"enabledTransports":["ws","wss"]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := drivers.FromEnv(env(row.env))
			require.NoError(t, err)
			assert.IsType(t, &pusher.Driver{}, c.Driver)
			assert.Equal(t, auth.App{ID: "1001", Key: "key", Secret: secret}, c.App)
			client, err := json.Marshal(c.Client)
			require.NoError(t, err)
			assert.JSONEq(t, row.client, string(client))
			assert.NotContains(t, fmt.Sprintf("%v %+v %#v", c, c, c), secret)
			require.NoError(t, c.Shutdown(t.Context()))
			assert.ErrorIs(t, c.Driver.Broadcast(t.Context(), []broadcast.Message{{Event: "e", Channels: []channel.Channel{channel.Public("a")}}}), pusher.ErrClosed)
		})
	}
}

// TestEventsGoWhereTheEnvironmentSays has a service of each kind of address.
func TestEventsGoWhereTheEnvironmentSays(t *testing.T) {
	t.Parallel()
	for _, prefix := range []string{"PUSHER", "REVERB"} {
		t.Run(prefix, func(t *testing.T) {
			t.Parallel()
			var got []string
			service := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				got = append(got, r.Host+r.URL.Path)
				fmt.Fprint(w, "{}")
			}))
			t.Cleanup(service.Close)
			address := service.Listener.Addr().String()
			host, port, _ := strings.Cut(address, ":")
			lines := strings.ReplaceAll(own, "REVERB_", prefix+"_") + fmt.Sprintf("%s_HOST=%s\n%[1]s_PORT=%[3]s\n", prefix, host, port)
			lines += "BROADCAST_CONNECTION=" + strings.ToLower(prefix)
			c, err := drivers.FromEnv(env(lines))
			require.NoError(t, err)
			require.NoError(t, broadcast.New(c.Driver).Dispatch(t.Context(), event.Of("e", nil, channel.Public("a"))))
			assert.Equal(t, []string{address + "/apps/1001/events"}, got)
		})
	}
}

func TestFromEnvAbly(t *testing.T) {
	t.Parallel()
	c, err := drivers.FromEnv(env("BROADCAST_CONNECTION=ably\nABLY_KEY=app.key:" + secret))
	require.NoError(t, err)
	assert.IsType(t, &pusher.Driver{}, c.Driver)
	assert.Equal(t, "app.key", c.App.Key)
	assert.Equal(t, secret, c.App.Secret)
	client, err := json.Marshal(c.Client)
	require.NoError(t, err)
	assert.JSONEq(t, `{"broadcaster":"pusher","key":"app.key","cluster":"","wsHost":"realtime-pusher.ably.io","wsPort":443,"wssPort":443,"forceTLS":true,"enabledTransports":["ws","wss"]}`, string(client))
}

func TestFromEnvEncryption(t *testing.T) {
	t.Parallel()
	for _, lines := range []string{hosted + "PUSHER_ENCRYPTION_MASTER_KEY=" + masterKey, own + "REVERB_ENCRYPTION_MASTER_KEY=" + masterKey} {
		c, err := drivers.FromEnv(env(lines))
		require.NoError(t, err)
		assert.Equal(t, masterKey, c.App.EncryptionKey)
	}
}

func TestFromEnvWithoutService(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]broadcast.Driver{"log": log.New(nil), "null": null.New()} {
		c, err := drivers.FromEnv(env("BROADCAST_CONNECTION=" + name))
		require.NoError(t, err)
		assert.Equal(t, name, c.Name)
		assert.IsType(t, want, c.Driver)
		assert.NoError(t, c.Driver.Broadcast(t.Context(), []broadcast.Message{{Event: "e", Channels: []channel.Channel{channel.Public("a")}}}))
		assert.Nil(t, c.Client, "pages have nothing to connect to")
		assert.NoError(t, c.App.Validate(), "authorisation keeps working")
		assert.NotEmpty(t, c.App.EncryptionKey)
		again, err := drivers.FromEnv(env("BROADCAST_CONNECTION=" + name))
		require.NoError(t, err)
		assert.NotEqual(t, c.App.Secret, again.App.Secret)
		assert.NoError(t, c.Shutdown(t.Context()))
	}
}

func TestFromEnvErrors(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct{ env, want string }{
		"nothing": {"", "drivers: environment: missing BROADCAST_CONNECTION; it can be ably, log, null, pusher, reverb"},
		"empty":   {"BROADCAST_CONNECTION=", "drivers: environment: missing BROADCAST_CONNECTION; it can be ably, log, null, pusher, reverb"},
		"names differ": {
			"BROADCAST_CONNECTION=log\nBROADCAST_DRIVER=null",
			`drivers: environment: BROADCAST_CONNECTION is "log" and BROADCAST_DRIVER, its older name, is "null"; set one`,
		},
		"unknown": {
			"BROADCAST_CONNECTION=redis",
			`drivers: environment of connection "redis": there is no such connection; there are ably, log, null, pusher, reverb`,
		},
		"line end of another system": {
			"BROADCAST_CONNECTION=log\x0b.",
			`drivers: environment of connection "log\v.": there is no such connection; there are ably, log, null, pusher, reverb`,
		},
		"all missing": {
			"BROADCAST_CONNECTION=pusher",
			`drivers: environment of connection "pusher": missing PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET, PUSHER_APP_CLUSTER or PUSHER_HOST`,
		},
		"all missing for reverb": {
			"BROADCAST_CONNECTION=reverb\nPUSHER_APP_KEY=key",
			`drivers: environment of connection "reverb": missing REVERB_APP_ID, REVERB_APP_KEY, REVERB_APP_SECRET, REVERB_HOST`,
		},
		"missing and wrong at once": {
			"BROADCAST_CONNECTION=reverb\nREVERB_APP_ID=1\nREVERB_APP_SECRET=" + secret + "\nREVERB_HOST=http://h\nREVERB_PORT=0\nREVERB_SCHEME=HTTP",
			`drivers: environment of connection "reverb": missing REVERB_APP_KEY; REVERB_SCHEME is neither https nor http; ` +
				`REVERB_PORT is not a number from 1 to 65535; REVERB_HOST is not a host name or address; the scheme belongs in REVERB_SCHEME, the port in REVERB_PORT`,
		},
		"port in the host": {
			own + "REVERB_HOST=localhost:8080",
			`drivers: environment of connection "reverb": REVERB_HOST is not a host name or address; the scheme belongs in REVERB_SCHEME, the port in REVERB_PORT`,
		},
		"port for a cluster": {
			hosted + "PUSHER_PORT=6001",
			`drivers: environment of connection "pusher": PUSHER_PORT is for PUSHER_HOST, and Pusher Channels has the scheme's own; unset it or set PUSHER_HOST`,
		},
		"missing, and malformed elsewhere": {
			"BROADCAST_CONNECTION=pusher\nPUSHER_APP_KEY=key\nPUSHER_APP_CLUSTER=https://eu\nPUSHER_ENCRYPTION_MASTER_KEY=" + secret,
			`drivers: environment of connection "pusher": missing PUSHER_APP_ID, PUSHER_APP_SECRET; pusher: config: auth: app "missing": ` +
				`encryption key is not 32 bytes in base64; make one with: openssl rand -base64 32; ` +
				`Cluster "https://eu" is not made of lower-case letters, digits and hyphens`,
		},
		"host missing, key malformed": {
			"BROADCAST_CONNECTION=reverb\nREVERB_APP_ID=1\nREVERB_APP_KEY=k:y\nREVERB_APP_SECRET=" + secret + "\nREVERB_PORT=8080",
			`drivers: environment of connection "reverb": missing REVERB_HOST; pusher: config: auth: app "1": ` +
				`Key holds one of / ? # & = : %, which cannot stand in a URL or a signature`,
		},
		"two mistakes": {
			own + "REVERB_PORT=x\nREVERB_HOST=/",
			`drivers: environment of connection "reverb": REVERB_PORT is not a number from 1 to 65535; ` +
				`REVERB_HOST is not a host name or address; the scheme belongs in REVERB_SCHEME, the port in REVERB_PORT`,
		},
		"a name as long as is shown": {
			"BROADCAST_CONNECTION=" + strings.Repeat("x", 40),
			`drivers: environment of connection "` + strings.Repeat("x", 40) + `": there is no such connection; there are ably, log, null, pusher, reverb`,
		},
		"a name that is no name": {
			"BROADCAST_CONNECTION=" + strings.Repeat("x", 39) + "é", // not cut in the middle of a character
			`drivers: environment of connection "` + strings.Repeat("x", 39) + `…": there is no such connection; there are ably, log, null, pusher, reverb`,
		},
		"no key for ably":  {"BROADCAST_CONNECTION=ably", `drivers: environment of connection "ably": missing ABLY_KEY`},
		"bad key for ably": {"BROADCAST_CONNECTION=ably\nABLY_KEY=" + secret, `drivers: environment of connection "ably": ABLY_KEY: pusher: the Ably key is not of the form "appid.keyid:secret"`},
		"bad cluster":      {hosted + "PUSHER_APP_CLUSTER=https://eu", `Cluster "https://eu" is not made of`},
		"bad key":          {hosted + "PUSHER_APP_KEY=k:y", `auth: app "1001": Key holds one of`},
		"bad master key":   {hosted + "PUSHER_ENCRYPTION_MASTER_KEY=" + secret, `pusher: config: auth: app "1001": `},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, err := drivers.FromEnv(env(row.env))
			require.ErrorContains(t, err, row.want)
			if strings.HasPrefix(row.want, "drivers:") {
				assert.EqualError(t, err, row.want)
			}
			assert.Zero(t, c)
			assert.NotContains(t, err.Error(), secret)
			_, ok := errors.AsType[*drivers.EnvError](err)
			assert.True(t, ok)
		})
	}
}

func TestWithDefault(t *testing.T) {
	t.Parallel()
	c, err := drivers.FromEnv(drivers.WithDefault("null"), env(""))
	require.NoError(t, err)
	assert.Equal(t, "null", c.Name)
	c, err = drivers.FromEnv(drivers.WithDefault("null"), env("BROADCAST_CONNECTION=log"))
	require.NoError(t, err)
	assert.Equal(t, "log", c.Name)
	_, err = drivers.FromEnv(drivers.WithDefault("null"), env("BROADCAST_CONNECTION=pusher"))
	assert.ErrorContains(t, err, "missing PUSHER_APP_ID", "what is wrong does not fall back")
	_, err = drivers.FromEnv(drivers.WithDefault("nil"), env(""))
	assert.ErrorContains(t, err, `"nil": there is no such connection`)
}

func TestWithConnection(t *testing.T) {
	t.Parallel()
	driver := memory.New()
	with := drivers.WithConnection("memory", func(env func(string) string) (drivers.Connection, error) {
		if env("MEMORY_SIZE") != "7" {
			return drivers.Connection{Driver: driver}, errors.New("MEMORY_SIZE is not 7")
		}
		return drivers.Connection{Name: "ignored", Driver: driver, App: auth.App{ID: "9"}}, nil
	})
	c, err := drivers.FromEnv(with, env("BROADCAST_CONNECTION=memory\nMEMORY_SIZE=7"))
	require.NoError(t, err)
	assert.Equal(t, drivers.Connection{Name: "memory", Driver: driver, App: auth.App{ID: "9"}}, c)

	c, err = drivers.FromEnv(with, env("BROADCAST_CONNECTION=memory"))
	assert.EqualError(t, err, `drivers: environment of connection "memory": MEMORY_SIZE is not 7`)
	assert.Zero(t, c)

	_, err = drivers.FromEnv(with, env("BROADCAST_CONNECTION=memori"))
	assert.ErrorContains(t, err, "there are ably, log, memory, null, pusher, reverb")

	own := drivers.WithConnection("log", func(func(string) string) (drivers.Connection, error) { return drivers.Connection{Driver: driver}, nil })
	c, err = drivers.FromEnv(own, env("BROADCAST_CONNECTION=log"))
	require.NoError(t, err)
	assert.Equal(t, driver, c.Driver, "a program's own replaces a built-in one")
	require.NoError(t, c.Shutdown(t.Context()))
	assert.ErrorIs(t, driver.Broadcast(t.Context(), []broadcast.Message{{}}), memory.ErrClosed)

	bad := drivers.WithConnection("bad", func(func(string) string) (drivers.Connection, error) { return drivers.Connection{}, nil })
	_, err = drivers.FromEnv(bad, env("BROADCAST_CONNECTION=bad"))
	assert.EqualError(t, err, `drivers: environment of connection "bad": its function returned no driver`)

	cause := errors.New("no such file")
	failing := drivers.WithConnection("bad", func(func(string) string) (drivers.Connection, error) { return drivers.Connection{}, cause })
	_, err = drivers.FromEnv(failing, env("BROADCAST_CONNECTION=bad"))
	assert.ErrorIs(t, err, cause)
}

// Not parallel: it sets variables of the process.
func TestTheProcessEnvironmentIsTheDefault(t *testing.T) {
	t.Setenv("BROADCAST_CONNECTION", "null")
	t.Setenv("BROADCAST_DRIVER", "")
	c, err := drivers.FromEnv()
	require.NoError(t, err)
	assert.Equal(t, "null", c.Name)
}

// FuzzFromEnv asks that any environment gives a driver or an error, never
// both, and that the error never shows a secret.
func FuzzFromEnv(f *testing.F) {
	names := []string{
		"BROADCAST_CONNECTION", "BROADCAST_DRIVER", "_APP_ID", "_APP_KEY", "_APP_CLUSTER", "_HOST", "_PORT", "_SCHEME", "_APP_SECRET",
		"_ENCRYPTION_MASTER_KEY", "ABLY_KEY",
	}
	f.Add("pusher", "", "1", "key", "eu", "", "", "", secret, masterKey, "")
	f.Add("reverb", "reverb", "1", "key", "", "h", "8080", "http", secret, "", "")
	f.Add("", "ably", "", "", "", "", "", "", "", "", "a.b:"+secret)
	f.Add("log", "null", "", "", "", "[::1]", "65536", "HTTPS", "x", "y", "z")
	f.Fuzz(func(t *testing.T, connection, driver, id, key, cluster, host, port, scheme, appSecret, master, ably string) {
		values := []string{connection, driver, id, key, cluster, host, port, scheme, appSecret, master, ably}
		c, err := drivers.FromEnv(drivers.WithLookup(func(name string) (string, bool) {
			for i, suffix := range names {
				if name == suffix || name == "PUSHER"+suffix || name == "REVERB"+suffix {
					return values[i], true
				}
			}
			return "", false
		}))
		if err == nil {
			if c.Driver == nil || c.Name == "" || c.App.Validate() != nil {
				t.Fatalf("no error and an unusable connection: %v", c)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if c.Driver.Broadcast(ctx, []broadcast.Message{{Event: "e", Channels: []channel.Channel{channel.Public("a")}, Data: "{}"}}) == nil {
				t.Fatal("a cancelled broadcast succeeded")
			}
			return
		}
		if c.Driver != nil {
			t.Fatal("an error and a driver")
		}
		shown := strings.Join(values[:8], "\x00")
		for _, hidden := range values[8:] {
			quoted := fmt.Sprintf("%q", hidden)
			if len(hidden) >= 8 && !strings.Contains(shown, hidden) && (strings.Contains(err.Error(), hidden) || strings.Contains(err.Error(), quoted[1:len(quoted)-1])) {
				if !fixedText(hidden) {
					t.Fatalf("the error shows a secret: %v", err)
				}
			}
		}
	})
}

// fixedText reports whether a secret is, by chance, a part of what every error
// says.
func fixedText(hidden string) bool {
	_, err := drivers.FromEnv(env("BROADCAST_CONNECTION=pusher\nPUSHER_PORT=x\nPUSHER_SCHEME=x\nPUSHER_HOST=/"))
	return strings.Contains(err.Error(), hidden)
}
