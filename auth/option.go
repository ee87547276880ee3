package auth

import (
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"golang.org/x/time/rate"
)

// The defaults of a Handler's limits.
const (
	// DefaultRuleTimeout is how long a rule may take.
	DefaultRuleTimeout = 10 * time.Second
	// DefaultMemberLimit is how many bytes of JSON may describe a presence
	// member or a user who signs in: what Pusher Channels takes.
	DefaultMemberLimit = 1024
	// DefaultRefusals is how many refusals a client may collect at once, and
	// DefaultRefusalRate how many more it may have each second.
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

// WithLogger sets the logger; nil is slog.Default. Faults are logged at level
// error, a page of another origin and a client that is refused too often at
// level warn, each at most once a minute, and refusals with channel and reason
// at level debug, or info in development mode.
func WithLogger(l *slog.Logger) Option {
	return func(s *settings) {
		if l != nil {
			s.log = l
		}
	}
}

// WithDevelopment says whether refusals tell their reason to the client, and to
// the log at level info: the registered pattern that comes closest, a name with
// two prefixes, a rule of another kind. Leave it off where strangers can ask.
func WithDevelopment(on bool) Option { return func(s *settings) { s.development = on } }

// WithRuleTimeout sets how long one rule, with the bindings it needs, may take.
// The rule's context ends then, and the client is answered with status 503
// whether the rule heeds the context or not. Zero is [DefaultRuleTimeout].
//
// A rule runs in a goroutine of its own so that it can be given up. One that is
// given up runs on until it returns; [Handler.Shutdown] waits for it, and no
// more than 1024 may do so at a time. Negative means no limit and no goroutine,
// which saves about a microsecond a rule.
func WithRuleTimeout(d time.Duration) Option {
	return func(s *settings) {
		if s.timeout = d; d == 0 {
			s.timeout = DefaultRuleTimeout
		}
	}
}

// WithMemberLimit sets how many bytes the JSON about a presence member
// (channel_data) or about a user who signs in (user_data without its watch
// list) may have. Zero is [DefaultMemberLimit], negative means no limit. The
// server has a limit of its own.
func WithMemberLimit(bytes int) Option {
	return func(s *settings) {
		if s.memberLimit = bytes; bytes == 0 {
			s.memberLimit = DefaultMemberLimit
		}
	}
}

// WithAppResolver finds the app of each request, for programs whose tenants
// have keys of their own. [NewHandler] is then given App{}. An error is a
// fault; a [*DenyError] refuses. The resolver is called for every request and
// concurrently, so it should keep the apps it makes.
func WithAppResolver(resolve func(*http.Request) (App, error)) Option {
	return func(s *settings) { s.resolve = resolve }
}

// WithAllowedOrigins lists the other origins whose pages may ask, each as
// scheme://host or scheme://host:port, with cookies: they pass the check for
// cross-origin requests and get the CORS headers they need. A page of the
// handler's own origin needs no entry. Patterns are not taken, and there is no
// way to allow every origin.
func WithAllowedOrigins(origins ...string) Option {
	return func(s *settings) { s.origins = append(s.origins, origins...) }
}

// WithAllowedHeaders lists request headers that pages of other origins may
// send, on top of Accept, Authorization, Content-Type, X-CSRF-TOKEN,
// X-Requested-With, X-Socket-ID and X-XSRF-TOKEN.
func WithAllowedHeaders(names ...string) Option {
	return func(s *settings) { s.headers = append(s.headers, names...) }
}

// WithRefusalLimit sets how often one client may be refused: burst times at
// once and perSecond times a second after that. A client that has used that up
// is answered with status 429 and Retry-After, and no rule is asked. Every
// channel of a batch counts. Zeros are [DefaultRefusalRate] and
// [DefaultRefusals]; a negative rate means no limit.
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

// WithClientKey says who counts as one client for [WithRefusalLimit]; the empty
// key is not limited. The default is the address that the connection comes
// from, an IPv6 address by its /64 network. Loopback and private addresses are
// not limited by default: they are those of a reverse proxy, behind which all
// clients would look like one. Behind a proxy, return what it says about the
// client, such as the last entry of X-Forwarded-For.
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

// newEndpoint builds the part of a Handler that does not depend on its users.
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
