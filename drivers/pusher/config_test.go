package pusher_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/drivers/pusher"
)

// TestConfigIsRefused holds LIB-025: at start, naming every setting.
func TestConfigIsRefused(t *testing.T) {
	t.Parallel()
	app := testApp()
	for _, row := range []struct {
		name   string
		config pusher.Config
		texts  []string
	}{
		{"nothing", pusher.Config{}, []string{"missing ID, Key, Secret", "missing Cluster"}},
		{"no secret", pusher.Config{App: auth.App{ID: "1", Key: "k"}, Cluster: "eu"}, []string{"missing Secret"}},
		{"no key", pusher.Config{App: auth.App{ID: "1", Secret: "s"}, Cluster: "eu"}, []string{"missing Key"}},
		{"no app id", pusher.Config{App: auth.App{Key: "k", Secret: "s"}, Cluster: "eu"}, []string{"missing ID"}},
		{"bad encryption key", pusher.Config{App: auth.App{ID: "1", Key: "k", Secret: "s", EncryptionKey: "c2hvcnQ="}, Cluster: "eu"}, []string{"encryption key is not 32 bytes"}},
		{"neither cluster nor host", pusher.Config{App: app}, []string{"missing Cluster", "or the Host"}},
		{"both cluster and host", pusher.Config{App: app, Cluster: "eu", Host: "a.test"}, []string{"both Cluster and Host"}},
		{"cluster that is a host", pusher.Config{App: app, Cluster: "eu.example.com/x"}, []string{`Cluster "eu.example.com/x"`}},
		{"host with a scheme", pusher.Config{App: app, Host: "https://a.test"}, []string{`Host "https://a.test"`, "Insecure"}},
		{"host with a path", pusher.Config{App: app, Host: "a.test/x"}, []string{`Host "a.test/x"`, "Path"}},
		{"host with a query", pusher.Config{App: app, Host: "a.test?x"}, []string{`Host "a.test?x"`}},
		{"host with credentials", pusher.Config{App: app, Host: "u:p@a.test"}, []string{`Host "[hidden]@a.test"`}},
		{"host with a space", pusher.Config{App: app, Host: "a .test"}, []string{`Host "a .test"`}},
		{"port alone", pusher.Config{App: app, Host: ":8080"}, []string{`Host ":8080"`}},
		{"no port", pusher.Config{App: app, Host: "a.test:"}, []string{`Host "a.test:"`}},
		{"port 0", pusher.Config{App: app, Host: "a.test:0"}, []string{`Host "a.test:0"`}},
		{"port 65536", pusher.Config{App: app, Host: "a.test:65536"}, []string{`Host "a.test:65536"`}},
		{"path without a slash", pusher.Config{App: app, Host: "a.test", Path: "x"}, []string{`Path "x"`}},
		{"path with a query", pusher.Config{App: app, Host: "a.test", Path: "/x?y"}, []string{`Path "/x?y"`}},
		{"path that is escaped", pusher.Config{App: app, Host: "a.test", Path: "/%41"}, []string{`Path "/%41"`}},
		{"path with a broken escape", pusher.Config{App: app, Host: "a.test", Path: "/%zz"}, []string{`Path "/%zz"`}},
		{"path with three slashes", pusher.Config{App: app, Host: "a.test", Path: "///x"}, []string{`Path "///x"`}},
		{"path with two slashes", pusher.Config{App: app, Host: "a.test", Path: "//x"}, []string{`Path "//x"`}},
		{"path with a space", pusher.Config{App: app, Host: "a.test", Path: "/a b"}, []string{`Path "/a b"`}},
		{"negative numbers", pusher.Config{App: app, Cluster: "eu", MaxConcurrent: -1, BatchBytes: -1, Limits: broadcast.Limits{Payload: -1, Channels: -1, Batch: -1, ChannelName: -1}}, []string{"MaxConcurrent is", "BatchBytes is", "Limits.Payload is", "Limits.Channels is", "Limits.Batch is", "Limits.ChannelName is"}},
		{"more than the library takes", pusher.Config{App: app, Cluster: "eu", Limits: broadcast.Limits{Channels: 101, ChannelName: 201}}, []string{"Limits.Channels is 101, the limit is 100", "Limits.ChannelName is 201, the limit is 200"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			d, err := pusher.New(row.config)
			assert.Nil(t, d)
			require.Error(t, err)
			assert.True(t, strings.HasPrefix(err.Error(), "pusher: config: "))
			for _, text := range row.texts {
				require.ErrorContains(t, err, text)
			}
			assertNoSecrets(t, err.Error())
			assert.NotContains(t, err.Error(), "c2hvcnQ=")
		})
	}
}

