//go:build linux && (amd64 || arm64)

// Command bench measures how much it costs the embedded server to deliver an
// event to many connections. The result is a ratio to the floor: a bare loop
// that writes one prepared frame to every socket. Absolute figures drift by a
// factor of two within an hour on most machines; the ratio of two measurements
// taken in turn does not.
//
//	go run ./internal/bench [flags]
//
// The server, the floor and a client for each of them are separate processes,
// connected through the loopback interface. Together they use four descriptors
// per connection. Each round starts new processes and measures each case once
// for every publisher. A case is either a fixed rate or a fixed number of
// outstanding events, which are published but not yet delivered everywhere.
// Events are published through the HTTP API ("api") or dispatched by a handler
// in the server's program ("dispatch"). The floor accepts the same requests
// without looking at them.
//
// The table shows the median and the quartiles over all rounds, next to two
// targets: "must" has to be reached, and "aim" is the goal. The exit code is 1
// if a must is missed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// maxConnections keeps a server and its client, taken together, below 20,000
// descriptors.
const maxConnections = 9_900

// options are the flags.
type options struct {
	connections int           // of the server, and of the floor
	memory      int           // connections of an extra memory measurement; 0 for none
	rounds      int           // how often all cases are measured
	warm        time.Duration // before each measurement
	length      time.Duration // of each measurement
	size        int           // of an event's data, in bytes
	report      bool          // exit with 0 whatever the figures are
	profile     string        // file for a CPU profile of the last round's server
}

func main() {
	if len(os.Args) > 1 {
		if role := roles[os.Args[1]]; role != nil {
			if err := role(os.Args[2:]); err != nil {
				fmt.Fprintf(os.Stderr, "bench %s: %v\n", os.Args[1], err)
				os.Exit(1)
			}
			return
		}
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// roles maps the first argument of a process that the program starts to what it
// does there.
var roles = map[string]func(args []string) error{
	"role-server": serverRole,
	"role-load":   loadRole,
}

// run is the program in the process that the user started.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	o, err := parseOptions(args, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 2
	}
	results, err := measureAll(ctx, o, stderr)
	if err != nil {
		fmt.Fprintf(stderr, "bench: %v\n", err)
		return 1
	}
	rows := results.rows(o)
	io.WriteString(stdout, table(o, results, rows))
	if missed(rows) && !o.report {
		return 1
	}
	return 0
}

func parseOptions(args []string, stderr io.Writer) (options, error) {
	var o options
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.SetOutput(stderr)
	fs.IntVar(&o.connections, "n", 1000, "`connections` of the server and of the floor")
	fs.IntVar(&o.memory, "memory", 0, fmt.Sprintf("also measure the memory of this many `connections`, at most %d", maxConnections))
	fs.IntVar(&o.rounds, "rounds", 6, "`rounds` over all cases")
	fs.DurationVar(&o.warm, "warm", 300*time.Millisecond, "`time` before each measurement")
	fs.DurationVar(&o.length, "length", 1500*time.Millisecond, "`time` of each measurement")
	fs.IntVar(&o.size, "size", 200, "`bytes` of an event's data")
	fs.BoolVar(&o.report, "report", false, "exit with 0 whatever the figures are")
	fs.StringVar(&o.profile, "cpuprofile", "", "`file` for a CPU profile of the server in the last round")
	if err := fs.Parse(args); err != nil {
		return o, err
	}
	switch {
	case fs.NArg() > 0:
		return o, fmt.Errorf("unexpected argument %q; every setting is a flag", fs.Arg(0))
	case o.connections < 1 || 2*o.connections > maxConnections:
		return o, fmt.Errorf("-n is %d; it must be 1 to %d, since server and floor have as many each", o.connections, maxConnections/2)
	case o.memory < 0 || o.memory > maxConnections:
		return o, fmt.Errorf("-memory is %d; it must be 0 to %d", o.memory, maxConnections)
	case o.rounds < 1:
		return o, fmt.Errorf("-rounds is %d; it must be 1 at least", o.rounds)
	case o.size < len(eventData(0, 0, 0)) || o.size > 8<<10:
		return o, fmt.Errorf("-size is %d; it must be %d to %d", o.size, len(eventData(0, 0, 0)), 8<<10)
	}
	return o, nil
}
