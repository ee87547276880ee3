//go:build linux && (amd64 || arm64)

package main

import "time"

// Main and Run are the program and what it does in the process started by hand.
var (
	Main = main
	Run  = run
)

// Quantile is quantile.
var Quantile = quantile

// Client is a client without connections of its own.
type Client struct {
	c  client
	cc clientConn
}

// NewClient returns a client with one connection, which no socket is behind.
func NewClient() *Client {
	return &Client{cc: clientConn{next: 1}}
}

// Feed has the connection receive bytes.
func (c *Client) Feed(b []byte) error {
	return c.cc.feed(b, func(payload []byte) { c.c.take(&c.cc, payload, 0) })
}

// Counts returns the events that were received and those out of order.
func (c *Client) Counts() (received, reordered int64) {
	return c.c.received.Load(), c.c.reordered.Load()
}

// EventData is the data of an event.
func EventData(seq int64, size int) []byte { return eventData(seq, now(), size) }

// Sample is a measurement of one case.
type Sample struct {
	CPU, P50 time.Duration
	Lost     int64
}

// Report returns the table for one round in which all cases came out alike, and
// whether a must was missed.
func Report(floor, server Sample) (text string, bad bool) {
	res := results{ratios: make(map[string][]float64), floorCPU: make(map[string][]float64), memory: []float64{5}}
	full := func(s Sample) sample {
		return sample{CPU: s.CPU, P50: s.P50, Lost: s.Lost, Deliveries: 1000, Elapsed: time.Second}
	}
	for _, c := range cases {
		samples := map[string]sample{floorPublisher: full(floor)}
		for _, p := range publishers {
			samples[p] = full(server)
		}
		res.add(c, samples)
	}
	rows := res.rows(options{})
	return table(options{}, res, rows), missed(rows)
}