// TestAddress looks at where a request goes, with a transport that sends none.
func TestAddress(t *testing.T) {
	t.Parallel()
	app := testApp()
	ably, err := pusher.Ably("xVLyHw.2FDVtQ:ably-secret")
	require.NoError(t, err)
	for _, row := range []struct {
		name   string
		config pusher.Config
		want   string
	}{
		{"cluster", pusher.Config{App: app, Cluster: "eu"}, "https://api-eu.pusher.com/apps/1001/events"},
		{"host", pusher.Config{App: app, Host: "ws.example.test"}, "https://ws.example.test/apps/1001/events"},
		{"host and port", pusher.Config{App: app, Host: "ws.example.test:8443"}, "https://ws.example.test:8443/apps/1001/events"},
		{"plain", pusher.Config{App: app, Host: "ws.example.test:8080", Insecure: true}, "http://ws.example.test:8080/apps/1001/events"},
		{"IPv6", pusher.Config{App: app, Host: "[::1]:8080", Insecure: true}, "http://[::1]:8080/apps/1001/events"},
		{"path", pusher.Config{App: app, Host: "a.test", Path: "/realtime"}, "https://a.test/realtime/apps/1001/events"},
		{"path of a slash", pusher.Config{App: app, Host: "a.test", Path: "/"}, "https://a.test/apps/1001/events"},
		{"app id that is no number", pusher.Config{App: auth.App{ID: "my-app", Key: "k", Secret: "s"}, Host: "a.test"}, "https://a.test/apps/my-app/events"},
		{"Reverb", pusher.Reverb(app, "ws.example.test"), "https://ws.example.test/apps/1001/events"},
		{"soketi", pusher.Soketi(app, "ws.example.test:6001"), "https://ws.example.test:6001/apps/1001/events"},
		{"Ably", ably, "https://rest-pusher.ably.io/apps/xVLyHw/events"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			var got string
			row.config.Transport = transportFunc(func(r *http.Request) (*http.Response, error) {
				u := *r.URL
				u.RawQuery = ""
				got = u.String()
				rec := httptest.NewRecorder()
				_, err := rec.WriteString("{}")
				return rec.Result(), err
			})
			require.NoError(t, newDriver(t, row.config).Broadcast(t.Context(), messages(1)))
			assert.Equal(t, row.want, got)
		})
	}
}

type transportFunc func(*http.Request) (*http.Response, error)

func (f transportFunc) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestAblyKey(t *testing.T) {
	t.Parallel()
	c, err := pusher.Ably("xVLyHw.2FDVtQ:ably:secret")
	require.NoError(t, err)
	assert.Equal(t, "xVLyHw", c.App.ID)
	assert.Equal(t, "xVLyHw.2FDVtQ", c.App.Key)
	assert.Equal(t, "ably:secret", c.App.Secret)
	for _, key := range []string{"", "a", "a.b", "a.b:", ":s", "a:s", ".b:s", "a.:canary-secret"} {
		_, err := pusher.Ably(key)
		require.ErrorContains(t, err, `"appid.keyid:secret"`)
		assert.NotContains(t, err.Error(), "canary")
	}
}

func TestClientConfig(t *testing.T) {
	t.Parallel()
	app := testApp()
	ably, err := pusher.Ably("xVLyHw.2FDVtQ:ably-secret")
	require.NoError(t, err)
	both := []string{"ws", "wss"}
	for _, row := range []struct {
		config pusher.Config
		want   auth.ClientConfig
	}{
		{pusher.Config{App: app, Cluster: "eu"}, auth.ClientConfig{Broadcaster: "pusher", Key: appKey, Cluster: "eu", ForceTLS: true}},
		{pusher.Reverb(app, "ws.example.test"), auth.ClientConfig{Broadcaster: "reverb", Key: appKey, WSHost: "ws.example.test", WSPort: 443, WSSPort: 443, ForceTLS: true, EnabledTransports: both}},
		{pusher.Config{App: app, Host: "[::1]:8080", Path: "/rt/", Insecure: true}, auth.ClientConfig{Broadcaster: "reverb", Key: appKey, WSHost: "[::1]", WSPort: 8080, WSSPort: 8080, WSPath: "/rt", EnabledTransports: both}},
		{pusher.Config{App: app, Host: "a.test", Insecure: true}, auth.ClientConfig{Broadcaster: "reverb", Key: appKey, WSHost: "a.test", WSPort: 80, WSSPort: 80, EnabledTransports: both}},
		{ably, auth.ClientConfig{Broadcaster: "pusher", Key: "xVLyHw.2FDVtQ", WSHost: "realtime-pusher.ably.io", WSPort: 443, WSSPort: 443, ForceTLS: true, EnabledTransports: both}},
	} {
		d := newDriver(t, row.config)
		assert.Equal(t, row.want, d.ClientConfig())
		if c := d.ClientConfig(); len(c.EnabledTransports) > 0 {
			c.EnabledTransports[0] = "changed"
			assert.Equal(t, row.want, d.ClientConfig(), "the caller's own")
		}
	}
}

