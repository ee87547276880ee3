// Command onair runs the embedded server of this module on its own, as a
// replacement for Laravel Reverb or soketi:
//
//	onair serve -addr 127.0.0.1:6001
//
// Run "onair help serve" for the flags and the environment variables.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
)

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // the command failed
	exitUsage  = 2 // the arguments are wrong
)

const usage = `usage: onair <command>

  serve          run a Pusher Channels server for laravel-echo and pusher-js
  version        print the version
  help [serve]   print this, or the flags of serve
`

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // a second signal ends the program at once
		cancel()
	}()
	os.Exit(run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is the program without the process around it. It returns when the command
// ends, and stops the command gracefully when ctx is done.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		io.WriteString(stderr, usage)
		return exitUsage
	}
	switch command, args := args[0], args[1:]; command {
	case "serve":
		return serveCommand(ctx, args, getenv, stdout, stderr)
	case "version", "-version", "--version":
		fmt.Fprintln(stdout, "onair", version())
		return exitOK
	case "help", "-h", "-help", "--help":
		if len(args) > 0 && args[0] == "serve" {
			return serveCommand(ctx, []string{"-help"}, getenv, stdout, stderr)
		}
		io.WriteString(stdout, usage)
		return exitOK
	default:
		fmt.Fprintf(stderr, "onair: unknown command %q\n\n%s", command, usage)
		return exitUsage
	}
}

// version returns the version of the module that the program was built from and
// the version of Go, and the commit if it was built in a clone.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "(unknown)"
	}
	v := info.Main.Version
	if v == "" {
		v = "(devel)"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			v += " " + s.Value[:12]
		}
	}
	return v + " " + info.GoVersion
}
