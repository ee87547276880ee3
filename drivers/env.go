// Package drivers makes the driver that environment variables select, with the
// variables and names that a Laravel application uses. The drivers themselves
// are in the packages below it. Package drivertest checks drivers of your own.
package drivers

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// FromEnv returns the connection named by the environment variable
// BROADCAST_CONNECTION, or BROADCAST_DRIVER, its older name:
//
//   - pusher: Pusher Channels, or another service at PUSHER_HOST. It takes
//     PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET and either
//     PUSHER_APP_CLUSTER or PUSHER_HOST. PUSHER_SCHEME is optional, and so is
//     PUSHER_PORT with PUSHER_HOST. Encrypted channels need
//     PUSHER_ENCRYPTION_MASTER_KEY.
//   - reverb: Laravel Reverb, or the embedded server of another process. It
//     takes REVERB_APP_ID, REVERB_APP_KEY, REVERB_APP_SECRET and REVERB_HOST.
//     REVERB_PORT and REVERB_SCHEME are optional. Encrypted channels need
//     REVERB_ENCRYPTION_MASTER_KEY.
//   - ably: Ably's Pusher adapter. It takes ABLY_KEY.
//   - log: writes events to slog.Default.
//   - null: discards events.
//   - any name passed to [WithConnection].
//
// A scheme is https, the default, or http. The default port is 443 for https
// and 80 for http. PUSHER_HOST takes precedence if PUSHER_APP_CLUSTER is also
// set, which is common because pusher-js always requires a cluster. An empty
// variable counts as not set.
//
// FromEnv reads the variables of the process. It reads no files, such as
// Laravel's .env; use [WithLookup] for that.
//
// There is no default connection unless [WithDefault] sets one, and FromEnv
// makes up no value for a required variable. The error is an [*EnvError], which
// lists everything that is missing or wrong.
func FromEnv(options ...Option) (Connection, error) {
	e := environment{lookup: os.LookupEnv, makers: map[string]maker{
		"pusher": makePusher,
		"reverb": makeReverb,
		"ably":   makeAbly,
		"log":    makeLog,
		"null":   makeNull,
	}}
	for _, o := range options {
		o(&e)
	}
	name := e.connection()
	if e.err.empty() {
		c := e.makers[name](&e)
		c.Name = name
		if e.err.empty() {
			return c, nil
		}
	}
	return Connection{}, &e.err
}

// Option configures [FromEnv].
type Option func(*environment)

// WithConnection adds a connection of the program's own. FromEnv calls connect
// to make it if the environment names it. The function reads variables with
// env, which returns "" for one that is not set. It should report everything
// that is wrong at once. A connection with the name of a built-in one replaces
// it.
func WithConnection(name string, connect func(env func(name string) string) (Connection, error)) Option {
	return func(e *environment) {
		e.makers[name] = func(e *environment) Connection {
			c, err := connect(e.get)
			switch {
			case err != nil:
				e.wrong(err)
			case c.Driver == nil:
				e.wrongf("its function returned no driver")
			}
			return c
		}
	}
}

// WithDefault sets the name of the connection to use if the environment names
// none.
func WithDefault(name string) Option {
	return func(e *environment) { e.fallback = name }
}

// WithLookup replaces os.LookupEnv as the source of variables, for tests and
// for settings kept elsewhere.
func WithLookup(lookup func(name string) (value string, ok bool)) Option {
	return func(e *environment) { e.lookup = lookup }
}

// EnvError reports an environment from which [FromEnv] cannot make a
// connection. It never shows a secret value.
type EnvError struct {
	// Connection is the name of the connection, if the environment or
	// [WithDefault] names one. A name of more than 40 bytes is truncated.
	Connection string
	// Missing lists the required variables that are not set.
	Missing []string
	// Wrong lists what is malformed or contradictory.
	Wrong []error
}

// Error returns a message that names the connection, what is missing and what
// is wrong.
func (e *EnvError) Error() string {
	var b strings.Builder
	b.WriteString("drivers: environment")
	if e.Connection != "" {
		fmt.Fprintf(&b, " of connection %q", e.Connection)
	}
	separator := ": "
	if len(e.Missing) > 0 {
		b.WriteString(separator + "missing " + strings.Join(e.Missing, ", "))
		separator = "; "
	}
	for _, err := range e.Wrong {
		b.WriteString(separator + err.Error())
		separator = "; "
	}
	return b.String()
}

// Unwrap returns the errors in Wrong.
func (e *EnvError) Unwrap() []error { return e.Wrong }

func (e *EnvError) empty() bool { return len(e.Missing) == 0 && len(e.Wrong) == 0 }

// environment reads variables and collects the problems with them.
type environment struct {
	lookup   func(string) (string, bool)
	makers   map[string]maker
	fallback string
	err      EnvError
}

// maker makes a connection, or records what is wrong.
type maker func(e *environment) Connection

// connection returns the name of the connection. It records an error if there
// is no name, or no maker for it.
func (e *environment) connection() string {
	current, former := e.get("BROADCAST_CONNECTION"), e.get("BROADCAST_DRIVER")
	if current != "" && former != "" && current != former {
		e.wrongf("BROADCAST_CONNECTION is %q and BROADCAST_DRIVER, its older name, is %q; set one", cut(current), cut(former))
		return ""
	}
	name := cmp.Or(current, former, e.fallback)
	if name == "" {
		e.err.Missing = append(e.err.Missing, "BROADCAST_CONNECTION")
		e.wrongf("it can be %s", e.known())
		return ""
	}
	e.err.Connection = cut(name)
	if e.makers[name] == nil {
		e.wrongf("there is no such connection; there are %s", e.known())
	}
	return name
}

func (e *environment) known() string {
	return strings.Join(slices.Sorted(maps.Keys(e.makers)), ", ")
}

// cut shortens a text for use in a message.
func cut(s string) string {
	if len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

func (e *environment) get(name string) string {
	value, _ := e.lookup(name)
	return value
}

// standIn takes the place of a value that is missing or wrong, so that the
// rest can still be checked. A driver made with it is never returned.
const standIn = "missing"

// need is like get, for a variable that is required.
func (e *environment) need(name string) string {
	value := e.get(name)
	if value == "" {
		e.err.Missing = append(e.err.Missing, name)
		return standIn
	}
	return value
}

func (e *environment) wrong(err error) { e.err.Wrong = append(e.err.Wrong, err) }

func (e *environment) wrongf(format string, args ...any) { e.wrong(fmt.Errorf(format, args...)) }
