package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/internal/bodytime"
)

// ErrClosed is the error of Broadcast and Ping once [Server.Shutdown] has ended
// the connections.
var ErrClosed = errors.New("server: shut down")

// errPanic reports that code of the application panicked.
var errPanic = errors.New("server: panic")

// Server is a Pusher Channels server. It is an http.Handler for browsers and
// the pusher-http SDKs, and a broadcast.Driver for the program that it is part
// of. Create one with [New] and end it with [Server.Shutdown]; the zero value
// is not usable. A Server is safe for concurrent use.
type Server struct {
	config Config
	limits Limits // with the defaults filled in; a negative one is off
	prefix string // as in Config
	log    *slog.Logger

	apps    registry
	origins origins
	hooks   hookQueue
	hints   hints
	shards  []*shard
	start   time.Time

	turn        atomic.Uint32 // picks the shard of the next connection
	connections atomic.Int64
	turnedAway  atomic.Int64 // connections that are being refused
	perIP       addressCount

	base   context.Context // for code of the application; cancelled by Shutdown
	cancel context.CancelFunc
	wg     sync.WaitGroup // of every goroutine

	lifecycle lifecycle
}

// New returns a server. The error names everything that is wrong with the
// configuration.
func New(c Config) (*Server, error) {
	c.setDefaults()
	s := &Server{config: c, limits: c.Limits, prefix: c.Prefix, log: c.Logger, start: time.Now()}
	s.apps = registry{resolve: c.Resolve, static: make(map[string]*app), byKey: make(map[string]*app), dynamic: make(map[string]*app)}
	errs := []error{c.validate()}
	listed := c.Apps
	if c.App.ID != "" || c.App.Key != "" || c.App.Secret != "" {
		listed = append([]auth.App{c.App}, c.Apps...)
	}
	for _, a := range listed {
		errs = append(errs, s.apps.addStatic(s, a))
	}
	// Printing a Server must not show secrets, and package fmt prints
	// unexported fields without calling their methods.
	s.config.App, s.config.Apps = auth.App{}, nil
	if len(listed) == 0 && c.Resolve == nil {
		errs = append(errs, errors.New("server: no app; set Config.App"))
	}
	var err error
	s.origins, err = parseOrigins(c.AllowedOrigins)
	if err = errors.Join(append(errs, err)...); err != nil {
		return nil, err
	}
	if c.InsecureAnyOrigin {
		s.log.Warn("pages of every origin may connect", slog.String("setting", "InsecureAnyOrigin"))
	}
	if c.Development {
		s.log.Warn("development mode tells clients why they are refused", slog.String("setting", "Development"))
	}
	s.hooks.init(s)
	s.lifecycle.init()
	s.base, s.cancel = context.WithCancel(context.Background())
	for range writers() {
		s.shards = append(s.shards, &shard{server: s})
	}
	return s, nil
}

// writers returns how many shards a server has. Half of the processors write,
// which leaves the other half to readers and to the application. Tests vary it.
var writers = func() int { return max(1, runtime.GOMAXPROCS(0)/2) }

// ServeHTTP serves the following paths, below Config.Prefix:
//
//   - /app/{key}: the connections of pages
//   - /apps/: the HTTP API
//   - /users/: the call with which the SDK for Python ends the connections of
//     a user
//   - /up: health checks, answered with 200, and with 503 once Shutdown has
//     begun
//
// Mount those that you need, prefix included:
//
//	mux.Handle("/app/", srv)
//	mux.Handle("/apps/", srv)
//	mux.Handle("/users/", srv)
//	mux.Handle("/up", srv)
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bodytime.Bound(w, r)
	path, ok := strings.CutPrefix(r.URL.Path, s.prefix)
	switch {
	case !ok:
	case path == "/app" || strings.HasPrefix(path, "/app/"):
		s.serveSocket(w, r, strings.TrimPrefix(strings.TrimPrefix(path, "/app"), "/"))
		return
	case strings.HasPrefix(path, "/apps/") || strings.HasPrefix(path, "/users/"):
		s.serveAPI(w, r)
		return
	case path == "/up":
		s.serveUp(w, r)
		return
	}
	s.hintPath(r)
	apiErrorf(http.StatusNotFound, "not found; pages connect to %s/app/{key}", s.prefix).answer().write(w)
}

// serveUp answers health checks with 200, and with 503 once Shutdown has begun.
func (s *Server) serveUp(w http.ResponseWriter, r *http.Request) {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		w.Header().Set("Allow", "GET, HEAD")
		apiErrorf(http.StatusMethodNotAllowed, "method not allowed; use GET").answer().write(w)
	case s.draining():
		errAPIDraining.answer().write(w)
	default:
		w.Header().Set("Cache-Control", "no-store")
		emptyAnswer.write(w)
	}
}

// now is the time on the server's clock, which only goes forward.
func (s *Server) now() int64 { return int64(time.Since(s.start)) }

func (s *Server) nextShard() *shard {
	return s.shards[s.turn.Add(1)%uint32(len(s.shards))]
}

// admit waits while the server is too far behind with writing. If ctx is done
// it returns an error, even when there is nothing to wait for.
func (s *Server) admit(ctx context.Context) error {
	if s.lifecycle.closed.Load() {
		return ErrClosed
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, sh := range s.shards {
		if err := sh.admit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// appByID returns the app with that id. The error is [ErrUnknownApp], possibly
// wrapped, or that of the resolver.
func (s *Server) appByID(ctx context.Context, id string) (*app, error) {
	return s.apps.find(ctx, s, AppQuery{ID: id})
}

// appByKey returns the app that has the key among its current and former ones.
func (s *Server) appByKey(ctx context.Context, key string) (*app, error) {
	return s.apps.find(ctx, s, AppQuery{Key: key})
}

// ruleContext returns the context of one decision of the Authorizer.
func (s *Server) ruleContext() (context.Context, context.CancelFunc) {
	if s.config.RuleTimeout < 0 {
		return context.WithCancel(s.base)
	}
	return context.WithTimeout(s.base, s.config.RuleTimeout)
}

// contain calls code of the application and turns a panic into an error.
func (s *Server) contain(what string, call func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			s.log.Error(what+" panicked", slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("%w in %s: %v", errPanic, what, v)
		}
	}()
	return call()
}
