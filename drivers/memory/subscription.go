package memory

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

// DefaultQueue is the size of a subscription's queue in events, unless [Queue]
// sets another.
const DefaultQueue = 1024

// Option configures a [Subscription].
type Option func(*Subscription)

// Queue sets the maximum number of events in the subscription's queue. It must
// be at least 1.
func Queue(size int) Option {
	return func(s *Subscription) { s.size = size }
}

// Blocking makes Broadcast wait while the subscription's queue is full, instead
// of dropping the oldest event. This subscriber then sets the pace for every
// broadcast to its channels. If it stops reading, or broadcasts to itself while
// the queue is full, Broadcast waits until its context is done. A message that
// needs more room than the whole queue, because the subscription matches many of
// its channels, is accepted when the queue is empty.
func Blocking() Option {
	return func(s *Subscription) { s.blocking = true }
}

// Event is a message as received on one of its channels.
type Event struct {
	// ID is the message's id, which is the same on each of its channels.
	ID string
	// Name is the event's name on the wire.
	Name string
	// Channel is the channel that the event was received on.
	Channel channel.Channel
	// Data is the payload. It is not encrypted, even for an encrypted channel.
	Data string
	// SocketID is the browser connection that does not receive the event, or
	// empty if there is none.
	SocketID string
	// Missed is the number of events that were dropped between the previous one
	// and this one because the queue was full.
	Missed int

	pattern *channel.Pattern
	params  []string
}

// Param returns the part of the channel's name that matches the given parameter
// of the subscription, or "" if there is no such parameter.
func (e Event) Param(name string) string {
	if e.pattern != nil {
		if i := slices.Index(e.pattern.Names(), name); i >= 0 {
			return e.params[i]
		}
	}
	return ""
}

// Subscription receives the events of some channels. Make one with
// [Driver.Subscribe]; it is safe for concurrent use.
type Subscription struct {
	driver   *Driver
	kind     channel.Kind
	cached   bool
	pattern  *channel.Pattern
	size     int
	blocking bool
	stop     func() bool   // stops waiting for the context
	ready    chan struct{} // holds a token once an event has been queued
	done     chan struct{} // closed when the subscription has ended

	// Guarded by the driver's mutex.
	queue []Event
	room  chan struct{} // closed when an event is taken; nil if nobody waits
	ended bool
}

// Subscribe subscribes to a channel, or to all channels that match a pattern.
// The name of the channel may have parameters as in a [channel.Pattern]:
// channel.Private("orders.{id}") matches "private-orders.7", but neither
// "orders.7" nor "private-cache-orders.7". The subscription ends when the
// context is done, when it is closed, or when the driver is shut down.
//
// Subscribe returns an error that wraps a [*channel.PatternError], or a
// [*channel.NameError] for a name that no event can be sent to. It also fails
// if the size of the queue is less than 1, if the context is done, and with
// [ErrClosed] if the driver is shut down.
func (d *Driver) Subscribe(ctx context.Context, on channel.Channel, options ...Option) (*Subscription, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("memory: subscribe: %w", err)
	}
	pattern, err := parse(on)
	if err != nil {
		return nil, fmt.Errorf("memory: subscribe: %w", err)
	}
	s := &Subscription{
		driver: d, kind: on.Kind(), cached: on.IsCached(), pattern: pattern, size: DefaultQueue,
		ready: make(chan struct{}, 1), done: make(chan struct{}),
	}
	for _, o := range options {
		o(s)
	}
	if s.size < 1 {
		return nil, fmt.Errorf("memory: subscribe: a queue of %d; it needs room for at least 1", s.size)
	}
	s.stop = context.AfterFunc(ctx, s.end)
	if !d.attach(s) {
		s.stop()
		return nil, ErrClosed
	}
	return s, nil
}

