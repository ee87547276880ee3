package main

import (
	"crypto/rand"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"strings"

	"github.com/onairgo/onair/auth"
)

// defaultAddr uses soketi's port. Reverb's is 8080, which many other programs
// use too.
const defaultAddr = "127.0.0.1:6001"

const serveUsage = `usage: onair serve [flags]

Runs a Pusher Channels server that laravel-echo and pusher-js connect to and
every pusher-http SDK and Laravel's reverb driver publish to. It stops
gracefully on SIGTERM and SIGINT, and at once on a second one.

Without credentials it makes some up for this run and prints them.

`

const serveUsageEnd = `
Each flag can be given as a variable instead: -app-key as ONAIR_APP_KEY, and so
on; the flag wins. Prefer ONAIR_APP_SECRET to -app-secret: other users of the
machine see flags in the list of processes.
`

// loopbackOrigins are the origins of pages served from the same machine.
var loopbackOrigins = []string{
	"http://localhost:*", "https://localhost:*",
	"http://127.0.0.1:*", "https://127.0.0.1:*",
	"http://[::1]:*", "https://[::1]:*",
}

// flagOf maps the settings that the server's log names to flags.
var flagOf = map[string]string{
	"AllowedOrigins":    "-allowed-origins",
	"InsecureAnyOrigin": "-allowed-origins",
}

// nameFlag makes the log name a flag where the server names a field of its
// Config.
func nameFlag(_ []string, a slog.Attr) slog.Attr {
	if a.Key == "setting" && flagOf[a.Value.String()] != "" {
		a.Value = slog.StringValue(flagOf[a.Value.String()])
	}
	return a
}

// settings are the settings of "onair serve".
type settings struct {
	addr      string
	app       auth.App
	generated bool     // app was made up for this run
	origins   []string // origins whose pages may connect
	anyOrigin bool     // pages of every origin may connect
	cert      *tls.Certificate
}

// parseSettings reads the flags and the environment. If the help was requested,
// it prints the help and returns flag.ErrHelp.
func parseSettings(args []string, getenv func(string) string, stdout io.Writer) (settings, error) {
	var s settings
	var origins, certFile, keyFile string
	fs := flag.NewFlagSet("serve", flag.ContinueOnError)
	fs.SetOutput(io.Discard) // errors are returned
	fs.Usage = func() {}
	fs.StringVar(&s.addr, "addr", defaultAddr, "`address` to listen on; \":6001\" is every address of the machine")
	fs.StringVar(&s.app.ID, "app-id", "", "`id` of the app, in digits")
	fs.StringVar(&s.app.Key, "app-key", "", "public `key` that pages connect with")
	fs.StringVar(&s.app.Secret, "app-secret", "", "`secret` that publishers and auth endpoints sign with")
	fs.StringVar(&origins, "allowed-origins", "", "comma-separated `origins` of the pages that may connect, such as\n"+
		"https://app.example.com,https://*.example.com; * allows every page;\nwithout it those on localhost, 127.0.0.1 and [::1] may")
	fs.StringVar(&certFile, "tls-cert", "", "`file` with the certificate chain in PEM, to serve https and wss")
	fs.StringVar(&keyFile, "tls-key", "", "`file` with the certificate's private key in PEM")

	if err := fs.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			io.WriteString(stdout, serveUsage)
			fs.SetOutput(stdout)
			fs.PrintDefaults()
			io.WriteString(stdout, serveUsageEnd)
		}
		return s, err
	}
	if fs.NArg() > 0 {
		return s, fmt.Errorf("unexpected argument %q; every setting is a flag", fs.Arg(0))
	}
	readEnv(fs, getenv)
	return s, errors.Join(s.setApp(), s.setOrigins(origins), s.setCert(certFile, keyFile))
}

// readEnv sets the flags that were not given from their environment variables.
func readEnv(fs *flag.FlagSet, getenv func(string) string) {
	given := make(map[string]bool)
	fs.Visit(func(f *flag.Flag) { given[f.Name] = true })
	fs.VisitAll(func(f *flag.Flag) {
		if v := getenv(variable(f.Name)); v != "" && !given[f.Name] {
			f.Value.Set(v) // every flag is a string, so this cannot fail
		}
	})
}

// variable returns the name of the environment variable for a flag.
func variable(flagName string) string {
	return "ONAIR_" + strings.ToUpper(strings.ReplaceAll(flagName, "-", "_"))
}

// setApp checks the credentials, or makes some up if none were given.
func (s *settings) setApp() error {
	var missing []string
	for _, c := range []struct{ flagName, value string }{{"app-id", s.app.ID}, {"app-key", s.app.Key}, {"app-secret", s.app.Secret}} {
		if c.value == "" {
			missing = append(missing, fmt.Sprintf("-%s (%s)", c.flagName, variable(c.flagName)))
		}
	}
	switch len(missing) {
	case 0:
		return s.app.Validate()
	case 3:
		s.app, s.generated = randomApp(), true
		return nil
	}
	return fmt.Errorf("missing credentials: %s; give all three, or none to have some made up", strings.Join(missing, " and "))
}

// randomApp returns random credentials in the form of Pusher's.
func randomApp() auth.App {
	id, err := rand.Int(rand.Reader, big.NewInt(900_000))
	if err != nil {
		panic(err) // crypto/rand never fails
	}
	key := make([]byte, 10)
	secret := make([]byte, 20)
	rand.Read(key)
	rand.Read(secret)
	return auth.App{ID: id.Add(id, big.NewInt(100_000)).String(), Key: hex.EncodeToString(key), Secret: hex.EncodeToString(secret)}
}

func (s *settings) setOrigins(list string) error {
	for origin := range strings.SplitSeq(list, ",") {
		switch origin = strings.TrimSpace(origin); origin {
		case "":
		case "*":
			s.anyOrigin = true
		default:
			s.origins = append(s.origins, origin)
		}
	}
	switch {
	case s.anyOrigin && len(s.origins) > 0:
		return errors.New("-allowed-origins has * beside other origins; give either")
	case !s.anyOrigin && len(s.origins) == 0:
		s.origins = loopbackOrigins
	}
	return nil
}

func (s *settings) setCert(certFile, keyFile string) error {
	switch {
	case certFile == "" && keyFile == "":
		return nil
	case certFile == "":
		return errors.New("-tls-key is given and -tls-cert is not; TLS needs both")
	case keyFile == "":
		return errors.New("-tls-cert is given and -tls-key is not; TLS needs both")
	}
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return fmt.Errorf("-tls-cert and -tls-key: %w", err)
	}
	s.cert = &cert
	return nil
}
