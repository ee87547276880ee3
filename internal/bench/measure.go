//go:build linux && (amd64 || arm64)

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"
)

// A benchCase is one kind of load.
type benchCase struct {
	id     string // as in the printed table
	what   string
	window int // events outstanding; 0 for the fixed rate
	must   float64
	aim    float64
}

var cases = []benchCase{
	{"P1", "CPU per delivery, 20,000 a second", 0, 1.5, 1.2},
	{"P2", "CPU per delivery, 4 events outstanding", 4, 1.0, 0.5},
	{"P3", "CPU per delivery, 16 events outstanding", 16, 0.4, 0.15},
	{"P4", "CPU per delivery, 1 event outstanding", 1, 1.4, 1.15},
}

// publishers are the ways in which events get to the server.
var publishers = []string{apiPublisher, dispatchPublisher}

// The targets for latency and memory.
const (
	latencyMust, latencyAim = 1.4, 1.1
	memoryMust, memoryAim   = 10, 6 // KiB per connection
)

// results are the measurements of all rounds.
type results struct {
	floor     string               // path of the program
	ratios    map[string][]float64 // by publisher and case id; P10 is the latency
	floorCPU  map[string][]float64 // nanoseconds per delivery, by case id
	memory    []float64            // KiB per connection, at options.connections
	memoryAll float64              // the same at options.memory
	foreign   []float64
	lost      int64 // also counts reordered deliveries and closed connections
	took      time.Duration
}

func key(publisher, id string) string { return publisher + " " + id }

// measureAll runs all rounds.
func measureAll(ctx context.Context, o options, stderr io.Writer) (results, error) {
	res := results{ratios: make(map[string][]float64), floorCPU: make(map[string][]float64)}
	dir, err := os.MkdirTemp("", "onair-bench-")
	if err != nil {
		return res, err
	}
	defer os.RemoveAll(dir)
	if res.floor, err = buildFloor(ctx, dir); err != nil {
		return res, err
	}
	began := time.Now()
	for i := range o.rounds {
		fmt.Fprintf(stderr, "round %d of %d\n", i+1, o.rounds)
		profile := ""
		if i == o.rounds-1 {
			profile = o.profile
		}
		if err := res.round(ctx, o, stderr, profile, i); err != nil {
			return res, err
		}
	}
	if o.memory > 0 {
		fmt.Fprintf(stderr, "memory of %d connections\n", o.memory)
		server, err := startServer(ctx, stderr, o.memory, "")
		if err != nil {
			return res, err
		}
		res.memoryAll = kib(server.memory, o.memory)
		if err := server.stop(); err != nil {
			return res, err
		}
	}
	res.took = time.Since(began)
	return res, nil
}

// round measures every case once, with new processes.
func (res *results) round(ctx context.Context, o options, stderr io.Writer, profile string, number int) (err error) {
	server, err := startServer(ctx, stderr, o.connections, profile)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.stop()) }()
	floor, err := startFloor(ctx, stderr, res.floor, o.connections)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, floor.stop()) }()
	res.memory = append(res.memory, kib(server.memory, o.connections))

	for _, c := range cases {
		samples := make(map[string]sample)
		turns := append([]string{floorPublisher}, publishers...)
		if number%2 == 1 { // so that none is always first
			slices.Reverse(turns)
		}
		for _, publisher := range turns {
			r := server
			if publisher == floorPublisher {
				r = floor
			}
			s, err := r.client.order(order{
				Publish: publisher, URL: r.url, PID: r.subject.pid(),
				Window: c.window, Size: o.size, Warm: o.warm, Length: o.length,
			})
			if err != nil {
				return fmt.Errorf("%s through %s: %w", c.id, publisher, err)
			}
			samples[publisher] = s
		}
		res.add(c, samples)
	}
	return nil
}

// add adds the samples of one case, which are keyed by publisher.
func (res *results) add(c benchCase, samples map[string]sample) {
	floor := samples[floorPublisher]
	res.floorCPU[c.id] = append(res.floorCPU[c.id], floor.cpuPerDelivery())
	for _, s := range samples {
		res.foreign = append(res.foreign, s.Foreign)
		res.lost += s.Lost + s.Reordered + s.Closed
	}
	for _, publisher := range publishers {
		s := samples[publisher]
		k := key(publisher, c.id)
		res.ratios[k] = append(res.ratios[k], s.cpuPerDelivery()/floor.cpuPerDelivery())
		if c.window == 0 {
			k = key(publisher, "P10")
			res.ratios[k] = append(res.ratios[k], float64(s.P50)/float64(floor.P50))
		}
	}
}

func kib(bytes int64, connections int) float64 { return float64(bytes) / 1024 / float64(connections) }
