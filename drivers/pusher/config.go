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

// What a zero field of [Config] stands for.
const (
	DefaultTimeout       = 5 * time.Second
	DefaultMaxConcurrent = 64
	// DefaultBatchBytes is below the megabyte that proxies commonly take.
	DefaultBatchBytes = 1_000_000
)

// hostedLimits are those of Pusher Channels.
var hostedLimits = broadcast.Limits{Payload: 10 << 10, Channels: maxChannels, Batch: 10, ChannelName: 164}

// maxChannels is how many channels the library takes in one request.
const maxChannels = 100

// Config says which service a [Driver] talks to, and how. App and one of
// Cluster and Host are required. [Reverb], [Soketi] and [Ably] fill it for
// other services than Pusher's.
type Config struct {
	// App holds the credentials. ID, Key and Secret are required, and
	// EncryptionKey in a program that sends to encrypted channels.
	App auth.App
	// Cluster is the cluster of Pusher Channels that the app was created in,
	// such as "eu" or "mt1". There is no default: Laravel's is mt1, and an app
	// of another cluster is unknown there.
	Cluster string
	// Host is the address of another service, with the port unless it is the
	// scheme's own: "ws.example.com", "127.0.0.1:8080".
	Host string
	// Path is put before the API's paths, where the service is mounted below
	// a prefix such as "/realtime". As in Pusher's libraries it is not part
	// of what is signed.
	Path string
	// Insecure uses plain HTTP instead of HTTPS. It shows every payload and
	// lets whoever listens send a request again.
	Insecure bool
	// Timeout bounds one request, from a free place among MaxConcurrent to the
	// end of the answer. 0 is [DefaultTimeout]; with a negative one only the
	// caller's context bounds it.
	Timeout time.Duration
	// MaxConcurrent is the most requests at a time; others wait until their
	// context is done. As many connections are kept open. 0 is
	// [DefaultMaxConcurrent].
	MaxConcurrent int
	// Limits are the service's. A zero field is that of Pusher Channels: 10,240
	// bytes of data, 100 channels, 10 messages in a batch, 164 bytes of a
	// channel's name. The library takes no more than 100 channels of 200 bytes.
	// A Batch of 1 sends every message by itself. NoEncryption follows from
	// the App.
	Limits broadcast.Limits
	// BatchBytes is the most bytes in the body of a request with several
	// messages; 0 is [DefaultBatchBytes].
	BatchBytes int
	// IdempotencyKeys sends each message's ID as X-Idempotency-Key, for a
	// service that knows such keys and drops what it has seen. As a key stands
	// for one message, batches are not used then. net/http may repeat a
	// request that has one, by itself, when a kept connection breaks.
	IdempotencyKeys bool
	// Transport carries the requests, for proxies, certificates of one's own
	// and tests; nil is one made for this driver. Let it keep MaxConcurrent
	// idle connections for the host. [Driver.Shutdown] leaves it alone.
	Transport http.RoundTripper

	// clientHost is where pages connect, unless that is Host.
	clientHost string
}

// withDefaults returns the config with its zero fields filled, or an error that
// names all that is missing or wrong.
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
			wrong = append(wrong, fmt.Sprintf("%s is %d, the most is %d", n.name, n.value, n.max))
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
		wrong = append(wrong, fmt.Sprintf("Cluster %q is not made of small letters, digits and hyphens", c.Cluster))
	}
	if c.Host != "" && !validHost(c.Host) {
		shown := c.Host
		if at := strings.LastIndexByte(shown, '@'); at >= 0 {
			shown = "[hidden]" + shown[at:] // a password perhaps
		}
		wrong = append(wrong, fmt.Sprintf(`Host %q is not a host with or without a port; write "ws.example.com:8080" or "[::1]:8080", the scheme is Insecure's and a prefix is Path's`, shown))
	}
	if c.Path != "" {
		u, err := url.Parse(c.Path)
		if err != nil || u.Path != c.Path || !strings.HasPrefix(c.Path, "/") || strings.HasPrefix(c.Path, "//") || u.EscapedPath() != c.Path {
			wrong = append(wrong, fmt.Sprintf(`Path %q is not a path such as "/realtime"`, c.Path))
		}
	}
	return wrong
}

// validHost parses the host in the place where requests have it: without the
// scheme, net/url lets more pass.
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

// address is what the library puts between the scheme and the path.
func (c Config) address() string {
	host := c.Host
	if host == "" {
		host = "api-" + c.Cluster + ".pusher.com"
	}
	return host + strings.TrimRight(c.Path, "/")
}

// client returns what makes a client of the library for one call. A fresh one
// for each is what keeps the library free of data races, as it writes to its
// client on first use.
func (c Config) client() func() *pusherhttp.Client {
	client := pusherhttp.Client{
		AppID:  c.App.ID,
		Key:    c.App.Key,
		Secret: c.App.Secret,
		Host:   c.address(),
		Secure: !c.Insecure,
		// The library counts whole kilobytes; the bytes are counted here.
		OverrideMaxMessagePayloadKB: (c.Limits.Payload + 1023) / 1024,
	}
	if c.App.EncryptionKey != "" {
		// The key was validated; the library wants it padded and trimmed.
		if key, err := pusherproto.DecodeMasterKey(c.App.EncryptionKey); err == nil {
			client.EncryptionMasterKeyBase64 = base64.StdEncoding.EncodeToString(key[:])
		}
	}
	return func() *pusherhttp.Client {
		fresh := client
		return &fresh
	}
}

// newTransport returns a transport that keeps as many connections as are used
// at a time, so that none is made anew under load.
func newTransport(maxConcurrent int) *http.Transport {
	dialer := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dialer.DialContext,
		ForceAttemptHTTP2:   true,
		MaxIdleConns:        maxConcurrent,
		MaxIdleConnsPerHost: maxConcurrent,
		// Less than servers keep an idle connection, so that none closes it
		// under a request.
		IdleConnTimeout:        30 * time.Second,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}
}
