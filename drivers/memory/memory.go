// Package memory is the driver that delivers events inside the program: Go
// code subscribes to channels and ranges over what is broadcast to them.
//
//	d := memory.New()
//	sub, err := d.Subscribe(ctx, channel.Private("orders.{id}"))
//	for e := range sub.Events() {
//		fmt.Println(e.Param("id"), e.Name, e.Data)
//	}
//
// What it guarantees:
//
//   - Order. All subscriptions see messages in one and the same order; those
//     of one call of Broadcast in the order of the call.
//   - Bounds. Each subscription has a queue of fixed size. When it is full the
//     oldest event is dropped, and the next one says how many are missing
//     ([Event.Missed]); broadcasting never waits. With [Blocking] it is the
//     other way round: nothing is dropped, and Broadcast waits for room as
//     long as its context allows.
//   - All or nothing. A message goes into the queues of all its subscriptions
//     at once, or into none and is reported as undelivered.
//   - A message that nobody subscribes to is discarded, as it would be on the
//     wire. What was broadcast before Subscribe is not seen.
//
// Nothing leaves the program, so that the payload of an encrypted channel is
// in the clear here. Subscribers are no browser connections and have no socket
// id: none is left out, and [Event.SocketID] tells whom others would leave
// out. Subscribing is the program's own business and asks no authorisation.
//
// The package starts no goroutine: events are taken in the subscriber's.
package memory

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/onairgo/onair/broadcast"
)

// ErrClosed is returned after [Driver.Shutdown].
var ErrClosed = errors.New("memory: driver is shut down")

// Driver delivers messages to subscriptions. Make one with [New]; it is safe
// for concurrent use.
type Driver struct {
	// mu guards the driver and all its subscriptions, which gives every one of
	// them the same order.
	mu     sync.Mutex
	subs   []*Subscription
	closed chan struct{} // closed by Shutdown
	idle   chan struct{} // closed when shut down and no subscription is left
}

var _ broadcast.Driver = (*Driver)(nil)

// New returns a Driver without subscriptions.
func New() *Driver {
	return &Driver{closed: make(chan struct{}), idle: make(chan struct{})}
}

// Broadcast queues the messages for the subscriptions of their channels, a
// message once for each of its channels that a subscription matches. A message
// that was queued for nobody because a [Blocking] subscription had no room
// until the context was done, or because the driver was shut down, is a
// [*broadcast.DeliveryError] in the error.
func (d *Driver) Broadcast(ctx context.Context, messages []broadcast.Message) error {
	var failed []error
	for _, m := range messages {
		if err := d.deliver(ctx, m); err != nil {
			failed = append(failed, &broadcast.DeliveryError{Message: m, Err: err})
		}
	}
	return errors.Join(failed...)
}

func (d *Driver) deliver(ctx context.Context, m broadcast.Message) error {
	for {
		if err := context.Cause(ctx); err != nil {
			return fmt.Errorf("memory: %w", err)
		}
		full, err := d.queue(m)
		if full == nil {
			return err
		}
		select {
		case <-full:
		case <-d.closed:
		case <-ctx.Done():
		}
	}
}

// queue hands the message to every subscription, or to none when one that
// blocks has no room; then full is closed when that one has.
func (d *Driver) queue(m broadcast.Message) (full <-chan struct{}, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isClosed() {
		return nil, ErrClosed
	}
	for _, s := range d.subs {
		if s.blocking && !s.fits(m) {
			if s.room == nil {
				s.room = make(chan struct{})
			}
			return s.room, nil
		}
	}
	for _, s := range d.subs {
		s.add(m)
	}
	return nil, nil
}

// Shutdown refuses new messages and subscriptions with [ErrClosed], and waits
// until the subscriptions have taken what they have queued, which ends their
// loops. When the context is done first it returns the context's error; the
// subscriptions can still take the rest. It may be called several times, also
// at the same time.
func (d *Driver) Shutdown(ctx context.Context) error {
	d.close()
	select {
	case <-d.idle:
		return nil
	default:
	}
	select {
	case <-d.idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("memory: shutdown: %w", context.Cause(ctx))
	}
}

func (d *Driver) close() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.isClosed() {
		return
	}
	close(d.closed)
	if len(d.subs) == 0 {
		close(d.idle)
	}
	for _, s := range slices.Clone(d.subs) {
		if len(s.queue) == 0 {
			s.remove()
		}
	}
}

func (d *Driver) isClosed() bool {
	select {
	case <-d.closed:
		return true
	default:
		return false
	}
}
