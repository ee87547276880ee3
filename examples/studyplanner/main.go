// Studyplanner is a small application that broadcasts its events: a student
// starts a session, and the mentor's window shows it at once.
//
//	go run ./examples/studyplanner
//
// It serves its page, its API and the WebSocket server on one port, and needs
// nothing else: no account, no other process, no network. Laravel's environment
// variables choose another connection: with BROADCAST_CONNECTION=pusher and the
// PUSHER_* variables, the same page gets its events from Pusher Channels.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.LookupEnv, os.Stdout)
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "studyplanner:", err)
		os.Exit(1)
	}
}

// settings are the program's flags.
type settings struct {
	addr                     string
	appID, appKey, appSecret string
	data                     string
}

func parse(args []string, out io.Writer) (s settings, err error) {
	flags := flag.NewFlagSet("studyplanner", flag.ContinueOnError)
	flags.SetOutput(out)
	flags.StringVar(&s.addr, "addr", "127.0.0.1:8080", "address to listen on")
	flags.StringVar(&s.appID, "app-id", "1001", "app id of the embedded server")
	flags.StringVar(&s.appKey, "app-key", "studyplanner", "app key of the embedded server, which pages connect with")
	flags.StringVar(&s.appSecret, "app-secret", "", "app secret of the embedded server (default: a random one for this run)")
	flags.StringVar(&s.data, "data", "", "file that keeps users and sessions over a restart (default: they are forgotten)")
	return s, flags.Parse(args)
}

func run(ctx context.Context, args []string, env func(string) (string, bool), out io.Writer) error {
	s, err := parse(args, out)
	if err != nil {
		return err
	}
	a, err := newApp(s, env)
	if err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", s.addr)
	if err != nil {
		return fmt.Errorf("%w; choose another address with -addr", err)
	}
	fmt.Fprintf(out, "Study planner on http://%s over the connection %q.\n", ln.Addr(), a.connection.Name)
	fmt.Fprintln(out, "Open it in two windows: log in as a mentor in one and as a student in the other.")
	if a.warning != "" {
		fmt.Fprintln(out, a.warning)
	}
	h := &http.Server{
		Handler:           a.routes(),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      time.Minute,
		MaxHeaderBytes:    16 << 10,
	}
	served := make(chan error, 1)
	go func() { served <- h.Serve(ln) }()
	select {
	case err = <-served:
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	// First stop the events, then close the pages' connections, then stop
	// listening. A page that reconnects early is told to wait; a closed port
	// would cost it many seconds.
	return errors.Join(err, a.broadcaster.Shutdown(stopping), a.connection.Shutdown(stopping), h.Shutdown(stopping))
}
