package drivers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/drivers/log"
	"github.com/onairgo/onair/drivers/null"
	"github.com/onairgo/onair/drivers/pusher"
)

// Connection is a driver together with its credentials and the settings that
// pages need to connect.
type Connection struct {
	// Name is the name in the environment, such as "pusher".
	Name string
	// Driver sends the events. It is never nil in a result of [FromEnv].
	Driver broadcast.Driver
	// App holds the credentials that package auth signs with. The connections
	// log and null have no service that checks signatures, so their App is made
	// up and has random secrets. Subscriptions are then authorised and signed
	// as with any other connection.
	App auth.App
	// Client holds what a page needs to connect, or is nil if there is nothing
	// to connect to.
	Client *auth.ClientConfig
}

// Shutdown calls the driver's method Shutdown(context.Context) error and
// returns its error. If the driver has no such method, Shutdown returns nil.
func (c Connection) Shutdown(ctx context.Context) error {
	if d, ok := c.Driver.(interface {
		Shutdown(ctx context.Context) error
	}); ok {
		return d.Shutdown(ctx)
	}
	return nil
}

func makePusher(e *environment) Connection {
	c := pusher.Config{App: e.app("PUSHER")}
	cluster := e.get("PUSHER_APP_CLUSTER")
	a := e.address("PUSHER", e.get("PUSHER_HOST"))
	switch {
	case a.host != "":
		c.Host = a.String()
	case cluster != "":
		c.Cluster = cluster
		if a.port != a.schemePort() {
			e.wrongf("PUSHER_PORT is for PUSHER_HOST, and Pusher Channels has the scheme's own; unset it or set PUSHER_HOST")
		}
	default:
		e.err.Missing = append(e.err.Missing, "PUSHER_APP_CLUSTER or PUSHER_HOST")
		c.Cluster = standIn
	}
	c.Insecure = a.insecure
	return e.dial(c)
}

func makeReverb(e *environment) Connection {
	app := e.app("REVERB")
	a := e.address("REVERB", e.need("REVERB_HOST"))
	c := pusher.Reverb(app, a.String())
	c.Insecure = a.insecure
	return e.dial(c)
}

func makeAbly(e *environment) Connection {
	key := e.need("ABLY_KEY")
	if !e.err.empty() {
		return Connection{}
	}
	c, err := pusher.Ably(key)
	if err != nil {
		e.wrongf("ABLY_KEY: %w", err)
		return Connection{}
	}
	return e.dial(c)
}

func makeLog(*environment) Connection {
	return Connection{Driver: log.New(nil), App: unconnected("log")}
}

func makeNull(*environment) Connection {
	return Connection{Driver: null.New(), App: unconnected("null")}
}

// unconnected returns credentials that can sign but that no service knows.
func unconnected(key string) auth.App {
	return auth.App{ID: "1", Key: key, Secret: random(), EncryptionKey: random()}
}

func random() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never returns an error: it crashes the program instead
	return base64.StdEncoding.EncodeToString(b[:])
}

func (e *environment) app(prefix string) auth.App {
	return auth.App{
		ID:            e.need(prefix + "_APP_ID"),
		Key:           e.need(prefix + "_APP_KEY"),
		Secret:        e.need(prefix + "_APP_SECRET"),
		EncryptionKey: e.get(prefix + "_ENCRYPTION_MASTER_KEY"),
	}
}

// dial makes the driver. If something is missing or wrong, c holds stand-ins
// for it, so that [pusher.New] reports what else is wrong.
func (e *environment) dial(c pusher.Config) Connection {
	d, err := pusher.New(c)
	if err != nil {
		e.wrong(err)
	}
	if !e.err.empty() {
		return Connection{}
	}
	client := d.ClientConfig()
	return Connection{Driver: d, App: c.App, Client: &client}
}

// address is the address of a service.
type address struct {
	host     string // without brackets
	port     int
	insecure bool
}

// address reads the PORT and SCHEME variables with the prefix, and checks the
// host, which may be empty.
func (e *environment) address(prefix, host string) address {
	a := address{host: host}
	switch scheme := e.get(prefix + "_SCHEME"); scheme {
	case "", "https":
	case "http":
		a.insecure = true
	default:
		e.wrongf("%s_SCHEME is neither https nor http", prefix)
	}
	a.port = a.schemePort()
	if port := e.get(prefix + "_PORT"); port != "" {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			e.wrongf("%s_PORT is not a number from 1 to 65535", prefix)
		} else {
			a.port = int(n)
		}
	}
	if strings.HasPrefix(a.host, "[") && strings.HasSuffix(a.host, "]") && strings.Contains(a.host, ":") {
		a.host = a.host[1 : len(a.host)-1]
	}
	if a.host != "" && !validHost(a.host) {
		e.wrongf("%s_HOST is not a host name or address; the scheme belongs in %[1]s_SCHEME, the port in %[1]s_PORT", prefix)
		a.host = standIn
	}
	return a
}

func validHost(host string) bool {
	return net.ParseIP(host) != nil || !strings.ContainsFunc(host, func(r rune) bool {
		return r != '-' && r != '.' && r != '_' && (r < '0' || r > '9') && (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func (a address) schemePort() int {
	if a.insecure {
		return 80
	}
	return 443
}

// String returns the address as it is written in a URL.
func (a address) String() string {
	if a.port == a.schemePort() {
		if strings.Contains(a.host, ":") {
			return "[" + a.host + "]"
		}
		return a.host
	}
	return net.JoinHostPort(a.host, fmt.Sprint(a.port))
}
