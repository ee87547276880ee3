package auth

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// Default limits of a Handler.
const (
	// DefaultRuleTimeout is the time limit of a rule.
	DefaultRuleTimeout = 10 * time.Second
	// DefaultMemberLimit is how many bytes of JSON may describe a presence member
	// or a user who signs in. Pusher Channels has the same limit.
	DefaultMemberLimit = 1024
	// DefaultRefusals is how many times a client may be refused in a burst, and
	// DefaultRefusalRate how many more times it may be refused per second.
	DefaultRefusals    = 120
	DefaultRefusalRate = 1.0
)

// Option configures a [Handler].
type Option func(*settings)

type settings struct {
	log         *slog.Logger
	development bool
	timeout     time.Duration
	memberLimit int
	resolve     func(*http.Request) (App, error)
	origins     []string
	headers     []string
	rate        rate.Limit
	burst       int
	clientKey   func(*http.Request) string
}

// WithLogger sets the logger; nil means slog.Default. Faults are logged at
// level error. Refusals are logged with channel and reason at level debug, or
// at level info in development mode. A page of another origin and a client that
// is refused too often are logged at level warn, each at most once a minute.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) {
		if l != nil {
			s.log = l
		}
	}
}

// WithDevelopment turns development mode on or off. In development mode
// refusals give their reason to the client, and to the log at level info. The
// reason includes the likely mistake: the closest registered pattern, a name
// with two prefixes, or a rule for another kind of channel. Leave it off where
// strangers can send requests.
func WithDevelopment(on bool) Option { return func(s *settings) { s.development = on } }

// WithRuleTimeout sets the time limit of one rule together with the bindings it
// needs. When the time is up, the rule's context ends and the client gets
// status 503, whether or not the rule heeds its context. Zero means
// [DefaultRuleTimeout].
//
// Each rule runs in a goroutine of its own so that the handler can abandon it.
// An abandoned rule keeps running until it returns; [Handler.Shutdown] waits
// for it. While 1024 abandoned rules are running, no further rule is started
// and requests get status 503. A negative duration means no limit and no
// separate goroutine, which saves about a microsecond per rule.
func WithRuleTimeout(d time.Duration) Option {
	return func(s *settings) {
		if s.timeout = d; d == 0 {
			s.timeout = DefaultRuleTimeout
		}
	}
}

// WithMemberLimit sets the maximum size in bytes of the JSON that describes a
// presence member (channel_data) or a user who signs in (user_data without its
// watch list). Zero means [DefaultMemberLimit]; a negative value means no
// limit. The server has its own limit.
func WithMemberLimit(bytes int) Option {
	return func(s *settings) {
		if s.memberLimit = bytes; bytes == 0 {
			s.memberLimit = DefaultMemberLimit
		}
	}
}

// WithAppResolver determines the app for each request, for programs whose
// tenants have separate keys. [NewHandler] is then called with App{}. If
// resolve returns a [*DenyError], the request is refused; any other error is a
// fault. The function is called for every request and concurrently, so it
// should cache the apps.
func WithAppResolver(resolve func(*http.Request) (App, error)) Option {
	return func(s *settings) { s.resolve = resolve }
}

// WithAllowedOrigins lists other origins whose pages may send requests with
// cookies. Each is written scheme://host or scheme://host:port. Requests from
// these pages pass the check for cross-origin requests, and the responses have
// the CORS headers that they need. The handler's own origin need not be listed.
// Wildcards are rejected, and there is no way to allow every origin.
func WithAllowedOrigins(origins ...string) Option {
	return func(s *settings) { s.origins = append(s.origins, origins...) }
}

// WithAllowedHeaders lists request headers that pages of other origins may send
// in addition to Accept, Authorization, Content-Type, X-CSRF-TOKEN,
// X-Requested-With, X-Socket-ID and X-XSRF-TOKEN.
func WithAllowedHeaders(names ...string) Option {
	return func(s *settings) { s.headers = append(s.headers, names...) }
}

// WithRefusalLimit limits how often one client may be refused: burst times at
// once and perSecond times per second thereafter. A client over the limit gets
// status 429 with a Retry-After header, and no rule is called. Every refused
// channel of a batch counts. A perSecond of zero means [DefaultRefusalRate],
// and a negative one means no limit. A burst of zero or less means
// [DefaultRefusals].
func WithRefusalLimit(perSecond float64, burst int) Option {
	return func(s *settings) {
		if s.rate = rate.Limit(perSecond); perSecond == 0 {
			s.rate = DefaultRefusalRate
		}
		if s.burst = burst; burst <= 0 {
			s.burst = DefaultRefusals
		}
	}
}

// WithClientKey sets the function that identifies the client of a request for
// [WithRefusalLimit]. Requests with the same key count as one client; those
// with an empty key are not limited.
//
// The default key is the remote IP address of the connection, or the /64
// network of an IPv6 address. Loopback, private, link-local and carrier-grade
// NAT addresses are not limited by default, because one of them may stand for
// many clients, as that of a reverse proxy does. Behind a proxy, return what
// the proxy says about the client, such as the last entry of X-Forwarded-For.
func WithClientKey(key func(*http.Request) string) Option {
	return func(s *settings) {
		if key != nil {
			s.clientKey = key
		}
	}
}

func newSettings(options []Option) settings {
	s := settings{
		log: slog.Default(), timeout: DefaultRuleTimeout, memberLimit: DefaultMemberLimit,
		rate: DefaultRefusalRate, burst: DefaultRefusals, clientKey: remoteNetwork,
	}
	for _, o := range options {
		o(&s)
	}
	return s
}

// newEndpoint builds the part of a Handler that does not depend on its user
// type.
func newEndpoint(app App, options []Option) endpoint {
	s := newSettings(options)
	origins, err := newOrigins(s.origins, s.headers)
	if err != nil {
		panic(fmt.Sprintf("auth: NewHandler: %v", err))
	}
	e := endpoint{
		log: s.log, development: s.development, timeout: s.timeout, memberLimit: s.memberLimit, origins: origins,
		hints:   newHints(),
		limiter: &limiter{key: s.clientKey, rate: s.rate, burst: s.burst, buckets: newCache[string, *rate.Limiter](maxClients)},
	}
	if e.apps, err = newApps(app, s.resolve); err != nil {
		panic(fmt.Sprintf("auth: NewHandler: %v", err))
	}
	if s.development {
		s.log.Warn("auth: development mode tells clients why they are refused")
	}
	return e
}
