package pusher

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	pusherhttp "github.com/pusher/pusher-http-go/v5"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/internal/pusherproto"
)

// The defaults of fields of [Config].
const (
	DefaultTimeout       = 5 * time.Second
	DefaultMaxConcurrent = 64
	// DefaultBatchBytes is below the limit of one megabyte that is common in
	// proxies.
	DefaultBatchBytes = 1_000_000
)

// hostedLimits are the limits of Pusher Channels.
var hostedLimits = broadcast.Limits{Payload: 10 << 10, Channels: maxChannels, Batch: 10, ChannelName: 164}

// maxChannels is the maximum number of channels that the library accepts in one
// request.
const maxChannels = 100

// Config says which service a [Driver] uses, and how. App and one of Cluster
// and Host are required. [Reverb], [Soketi] and [Ably] return a Config for
// services other than Pusher's.
type Config struct {
	// App holds the credentials. ID, Key and Secret are required. EncryptionKey
	// is required to send to encrypted channels.
	App auth.App
	// Cluster is the cluster of Pusher Channels that the app was created in,
	// such as "eu" or "mt1". There is no default. Laravel's is mt1, where an
	// app of another cluster is unknown.
	Cluster string
	// Host is the address of another service, such as "ws.example.com" or
	// "127.0.0.1:8080". The port may be left out if it is the scheme's default.
	Host string
	// Path is put before the paths of the API, for a service that is mounted
	// under a prefix such as "/realtime". As in Pusher's libraries, it is not
	// part of what is signed.
	Path string
	// Insecure makes the driver use HTTP instead of HTTPS. An eavesdropper can
	// then read every payload and replay requests.
	Insecure bool
	// Timeout limits the time for one request, up to the end of the answer. It
	// does not include the time spent waiting because of MaxConcurrent. 0 means
	// [DefaultTimeout]. If it is negative, only the caller's context limits the
	// request.
	Timeout time.Duration
	// MaxConcurrent is the maximum number of concurrent requests. Further ones
	// wait for their turn until their context is done. The driver's own
	// transport keeps up to this number of idle connections open. 0 means
	// [DefaultMaxConcurrent].
	MaxConcurrent int
	// Limits are the limits of the service. A zero field means the limit of
	// Pusher Channels: 10,240 bytes of data, 100 channels, 10 messages in a
	// batch, and 164 bytes for the name of a channel. Channels may be at most
	// 100, and ChannelName at most 200. If Batch is 1, every message is sent in
	// a request of its own. NoEncryption is ignored; it follows from App.
	Limits broadcast.Limits
	// BatchBytes is the maximum size in bytes of the body of a request with
	// several messages. 0 means [DefaultBatchBytes].
	BatchBytes int
	// IdempotencyKeys makes the driver send each message's ID in the header
	// X-Idempotency-Key, for a service that supports such keys and drops a
	// message that it has already seen. Because a key identifies one message,
	// the driver then sends no batches. Note that net/http may repeat a request
	// with this header by itself when a reused connection breaks.
	IdempotencyKeys bool
	// Transport makes the requests, for example through a proxy, with
	// particular certificates or in tests. It should keep MaxConcurrent idle
	// connections to the host. [Driver.Shutdown] does not close it. If it is
	// nil, the driver uses a transport of its own.
	Transport http.RoundTripper

	// clientHost is the host that pages connect to, if it is not Host.
	clientHost string
}

// withDefaults returns the config with defaults for zero fields, or an error
// that names everything that is missing or wrong.
func (c Config) withDefaults() (Config, error) {
	var wrong []string
	if err := c.App.Validate(); err != nil {
		wrong = append(wrong, err.Error())
	}
	wrong = append(wrong, c.checkAddress()...)
	c.Limits = broadcast.Limits{
		Payload:     cmp.Or(c.Limits.Payload, hostedLimits.Payload),
		Channels:    cmp.Or(c.Limits.Channels, hostedLimits.Channels),
		Batch:       cmp.Or(c.Limits.Batch, hostedLimits.Batch),
		ChannelName: cmp.Or(c.Limits.ChannelName, hostedLimits.ChannelName),

		NoEncryption: c.App.EncryptionKey == "",
	}
	c.Timeout = cmp.Or(c.Timeout, DefaultTimeout)
	c.MaxConcurrent = cmp.Or(c.MaxConcurrent, DefaultMaxConcurrent)
	c.BatchBytes = cmp.Or(c.BatchBytes, DefaultBatchBytes)
	for _, n := range []struct {
		name       string
		value, max int
	}{
		{"MaxConcurrent", c.MaxConcurrent, 0},
		{"BatchBytes", c.BatchBytes, 0},
		{"Limits.Payload", c.Limits.Payload, 0},
		{"Limits.Channels", c.Limits.Channels, maxChannels},
		{"Limits.Batch", c.Limits.Batch, 0},
		{"Limits.ChannelName", c.Limits.ChannelName, channel.MaxNameLength},
	} {
		if n.value < 0 {
			wrong = append(wrong, fmt.Sprintf("%s is negative", n.name))
		} else if n.max > 0 && n.value > n.max {
			wrong = append(wrong, fmt.Sprintf("%s is %d, the limit is %d", n.name, n.value, n.max))
		}
	}
	if len(wrong) > 0 {
		return c, fmt.Errorf("pusher: config: %s", strings.Join(wrong, "; "))
	}
	return c, nil
}

