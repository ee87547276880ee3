package main

import (
	"encoding/json"
	"fmt"
	"net"
	"strings"
)

// greeting returns the text that is printed when the server listens on addr:
// where it is, and how to set up a front end and a publisher for it. It does
// not contain a secret that the user gave.
func (s settings) greeting(addr net.Addr) string {
	host, port := publicAddress(addr)
	ws, scheme, forceTLS := "ws", "http", false
	if s.cert != nil {
		ws, scheme, forceTLS = "wss", "https", true
	}
	var b strings.Builder
	fmt.Fprintf(&b, "onair listens on %s://%s\n", ws, net.JoinHostPort(host, port))
	secret := "REVERB_APP_SECRET=" + dotenvValue(s.app.Secret)
	if s.generated {
		b.WriteString("\nWARNING: no credentials were given, so these were made up for this run only.\n" +
			"Set ONAIR_APP_ID, ONAIR_APP_KEY and ONAIR_APP_SECRET to keep some.\n")
	} else {
		secret = "# REVERB_APP_SECRET is the secret that this server was given"
	}
	fmt.Fprintf(&b, `
In the page:

  window.Echo = new Echo({
    broadcaster: 'reverb',
    key: %s,
    wsHost: %s,
    wsPort: %s,
    wssPort: %[3]s,
    forceTLS: %[4]t,
    enabledTransports: ['ws', 'wss'],
  });

In the environment of the publisher and of the page's build:

  BROADCAST_CONNECTION=reverb
  REVERB_APP_ID=%[5]s
  REVERB_APP_KEY=%[6]s
  %[7]s
  REVERB_HOST=%[8]s
  REVERB_PORT=%[3]s
  REVERB_SCHEME=%[9]s
  VITE_REVERB_APP_KEY="${REVERB_APP_KEY}"
  VITE_REVERB_HOST="${REVERB_HOST}"
  VITE_REVERB_PORT="${REVERB_PORT}"
  VITE_REVERB_SCHEME="${REVERB_SCHEME}"
`, javaScript(s.app.Key), javaScript(host), port, forceTLS,
		dotenvValue(s.app.ID), dotenvValue(s.app.Key), secret, dotenvValue(host), scheme)
	return b.String()
}

// publicAddress returns the host and port at which a page on this machine
// reaches a listener. The host is localhost if the listener is on every
// address.
func publicAddress(addr net.Addr) (host, port string) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return addr.String(), ""
	}
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "localhost"
	}
	return host, port
}

// javaScript returns s as a JavaScript string literal.
func javaScript(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always encodes
	}
	inside := string(b[1 : len(b)-1])
	return "'" + strings.ReplaceAll(inside, "'", `\'`) + "'"
}

// dotenvValue returns s as the value of a variable in an .env file, quoted if
// it contains special characters.
func dotenvValue(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("._-", r)
	}
	if !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`).Replace(s) + `"`
}
