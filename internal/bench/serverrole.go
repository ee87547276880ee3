//go:build linux && (amd64 || arm64)

package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/pprof"

	"github.com/onairgo/onair/auth"
	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/server"
)

// benchApp is the app that the client connects to and publishes to.
var benchApp = auth.App{ID: "1", Key: "bench-key", Secret: "bench-secret"}

// dispatchPath is the path at which the server's program receives events to
// dispatch, like a handler of an application.
const dispatchPath = "/dispatch"

// ready is the first line that a process prints.
type ready struct {
	Addr    string
	Control string `json:",omitempty"` // where events are published, if not at Addr
}

// serverRole runs the server under test until standard input ends.
func serverRole(args []string) (err error) {
	fs := flag.NewFlagSet("server", flag.ContinueOnError)
	profile := fs.String("cpuprofile", "", "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	if *profile != "" {
		stop, err := startProfile(*profile)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	srv, err := server.New(server.Config{App: benchApp, Limits: server.Limits{Connections: -1}})
	if err != nil {
		return err
	}
	b := broadcast.New(srv)
	mux := http.NewServeMux()
	mux.Handle("/app/", srv)
	mux.Handle("/apps/", srv)
	mux.HandleFunc("POST "+dispatchPath, func(w http.ResponseWriter, r *http.Request) {
		data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err == nil {
			err = b.Dispatch(r.Context(), benchEvent{data})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- http.Serve(ln, mux) }()
	if err := json.NewEncoder(os.Stdout).Encode(ready{Addr: ln.Addr().String()}); err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	select {
	case err := <-failed:
		return err
	default:
		return nil // the process ends, and the server with it
	}
}

func startProfile(name string) (stop func() error, err error) {
	f, err := os.Create(name)
	if err != nil {
		return nil, fmt.Errorf("-cpuprofile: %w", err)
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return f.Close()
	}, nil
}