// parse parses the pattern and validates a sample name that matches it, so that
// a subscription that could never receive anything is an error.
func parse(on channel.Channel) (*channel.Pattern, error) {
	pattern, err := channel.ParsePattern(on.Name())
	if err != nil {
		return nil, err
	}
	name := on.Name()
	for _, param := range pattern.Names() {
		name = strings.ReplaceAll(name, "{"+param+"}", "x")
	}
	constructor := map[channel.Kind]func(string) channel.Channel{
		channel.KindPublic:    channel.Public,
		channel.KindPrivate:   channel.Private,
		channel.KindPresence:  channel.Presence,
		channel.KindEncrypted: channel.Encrypted,
		channel.KindUser:      channel.User,
	}[on.Kind()]
	sample := constructor(name)
	if on.IsCached() {
		sample = sample.Cached()
	}
	return pattern, sample.Validate()
}

// Events returns a sequence of the events as they arrive, which waits for the
// next one. The sequence ends when the subscription does. This is at once when
// its context is done or it is closed, and after the queued events when the
// driver is shut down. Leaving the loop does not end the subscription; another
// loop continues where it stopped. Concurrent loops share the events between
// them.
func (s *Subscription) Events() iter.Seq[Event] {
	return func(yield func(Event) bool) {
		for {
			e, ok := s.next()
			if !ok || !yield(e) {
				return
			}
		}
	}
}

// Close ends the subscription and discards its queued events.
func (s *Subscription) Close() {
	s.stop()
	s.end()
}

func (s *Subscription) next() (Event, bool) {
	for {
		e, ok := s.take()
		if ok {
			return e, true
		}
		select {
		case <-s.ready:
		case <-s.done:
			s.stop()
			return Event{}, false
		}
	}
}

// take removes and returns the oldest event in the queue.
func (s *Subscription) take() (Event, bool) {
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	if len(s.queue) == 0 {
		return Event{}, false
	}
	e := s.queue[0]
	s.queue[0] = Event{}
	s.queue = s.queue[1:]
	s.makeRoom()
	switch {
	case len(s.queue) > 0:
		s.wake()
	case s.driver.isClosed():
		s.remove()
	}
	return e, true
}

func (s *Subscription) end() {
	s.driver.mu.Lock()
	defer s.driver.mu.Unlock()
	s.queue = nil
	s.remove()
}

// attach adds the subscription and reports whether it could: not if the driver
// is shut down.
func (d *Driver) attach(s *Subscription) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isClosed() {
		return false
	}
	if !s.ended { // by its context in the meantime
		d.subs = append(d.subs, s)
	}
	return true
}

// remove ends the subscription. The driver's mutex must be held.
func (s *Subscription) remove() {
	if s.ended {
		return
	}
	s.ended = true
	close(s.done)
	s.makeRoom()
	d := s.driver
	d.subs = slices.DeleteFunc(d.subs, func(other *Subscription) bool { return other == s })
	if d.isClosed() && len(d.subs) == 0 {
		close(d.idle)
	}
}

// matches yields the message's channels that the subscription matches, with the
// values of its parameters.
func (s *Subscription) matches(m broadcast.Message) iter.Seq2[channel.Channel, []string] {
	return func(yield func(channel.Channel, []string) bool) {
		for _, c := range m.Channels {
			if c.Kind() != s.kind || c.IsCached() != s.cached {
				continue
			}
			if params, ok := s.pattern.Match(c.Name()); ok && !yield(c, params) {
				return
			}
		}
	}
}

// fits reports whether there is room for the message. The driver's mutex must
// be held, as for add, wake and makeRoom.
func (s *Subscription) fits(m broadcast.Message) bool {
	n := 0
	for range s.matches(m) {
		n++
	}
	return n == 0 || len(s.queue) == 0 || len(s.queue)+n <= s.size
}

func (s *Subscription) add(m broadcast.Message) {
	for c, params := range s.matches(m) {
		s.queue = append(s.queue, Event{
			ID: m.ID, Name: m.Event, Channel: c, Data: m.Data, SocketID: m.SocketID,
			pattern: s.pattern, params: params,
		})
		if len(s.queue) > s.size && !s.blocking {
			missed := s.queue[0].Missed + 1
			s.queue[0] = Event{}
			s.queue = s.queue[1:]
			s.queue[0].Missed = missed
		}
	}
	if len(s.queue) > 0 {
		s.wake()
	}
}

func (s *Subscription) wake() {
	select {
	case s.ready <- struct{}{}:
	default: // it already holds a token
	}
}

func (s *Subscription) makeRoom() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}
