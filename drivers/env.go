// Package drivers makes the driver that the environment names, under the names
// that a Laravel application uses. The drivers themselves are the packages
// below it, and drivertest checks one of your own.
package drivers

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// FromEnv makes the connection that the environment variable
// BROADCAST_CONNECTION names, or its older name BROADCAST_DRIVER:
//
//   - pusher: Pusher Channels, or another service at PUSHER_HOST. It takes
//     PUSHER_APP_ID, PUSHER_APP_KEY, PUSHER_APP_SECRET and PUSHER_APP_CLUSTER,
//     or instead of the cluster PUSHER_HOST with PUSHER_PORT and PUSHER_SCHEME;
//     PUSHER_ENCRYPTION_MASTER_KEY for encrypted channels.
//   - reverb: Laravel Reverb or the embedded server of another process. It
//     takes REVERB_APP_ID, REVERB_APP_KEY, REVERB_APP_SECRET and REVERB_HOST
//     with REVERB_PORT and REVERB_SCHEME; REVERB_ENCRYPTION_MASTER_KEY for
//     encrypted channels.
//   - ably: Ably's Pusher adapter. It takes ABLY_KEY.
//   - log: writes events to slog.Default.
//   - null: discards events.
//   - the names given to [WithConnection].
//
// A scheme is https or http, by default https. A port that is not set is that
// of the scheme. Where both PUSHER_HOST and PUSHER_APP_CLUSTER are set, as
// pusher-js wants a cluster in any case, the host is where events go. A
// variable that is set to nothing counts as not set.
//
// It reads the variables of the process and no file, such as Laravel's .env;
// [WithLookup] can read one.
//
// There is no default unless [WithDefault] gives one, and nothing is made up for
// what is missing: the error is an [*EnvError] that lists all that is wrong.
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

// WithConnection adds a connection of the program's own, made by the function when the
// environment names it. The function reads variables with env, which returns
// "" for one that is not set, and should report all that is wrong at once. The
// name of a built-in connection replaces that one.
func WithConnection(name string, connect func(env func(name string) string) (Connection, error)) Option {
	return func(e *environment) {
		e.makers[name] = func(e *environment) Connection {
			c, err := connect(e.get)
			switch {
			case err != nil:
				e.wrong(err)
			case c.Driver == nil:
				e.wrongf("it was made without a driver")
			}
			return c
		}
	}
}

// WithDefault names the connection for an environment that names none.
func WithDefault(name string) Option {
	return func(e *environment) { e.fallback = name }
}

// WithLookup replaces os.LookupEnv, for tests and for settings kept elsewhere.
func WithLookup(lookup func(name string) (value string, ok bool)) Option {
	return func(e *environment) { e.lookup = lookup }
}

// EnvError reports an environment that FromEnv cannot make a connection of. It
// never shows a value that is secret.
type EnvError struct {
	// Connection is the name of the connection, if one was found.
	Connection string
	// Missing lists the variables that are required and not set.
	Missing []string
	// Wrong lists what is malformed or contradicts itself.
	Wrong []error
}

// Error names the connection, what is missing and what is wrong.
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

// Unwrap returns what is wrong.
func (e *EnvError) Unwrap() []error { return e.Wrong }

func (e *EnvError) empty() bool { return len(e.Missing) == 0 && len(e.Wrong) == 0 }

// environment reads variables and collects what is wrong with them.
type environment struct {
	lookup   func(string) (string, bool)
	makers   map[string]maker
	fallback string
	err      EnvError
}

// maker makes a connection, or notes what is wrong.
type maker func(e *environment) Connection

// connection returns the name of the connection, which then has a maker, or
// notes what is wrong.
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

// cut shortens what may be long and is only shown.
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
// rest can still be checked. No driver with it is returned.
const standIn = "missing"

// need is get of a variable that is required.
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
