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

// DefaultQueue is how many events a subscription queues unless [Queue] says
// otherwise.
const DefaultQueue = 1024

// Option configures a subscription.
type Option func(*Subscription)

// Queue sets how many events the subscription queues at most, at least 1.
func Queue(size int) Option {
	return func(s *Subscription) { s.size = size }
}

// Blocking makes Broadcast wait while the subscription's queue is full,
// instead of dropping the oldest event. Every broadcast to these channels then
// goes at the pace of this subscriber: one that broadcasts to itself, or stops
// reading, is waited for until the broadcast's context is done. A single
// message to more of the channels than the queue has room for is taken when
// the queue is empty.
func Blocking() Option {
	return func(s *Subscription) { s.blocking = true }
}

// Event is a message as one channel's subscribers get it.
type Event struct {
	// ID is the message's id, the same on each of its channels.
	ID string
	// Name is the event's name on the wire.
	Name string
	// Channel is where it was heard.
	Channel channel.Channel
	// Data is the payload, in the clear also for an encrypted channel.
	Data string
	// SocketID is the browser connection that does not get the event; empty
	// for none.
	SocketID string
	// Missed is how many events were dropped between the previous one and this
	// one, because the queue was full.
	Missed int

	pattern *channel.Pattern
	params  []string
}

// Param returns what stands in the channel's name for the parameter of the
// subscription, or "" when it has no such parameter.
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
	stop     func() bool   // ends waiting for the context
	ready    chan struct{} // holds a token when an event was queued
	done     chan struct{} // closed when the subscription has ended

	// Guarded by the driver's mutex.
	queue []Event
	room  chan struct{} // closed when an event is taken; nil when nobody waits
	ended bool
}

// Subscribe starts receiving the events of a channel, or of all channels that
// a pattern names: channel.Private("orders.{id}") hears "private-orders.7" and
// neither "orders.7" nor "private-cache-orders.7". Parameters are those of
// [channel.Pattern]. The subscription lives until the context is done, it is
// closed, or the driver is shut down.
//
// The error is a [*channel.PatternError], a [*channel.NameError] for a name
// that no event can have, the context's, or [ErrClosed].
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

// parse compiles the pattern and checks it as a dispatch would check a name
// that it matches, so that a subscription which can never hear anything is an
// error now.
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

// Events returns the events as they come, waiting for the next one. The
// sequence ends with the subscription: at once when its context is done or it
// is closed, and after what is queued when the driver is shut down. Leaving
// the loop does not end the subscription; a later loop goes on where this one
// stopped. Several loops at the same time share the events.
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

// Close ends the subscription and discards what it has queued.
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

// take returns the oldest event that is queued.
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

// attach reports false when the driver is shut down.
func (d *Driver) attach(s *Subscription) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isClosed() {
		return false
	}
	if !s.ended { // by its context, since it was made
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

// matches yields the message's channels that the subscription hears, with the
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
	default: // the token is there already
	}
}

func (s *Subscription) makeRoom() {
	if s.room != nil {
		close(s.room)
		s.room = nil
	}
}
