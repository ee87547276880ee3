package server

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
)

// ErrClosed is returned by what is called after [Server.Shutdown].
var ErrClosed = errors.New("server: shut down")

// errUnknownApp is the condition of an app id or key that no app has.
var errUnknownApp = errors.New("server: unknown app")

// Server is a Pusher Channels server. Make one with [New].
type Server struct {
	limits Limits // with the defaults filled in; a negative one is off
	prefix string // as in Config
	log    *slog.Logger
}

// New returns a server.
func New(c Config) (*Server, error) {
	return &Server{limits: c.Limits, prefix: c.Prefix, log: c.Logger}, nil
}

// ServeHTTP serves {Prefix}/app/{key}, {Prefix}/apps/… and {Prefix}/up.
// Requests below /apps/ and /users/ go to s.serveAPI(w, r).
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }

// appByID returns the app with that id; the error is errUnknownApp, wrapped,
// or that of the resolver of apps.
func (s *Server) appByID(ctx context.Context, id string) (*app, error) { return nil, errUnknownApp }

// appByKey returns the app that has the key among its current and former ones.
func (s *Server) appByKey(ctx context.Context, key string) (*app, error) { return nil, errUnknownApp }

// draining reports whether Shutdown has begun.
func (s *Server) draining() bool { return false }