func TestPresetsKeepToTheServicesLimits(t *testing.T) {
	t.Parallel()
	s := newService(t, nil)
	host := strings.TrimPrefix(s.URL, "http://")
	list := messages(10)
	for i := range list {
		list[i].Data = strings.Repeat("x", 3000)
	}
	reverb := pusher.Reverb(testApp(), host)
	reverb.Insecure = true
	require.NoError(t, newDriver(t, reverb).Broadcast(t.Context(), list))
	for _, r := range s.got() {
		assert.LessOrEqual(t, len(r.body), 9_000)
	}
	assert.Equal(t, []int{2, 2, 2, 2, 2}, s.sizes(t))

	soketi := pusher.Soketi(testApp(), host)
	soketi.Insecure = true
	list[0].Data = strings.Repeat("x", 100<<10)
	require.NoError(t, newDriver(t, soketi).Broadcast(t.Context(), list[:1]))

	ably, err := pusher.Ably("a.b:s")
	require.NoError(t, err)
	for _, row := range []struct {
		config pusher.Config
		want   broadcast.Limits
	}{
		{reverb, broadcast.Limits{Payload: 10240, Channels: 100, Batch: 10, ChannelName: 200}},
		{soketi, broadcast.Limits{Payload: 102_400, Channels: 100, Batch: 10, ChannelName: 200}},
		{ably, broadcast.Limits{Payload: 10240, Channels: 100, Batch: 1, ChannelName: 200, NoEncryption: true}},
	} {
		assert.Equal(t, row.want, newDriver(t, row.config).Limits())
	}
}

// TestTLSIsTheDefault makes requests over the driver's own transport, which is
// told of the test's authority.
func TestTLSIsTheDefault(t *testing.T) {
	t.Parallel()
	s := startService(t, startTLS, nil)
	protocols := make(chan string, 1)
	inner := s.Config.Handler
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		protocols <- r.Proto
		inner.ServeHTTP(w, r)
	})
	d := newDriver(t, pusher.Config{App: testApp(), Host: s.Listener.Addr().String()})
	pusher.OwnTransport(d).TLSClientConfig = s.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	require.NoError(t, d.Broadcast(t.Context(), messages(1)))
	assert.Equal(t, "HTTP/2.0", <-protocols)
}

// TestTimeouts has a service that never answers.
func TestTimeouts(t *testing.T) {
	t.Parallel()
	for timeout, want := range map[time.Duration]time.Duration{0: pusher.DefaultTimeout, time.Second: time.Second, -1: time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			d := newDriver(t, pusher.Config{App: testApp(), Cluster: "eu", Timeout: timeout, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
				<-r.Context().Done()
				return nil, r.Context().Err()
			})})
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			start := time.Now()
			require.ErrorIs(t, d.Broadcast(ctx, messages(1)), context.DeadlineExceeded)
			assert.Equal(t, want, time.Since(start), "timeout %v", timeout)
		})
	}
}

// FuzzConfig: an address that is accepted is the one that requests go to.
func FuzzConfig(f *testing.F) {
	f.Add("eu", "", "")
	f.Add("", "ws.example.test:8080", "/realtime/")
	f.Add("", "[::1%25eth0]:1", "/%41")
	f.Add("", "::1", "/")
	f.Add("", "a@b", "/..")
	f.Fuzz(func(t *testing.T, cluster, host, path string) {
		d, err := pusher.New(pusher.Config{App: testApp(), Cluster: cluster, Host: host, Path: path, Transport: transportFunc(func(r *http.Request) (*http.Response, error) {
			want := host
			if cluster != "" {
				want = "api-" + cluster + ".pusher.com"
			}
			if r.URL.Host != want || r.URL.Scheme != "https" || r.URL.Path != strings.TrimRight(path, "/")+"/apps/1001/events" {
				t.Errorf("%q, %q, %q leads to %s", cluster, host, path, r.URL)
			}
			return nil, http.ErrHandlerTimeout
		})})
		if err != nil {
			return
		}
		if err := d.Broadcast(t.Context(), messages(1)); !errors.Is(err, http.ErrHandlerTimeout) {
			t.Errorf("%q, %q, %q is accepted, and the request fails: %v", cluster, host, path, err)
		}
	})
}
