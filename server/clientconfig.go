package server

import (
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/onairgo/onair/auth"
)

// ClientConfig returns what a page needs to connect to the app with Echo's
// broadcaster "reverb". The host and port are those of the request, since the
// same server serves the page.
func (h *Hub) ClientConfig(r *http.Request) (auth.ClientConfig, error) {
	a, err := h.app(r.Context())
	if err != nil {
		return auth.ClientConfig{}, err
	}
	return h.server.clientConfig(r, a.credentials.Load().app.Key), nil
}

// ClientConfig is like [Hub.ClientConfig], for the only app of the server. With
// several apps it leaves the key empty, so that the page cannot connect, and
// logs an error; use [Server.For].
func (s *Server) ClientConfig(r *http.Request) auth.ClientConfig {
	c, err := s.only().ClientConfig(r)
	if errors.Is(err, errNoAppChosen) {
		s.log.ErrorContext(r.Context(), "page gets no key and cannot connect", slog.Any("error", err))
		return s.clientConfig(r, "")
	}
	return c
}

func (s *Server) clientConfig(r *http.Request, key string) auth.ClientConfig {
	c := auth.ClientConfig{
		Broadcaster:       auth.BroadcasterReverb,
		Key:               key,
		WSHost:            r.Host,
		WSPort:            80,
		WSSPort:           443,
		WSPath:            s.prefix,
		ForceTLS:          r.TLS != nil,
		EnabledTransports: []string{"ws", "wss"},
	}
	host, port, err := net.SplitHostPort(r.Host)
	if err != nil {
		return c // no port: the defaults of the schemes stand
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	c.WSHost = host
	if n, err := strconv.Atoi(port); err == nil {
		c.WSPort, c.WSSPort = n, n
	}
	return c
}
