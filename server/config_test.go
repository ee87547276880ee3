package server_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/websocket/wstest"
	"github.com/onairgo/onair/server"
)

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	app := auth.App{ID: "1", Key: "k", Secret: "s"}
	for _, tt := range []struct {
		name   string
		config server.Config
		says   []string
	}{
		{"no app", server.Config{}, []string{"no app; set Config.App"}},
		{"an app with things missing", server.Config{App: auth.App{ID: "1"}}, []string{"missing Key, Secret"}},
		{"an app with a key only", server.Config{App: auth.App{Key: "k"}, Apps: []auth.App{app}}, []string{"missing ID, Secret"}},
		{"an app with a secret only", server.Config{App: auth.App{Secret: "s"}, Apps: []auth.App{app}}, []string{"missing ID, Key"}},
		{"two apps with one id", server.Config{App: app, Apps: []auth.App{{ID: "1", Key: "k2", Secret: "s"}}}, []string{`two apps have the id "1"`}},
		{"two apps with one key", server.Config{App: app, Apps: []auth.App{{ID: "2", Key: "k2", Secret: "s", Former: []auth.KeyPair{{Key: "k", Secret: "x"}}}}}, []string{`the key "k"`}},
		{"prefixes", server.Config{App: app, Prefix: "ws/"}, []string{`prefix "ws/"`}},
		{"an activity timeout that cannot be told", server.Config{App: app, ActivityTimeout: 1}, []string{"activity timeout"}},
		{"every origin", server.Config{App: app, AllowedOrigins: []string{"*"}}, []string{"InsecureAnyOrigin"}},
		{"origins that are none", server.Config{App: app, AllowedOrigins: []string{"app.example.com", "https://a.example/path", "https://*bad.example"}}, []string{`"app.example.com"`, `"https://a.example/path"`, `"https://*bad.example"`}},
		{"contradictory origins", server.Config{App: app, AllowedOrigins: []string{"https://a.example"}, InsecureAnyOrigin: true}, []string{"contradict"}},
		{"several mistakes", server.Config{App: auth.App{ID: "1"}, Prefix: "/", Limits: server.Limits{ChannelName: 201, HookQueue: -1}}, []string{"prefix", "missing", "201", "hook queue"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := server.New(tt.config)
			for _, s := range tt.says {
				require.ErrorContains(t, err, s)
			}
		})
	}
}

func TestServerOfResolvedAppsOnly(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		p := w.connect()
		p.lives()
		w.open("/app/x?protocol=7").closed(4001)
		p.ws.Timeout = time.Hour
		f, err := p.ws.Read()
		require.NoError(t, err)
		assert.Equal(t, wstest.OpPing, f.Opcode, "such connections are looked after too")
	}, func(c *server.Config) {
		c.App = auth.App{}
		c.Resolve = func(_ context.Context, q server.AppQuery) (auth.App, error) {
			if q.ID == testApp.ID || q.Key == testApp.Key {
				return testApp, nil
			}
			return auth.App{}, server.ErrUnknownApp
		}
	})
}

func TestClientConfig(t *testing.T) {
	t.Parallel()
	srv, err := server.New(server.Config{App: testApp, Prefix: "/rt"})
	require.NoError(t, err)
	var log strings.Builder
	several, err := server.New(server.Config{
		App: testApp, Apps: []auth.App{{ID: "2", Key: "two", Secret: "s"}}, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	require.NoError(t, err)
	for host, want := range map[string]auth.ClientConfig{
		"app.example":      {WSHost: "app.example", WSPort: 80, WSSPort: 443},
		"app.example:8080": {WSHost: "app.example", WSPort: 8080, WSSPort: 8080},
		"[::1]:8080":       {WSHost: "[::1]", WSPort: 8080, WSSPort: 8080},
		"[::1]":            {WSHost: "[::1]", WSPort: 80, WSSPort: 443},
	} {
		want.Broadcaster, want.EnabledTransports = auth.BroadcasterReverb, []string{"ws", "wss"}
		r := &http.Request{Host: host}
		withKey := want
		withKey.Key, withKey.WSPath = "k", "/rt"
		assert.Equal(t, withKey, srv.ClientConfig(r))
		log.Reset()
		assert.Equal(t, want, several.ClientConfig(r), "no app is chosen")
		assert.Contains(t, log.String(), "use For(appID)")
		want.Key = "two"
		got, err := several.For("2").ClientConfig(r)
		require.NoError(t, err)
		assert.Equal(t, want, got)
		_, err = several.For("3").ClientConfig(r)
		require.ErrorIs(t, err, server.ErrUnknownApp)
	}
}

func TestAcceptance60ConnectionLimits(t *testing.T) {
	t.Parallel()
	for _, configure := range []func(*server.Config){
		func(c *server.Config) { c.Limits.Connections = 2 },
		func(c *server.Config) { c.Limits.ConnectionsPerIP = 2 },
	} {
		inBubble(t, func(t *testing.T, w *site) {
			p, q := w.connect(), w.connect()
			w.open(w.path).closed(4100)
			require.NoError(t, p.ws.Close())
			pass(1)
			w.connect().lives()
			w.open(w.path).closed(4100)
			q.lives()
			assert.EqualValues(t, 3, w.srv.Stats().Connections)
			assert.Equal(t, 2, w.srv.Stats().Open)
		}, configure)
	}
	inBubble(t, func(t *testing.T, w *site) {
		p := w.on("a", "b")
		p.send("pusher:subscribe", map[string]any{"channel": "c"})
		p.refused("c", "LimitReached", 4100)
		p.send("pusher:unsubscribe", map[string]any{"channel": "a"})
		p.subscribe("c")
	}, func(c *server.Config) { c.Limits.ChannelsPerConnection = 2 })
}

func TestMissingProtocolAllowed(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		w.path = "/app/k"
		w.connect().lives()
		w.open("/app/k?protocol=x").closed(4006)
	}, func(c *server.Config) { c.AllowMissingProtocol = true })
}

// Those who are turned away and stay are closed, and sooner when they are many.
func TestCrowdThatIsTurnedAway(t *testing.T) {
	t.Parallel()
	inBubble(t, func(t *testing.T, w *site) {
		start := time.Now()
		stays := func() *page {
			p := w.open("/app/x?protocol=7")
			_, err := p.ws.Read() // and answers nothing
			require.NoError(t, err)
			_, err = p.ws.Read()
			require.NoError(t, err)
			p.ws.Timeout = time.Minute
			return p
		}
		ends := func(p *page) time.Duration {
			_, err := p.ws.Read()
			require.ErrorIs(t, err, io.EOF)
			return time.Since(start)
		}
		first := stays()
		for range 999 {
			stays()
		}
		last := stays()
		assert.Equal(t, 100*time.Millisecond, ends(last))
		w.connect().lives()
		assert.Equal(t, 5*time.Second, ends(first))
		pass(time.Second)
		start = time.Now()
		assert.Equal(t, 5*time.Second, ends(stays()), "the crowd is gone")
	})
}
