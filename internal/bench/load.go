//go:build linux && (amd64 || arm64)

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/onairgo/onair/internal/pusherproto"
)

// order asks the client for one measurement.
type order struct {
	Publish string // apiPublisher, dispatchPublisher or floorPublisher
	URL     string // of the server, or of the floor's control port
	PID     int    // of the measured process
	Window  int    // events outstanding; 0 for a fixed rate
	Size    int    // bytes of an event's data
	Warm    time.Duration
	Length  time.Duration
}

// The ways to publish.
const (
	apiPublisher      = "api"
	dispatchPublisher = "dispatch"
	floorPublisher    = "floor"
)

// fixedRate is the number of deliveries per second in the case with a fixed
// rate.
const fixedRate = 20_000

// sample is one measurement.
type sample struct {
	CPU        time.Duration // of the measured process
	Elapsed    time.Duration
	Deliveries int64
	P50        time.Duration // median time from publishing to delivery; only at a fixed rate
	Foreign    float64       // processors that other programs kept busy
	Lost       int64         // deliveries that did not arrive
	Reordered  int64
	Closed     int64
}

func (s sample) cpuPerDelivery() float64 { return float64(s.CPU) / float64(s.Deliveries) }

// loadRole connects, and then carries out the orders that it reads from
// standard input until that ends.
func loadRole(args []string) error {
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	n := fs.Int("n", 1, "")
	addr := fs.String("addr", "", "")
	confirmed := fs.Bool("confirmed", false, "")
	if err := fs.Parse(args); err != nil {
		return err
	}
	c, err := connect(*n, *addr, *confirmed)
	if err != nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- c.pump() }()
	l := &load{client: c, connections: int64(*n), http: &http.Client{Timeout: 30 * time.Second}, signer: pusherproto.NewSigner(benchApp.Secret)}
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(ready{}); err != nil {
		return err
	}
	for in := json.NewDecoder(os.Stdin); ; {
		var o order
		if err := in.Decode(&o); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		s, err := l.measure(o)
		if err != nil {
			return err
		}
		if err := out.Encode(s); err != nil {
			return err
		}
		select {
		case err := <-failed:
			return err
		default:
		}
	}
}

// load publishes for a client and watches what arrives.
type load struct {
	client      *client
	connections int64
	http        *http.Client
	signer      *pusherproto.Signer
	published   int64 // how many events so far, which is the number of the last one
}

// measure carries out an order.
func (l *load) measure(o order) (s sample, err error) {
	before := l.loss()
	l.client.polling.Store(o.Window > 0)
	defer l.client.polling.Store(false)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	done := make(chan error, 1)
	go func() { done <- l.publishUntil(ctx, o) }()

	time.Sleep(o.Warm)
	if o.Window == 0 {
		l.client.record(int(2*o.Length.Seconds()*fixedRate) + 1)
	}
	first, err := l.reading(o.PID)
	if err != nil {
		return s, err
	}
	last, err := l.sufficient(o, first)
	if err != nil {
		return s, err
	}
	latencies := l.client.recorded()
	stop()
	if err := <-done; err != nil {
		return s, fmt.Errorf("publish: %w", err)
	}
	s = sample{
		CPU:        last.process - first.process,
		Elapsed:    last.at.Sub(first.at),
		Deliveries: last.received - first.received,
	}
	if o.Window == 0 && len(latencies) > 0 {
		slices.Sort(latencies)
		s.P50 = time.Duration(latencies[len(latencies)/2])
	}
	used := s.CPU + last.self - first.self
	s.Foreign = max(0, (last.machine-first.machine-used).Seconds()/s.Elapsed.Seconds())
	l.settle()
	after := l.loss()
	s.Lost, s.Reordered, s.Closed = after.Lost-before.Lost, after.Reordered-before.Reordered, after.Closed-before.Closed
	return s, nil
}

// patience is how long the benchmark waits for things that take no time on an
// idle machine.
const patience = 30 * time.Second