func (c Config) checkAddress() (wrong []string) {
	switch {
	case c.Cluster == "" && c.Host == "":
		wrong = append(wrong, `missing Cluster, such as "eu", or the Host of another service`)
	case c.Cluster != "" && c.Host != "":
		wrong = append(wrong, "both Cluster and Host are set; Cluster is for Pusher Channels, Host for another service")
	}
	if strings.Trim(c.Cluster, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
		wrong = append(wrong, fmt.Sprintf("Cluster %q is not made of lower-case letters, digits and hyphens", c.Cluster))
	}
	if c.Host != "" && !validHost(c.Host) {
		shown := c.Host
		if at := strings.LastIndexByte(shown, '@'); at >= 0 {
			shown = "[hidden]" + shown[at:] // may be a password
		}
		wrong = append(wrong, fmt.Sprintf(`Host %q is not a host with or without a port; write "ws.example.com:8080" or "[::1]:8080", Insecure sets the scheme and Path a prefix`, shown))
	}
	if c.Path != "" {
		u, err := url.Parse(c.Path)
		if err != nil || u.Path != c.Path || !strings.HasPrefix(c.Path, "/") || strings.HasPrefix(c.Path, "//") || u.EscapedPath() != c.Path {
			wrong = append(wrong, fmt.Sprintf(`Path %q is not a path such as "/realtime"`, c.Path))
		}
	}
	return wrong
}

// validHost parses the host as part of a URL with a scheme, as requests have
// it. Without the scheme, net/url accepts more.
func validHost(host string) bool {
	u, err := url.Parse("https://" + host)
	if err != nil || u.Host != host || u.Hostname() == "" {
		return false
	}
	if p := u.Port(); p != "" {
		n, err := strconv.Atoi(p)
		return err == nil && n > 0 && n < 1<<16
	}
	return !strings.HasSuffix(host, ":")
}

// clientConfig returns what a page needs to connect.
func (c Config) clientConfig() auth.ClientConfig {
	client := auth.ClientConfig{Broadcaster: auth.BroadcasterPusher, Key: c.App.Key, Cluster: c.Cluster, ForceTLS: !c.Insecure}
	if c.Cluster != "" {
		return client
	}
	if c.clientHost == "" {
		client.Broadcaster = auth.BroadcasterReverb
	}
	u := url.URL{Host: cmp.Or(c.clientHost, c.Host)}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		port = 443
		if c.Insecure {
			port = 80
		}
	}
	client.WSHost = strings.TrimSuffix(u.Host, ":"+u.Port())
	client.WSPort, client.WSSPort = port, port
	client.WSPath = strings.TrimRight(c.Path, "/")
	client.EnabledTransports = []string{"ws", "wss"}
	return client
}

// address returns what the library puts between the scheme and the API's path.
func (c Config) address() string {
	host := c.Host
	if host == "" {
		host = "api-" + c.Cluster + ".pusher.com"
	}
	return host + strings.TrimRight(c.Path, "/")
}

// client returns a function that makes a client of the library for one call.
// Each call needs its own because the library writes to the client on first
// use, which would otherwise be a data race.
func (c Config) client() func() *pusherhttp.Client {
	client := pusherhttp.Client{
		AppID:  c.App.ID,
		Key:    c.App.Key,
		Secret: c.App.Secret,
		Host:   c.address(),
		Secure: !c.Insecure,
		// The library counts kilobytes. The driver itself checks the bytes.
		OverrideMaxMessagePayloadKB: (c.Limits.Payload + 1023) / 1024,
	}
	if c.App.EncryptionKey != "" {
		// The key has been validated. The library needs it padded and trimmed.
		if key, err := pusherproto.DecodeMasterKey(c.App.EncryptionKey); err == nil {
			client.EncryptionMasterKeyBase64 = base64.StdEncoding.EncodeToString(key[:])
		}
	}
	return func() *pusherhttp.Client {
		fresh := client
		return &fresh
	}
}

// newTransport returns a transport that keeps as many idle connections as there
// can be concurrent requests, so that it reuses them under load.
func newTransport(maxConcurrent int) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        maxConcurrent,
		MaxIdleConnsPerHost: maxConcurrent,
		// Shorter than servers keep idle connections, so that they do not close
		// one that is about to be used.
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
