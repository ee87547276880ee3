package drivertest_test

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/drivertest"
)

// service is a driver that promises everything, with the service behind it,
// and that can be given one defect.
type service struct {
	defect  string
	release chan struct{} // closed when the test is over, for defects that hang

	mu       sync.Mutex
	arrived  []drivertest.Arrival
	kept     [][]broadcast.Message
	late     []broadcast.Message
	failing  string
	tries    map[string]int
	stalled  bool
	closed   bool
	sealed   int
	inFlight int
	limits   int // how often they were asked
}

const secret = "s3cr3t"

func newService(defect string) *service {
	return &service{defect: defect, release: make(chan struct{}), tries: make(map[string]int)}
}

func (s *service) harness() drivertest.Harness {
	return drivertest.Harness{
		Driver:   s,
		Features: drivertest.Features{Encrypts: true, ExcludesSocket: true},
		Arrived:  s.seen,
		Fail:     func(event string) { s.mu.Lock(); defer s.mu.Unlock(); s.failing = event },
		Tries:    func(event string) int { s.mu.Lock(); defer s.mu.Unlock(); return s.tries[event] },
		Stall:    func() { s.mu.Lock(); defer s.mu.Unlock(); s.stalled = true },
		Secrets:  []string{secret},
	}
}

func (s *service) seen(int) []drivertest.Arrival {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, messages := range append(s.kept, s.late) {
		for _, m := range messages {
			s.deliver(m)
		}
	}
	s.kept, s.late = nil, nil
	return slices.Clone(s.arrived)
}

func (s *service) Broadcast(ctx context.Context, messages []broadcast.Message) error {
	if err := context.Cause(ctx); err != nil && s.defect != "ignores the context" {
		return fmt.Errorf("service: %w", cmp.Or(s.strange(), err))
	}
	if len(messages) == 0 && s.defect == "refuses an empty batch" {
		return errors.New("service: nothing to send")
	}
	s.mu.Lock()
	stalled := s.stalled
	s.mu.Unlock()
	if stalled {
		return s.hang(ctx)
	}
	if s.defect == "loses messages of concurrent calls" && s.overlaps() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	switch s.defect {
	case "keeps the slice":
		s.kept = append(s.kept, messages)
		return nil
	case "changes the slice":
		defer func() {
			for i := range messages {
				messages[i].ID = ""
			}
		}()
	case "reverses a batch":
		messages = slices.Clone(messages)
		slices.Reverse(messages)
	case "lets a call overtake another":
		if len(messages) == 0 || messages[0].Event != "drivertest.call" {
			break
		}
		if s.late == nil {
			s.late = slices.Clone(messages)
			return nil
		}
		messages, s.late = append(slices.Clone(messages), s.late...), nil
	}
	return s.send(messages)
}

// strange is an error instead of the context's.
func (s *service) strange() error {
	if s.defect == "hides the context's error" {
		return errors.New("request failed")
	}
	return nil
}

func (s *service) hang(ctx context.Context) error {
	if s.defect == "waits for ever" {
		<-s.release
		return nil
	}
	<-ctx.Done()
	return fmt.Errorf("service: %w", cmp.Or(s.strange(), context.Cause(ctx)))
}

func (s *service) overlaps() bool {
	s.mu.Lock()
	s.inFlight++
	overlaps := s.inFlight > 1
	s.mu.Unlock()
	<-time.After(time.Millisecond) // of the bubble's clock, so that calls overlap
	s.mu.Lock()
	s.inFlight--
	s.mu.Unlock()
	return overlaps
}