// sufficient waits for the order's length and returns a reading. On a busy
// machine it waits longer, until an event has been delivered everywhere and
// there is something to measure.
func (l *load) sufficient(o order, first reading) (last reading, err error) {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		time.Sleep(o.Length)
		if last, err = l.reading(o.PID); err != nil {
			return last, err
		}
		if last.received-first.received >= l.connections && last.process > first.process && (o.Window > 0 || l.client.noted() > 0) {
			return last, nil
		}
	}
	return last, fmt.Errorf("no event was delivered within %s", patience)
}

// loss returns what has gone wrong since the beginning.
func (l *load) loss() sample {
	return sample{
		Lost:      l.published*l.connections - l.client.received.Load(),
		Reordered: l.client.reordered.Load(),
		Closed:    l.client.closed.Load(),
	}
}

// settle waits until everything is delivered or given up as lost.
func (l *load) settle() {
	for end := time.Now().Add(patience); l.loss().Lost > 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
}

// reading is the state of all clocks and counters at one moment.
type reading struct {
	at                     time.Time
	received               int64
	process, self, machine time.Duration
}

func (l *load) reading(pid int) (r reading, err error) {
	r.at, r.received = time.Now(), l.client.received.Load()
	if r.process, err = processCPU(pid); err != nil {
		return r, err
	}
	if r.self, err = processCPU(os.Getpid()); err != nil {
		return r, err
	}
	r.machine, err = machineCPU()
	return r, err
}

// publishUntil publishes one event after another until ctx is done.
func (l *load) publishUntil(ctx context.Context, o order) error {
	publish := map[string]func(order, []byte) (*http.Request, error){
		apiPublisher:      l.apiRequest,
		dispatchPublisher: dispatchRequest,
		floorPublisher:    floorRequest,
	}[o.Publish]
	interval := time.Duration(float64(time.Second) * float64(l.connections) / fixedRate)
	for next := time.Now(); ctx.Err() == nil; {
		if o.Window == 0 {
			time.Sleep(time.Until(next))
			next = next.Add(interval)
		} else {
			for ctx.Err() == nil && l.loss().Lost > int64(o.Window-1)*l.connections {
				time.Sleep(50 * time.Microsecond)
			}
		}
		l.published++
		r, err := publish(o, eventData(l.published, now(), o.Size))
		if err != nil {
			return err
		}
		if err := l.send(r); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) send(r *http.Request) error {
	answer, err := l.http.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", answer.StatusCode, text)
	}
	return err
}

// apiRequest publishes through the HTTP API, as the SDKs do.
func (l *load) apiRequest(o order, data []byte) (*http.Request, error) {
	body, err := json.Marshal(map[string]any{"name": benchEvent{}.BroadcastAs(), "channels": []string{channelName}, "data": string(data)})
	if err != nil {
		return nil, err
	}
	path := "/apps/" + benchApp.ID + "/events"
	params := map[string]string{
		pusherproto.ParamKey:       benchApp.Key,
		pusherproto.ParamTimestamp: strconv.FormatInt(time.Now().Unix(), 10),
		pusherproto.ParamVersion:   pusherproto.AuthVersion,
		pusherproto.ParamBodyMD5:   pusherproto.BodyMD5(body),
	}
	signature := l.signer.AppendSignature(nil, pusherproto.StringToSign(http.MethodPost, path, params))
	r, err := http.NewRequest(http.MethodPost, o.URL+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	query := r.URL.Query()
	for name, value := range params {
		query.Set(name, value)
	}
	query.Set(pusherproto.ParamSignature, string(signature))
	r.URL.RawQuery = query.Encode()
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}

// dispatchRequest makes the server's program dispatch.
func dispatchRequest(o order, data []byte) (*http.Request, error) {
	return http.NewRequest(http.MethodPost, o.URL+dispatchPath, bytes.NewReader(data))
}

// floorRequest gives the floor the data to write.
func floorRequest(o order, data []byte) (*http.Request, error) {
	return http.NewRequest(http.MethodPost, o.URL+"/", bytes.NewReader(data))
}
