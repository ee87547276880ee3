package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/onairgo/onair/server"
)

const (
	readHeaderTimeout = 5 * time.Second
	writeTimeout      = 30 * time.Second // for an answer; the server removes it from WebSockets
	idleTimeout       = 2 * time.Minute
	maxHeaderBytes    = 8 << 10

	// Process managers allow about ten seconds between SIGTERM and SIGKILL.
	drainWindow  = 5 * time.Second
	requestWait  = 3 * time.Second // for requests that are still running after that
	stopDeadline = 9 * time.Second
)

// serveCommand runs "onair serve".
func serveCommand(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	s, err := parseSettings(args, getenv, stdout)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return exitOK
	case err != nil:
		fmt.Fprintf(stderr, "onair: %v\nRun \"onair help serve\" for the flags.\n", err)
		return exitUsage
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{ReplaceAttr: nameFlag}))
	srv, err := server.New(server.Config{
		App:               s.app,
		AllowedOrigins:    s.origins,
		InsecureAnyOrigin: s.anyOrigin,
		DrainWindow:       drainWindow,
		Logger:            log,
	})
	if err != nil {
		fmt.Fprintf(stderr, "onair: %v\n", err)
		return exitUsage
	}
	ln, err := s.listen(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "onair: %v\n", err)
		return exitFailed
	}
	io.WriteString(stdout, s.greeting(ln.Addr()))
	if err := serve(ctx, srv, ln, log); err != nil {
		fmt.Fprintf(stderr, "onair: %v\n", err)
		return exitFailed
	}
	return exitOK
}

// listen opens the listener, with TLS if there is a certificate.
func (s settings) listen(ctx context.Context) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.addr)
	if err != nil {
		return nil, fmt.Errorf("%w; choose another address with -addr", err)
	}
	if s.cert == nil {
		return ln, nil
	}
	// HTTP/2 is left out because its connections cannot become WebSockets.
	return tls.NewListener(ln, &tls.Config{Certificates: []tls.Certificate{*s.cert}, NextProtos: []string{"http/1.1"}}), nil
}

// serve serves until ctx is done, and then closes the connections gracefully.
func serve(ctx context.Context, srv *server.Server, ln net.Listener, log *slog.Logger) error {
	h := &http.Server{
		Handler:           srv,
		ReadHeaderTimeout: readHeaderTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		ErrorLog:          newErrorLog(log),
	}
	ended := make(chan error, 1)
	go func() { ended <- h.Serve(ln) }()

	var failed error
	select {
	case failed = <-ended:
	case <-ctx.Done():
		log.Info("stopping")
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopDeadline)
	defer cancel()
	// The listener stays open while the connections are closed, so that pages
	// which reconnect too early are told to wait, and publishers get an answer.
	err := srv.Shutdown(stopping)
	ending, cancel := context.WithTimeout(stopping, requestWait)
	defer cancel()
	if rest := h.Shutdown(ending); !errors.Is(rest, context.DeadlineExceeded) {
		err = errors.Join(err, rest)
	} else {
		// Requests are still running. All they could be told now is that the
		// server is shutting down.
		_ = h.Close()
	}
	if err != nil {
		err = fmt.Errorf("stop: %w", err)
	}
	if failed == nil {
		<-ended // with http.ErrServerClosed
	}
	return errors.Join(failed, err)
}