func (s *service) send(messages []broadcast.Message) error {
	var failed []error
	for _, m := range messages {
		err := s.sendOne(m)
		if err == nil {
			continue
		}
		if s.defect == "reports a changed message" {
			m.Event += " "
		}
		failed = append(failed, &broadcast.DeliveryError{Message: m, Err: err})
	}
	switch {
	case len(failed) == 0:
		return nil
	case s.defect == "hides failures":
		return nil
	case s.defect == "does not say what failed" && len(messages) > 1:
		return errors.New("service: something failed")
	case s.defect == "reports a failure twice":
		failed = append(failed, failed[0])
	case s.defect == "reports what went out":
		failed = failed[:0]
		for _, m := range messages {
			failed = append(failed, &broadcast.DeliveryError{Message: m, Err: errors.New("service: 500")})
		}
	}
	return errors.Join(failed...)
}

func (s *service) sendOne(m broadcast.Message) error {
	s.tries[m.Event]++
	if s.closed && s.defect != "sends after shutdown" {
		if s.defect == "discards after shutdown" {
			return nil
		}
		return errors.New("service: shut down")
	}
	if m.Event == s.failing {
		switch s.defect {
		case "retries":
			s.tries[m.Event]++
		case "shows the payload in errors":
			return fmt.Errorf("service: refused %s", m.Data)
		case "shows the secret in errors":
			return errors.New("service: POST /events?secret=" + secret)
		case "reports a failure and delivers":
			s.deliver(m)
		}
		return errors.New("service: 500")
	}
	s.deliver(m)
	return nil
}

func (s *service) deliver(m broadcast.Message) {
	channels := m.Channels
	if s.defect == "skips the last of several channels" && len(channels) > 1 {
		channels = channels[:len(channels)-1]
	}
	for _, c := range channels {
		a := drivertest.Arrival{Event: m.Event, Channel: c.String(), Data: m.Data, SocketID: m.SocketID}
		if c.Kind() == channel.KindEncrypted {
			a.Wire = s.seal(m.Data)
		}
		s.spoil(&a, c)
		s.arrived = append(s.arrived, a)
	}
	if s.defect == "delivers twice" {
		s.arrived = append(s.arrived, s.arrived[len(s.arrived)-1])
	}
}

func (s *service) seal(data string) string {
	switch s.defect {
	case "leaves encrypted channels clear":
		return data
	case "encodes instead of sealing":
		s.sealed++
		return fmt.Sprint(s.sealed, base64.StdEncoding.EncodeToString([]byte(data)))
	case "seals without a nonce":
	default:
		s.sealed++
	}
	return fmt.Sprintf("box %d of %d bytes", s.sealed, len(data))
}

// spoil changes what arrives in ways that drivers have been seen to.
func (s *service) spoil(a *drivertest.Arrival, c channel.Channel) {
	switch s.defect {
	case "forgets prefixes":
		a.Channel = c.Name()
	case "escapes HTML":
		a.Data = strings.NewReplacer("<", `\u003c`, ">", `\u003e`, "&", `\u0026`).Replace(a.Data)
	case "trims payloads":
		a.Data = strings.TrimSpace(a.Data)
	case "makes an empty payload null":
		a.Data = cmp.Or(a.Data, "null")
	case "opens sealed data wrongly":
		if a.Wire != "" {
			a.Data = "?"
		}
	case "cuts large payloads":
		a.Data = a.Data[:min(len(a.Data), 4000)]
	case "forgets the socket":
		a.SocketID = ""
	}
}

func (s *service) Limits() broadcast.Limits {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limits++
	l := broadcast.Limits{Payload: 5000, Channels: 100, Batch: 10}
	switch s.defect {
	case "has a negative limit":
		l.ChannelName = -1
	case "has a limit that is none":
		l.ChannelName = channel.MaxNameLength + 1
	case "changes its limits":
		l.Payload += s.limits
	}
	return l
}

func (s *service) Ping(ctx context.Context) error {
	switch s.defect {
	case "cannot be pinged":
		return errors.New("service: 401")
	case "pings without the context":
		return nil
	}
	return context.Cause(ctx)
}

func (s *service) Shutdown(context.Context) error {
	if s.defect == "hangs in shutdown" {
		<-s.release
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed && s.defect == "shuts down once only" {
		return errors.New("service: already shut down")
	}
	s.closed = true
	return nil
}
