// Package memory is a driver that delivers events within the program. Go code
// subscribes to channels and ranges over the events that are broadcast to them.
//
//	d := memory.New()
//	sub, err := d.Subscribe(ctx, channel.Private("orders.{id}"))
//	for e := range sub.Events() {
//		fmt.Println(e.Param("id"), e.Name, e.Data)
//	}
//
// The driver makes these guarantees:
//
//   - Order. All subscriptions see messages in the same order. The messages of
//     one call of Broadcast keep the order of the call.
//   - Bounds. Each subscription has a queue of limited size. If the queue is
//     full, the oldest event is dropped, the next one says how many are missing
//     ([Event.Missed]), and Broadcast does not wait. With [Blocking], nothing is
//     dropped, and Broadcast waits for room until its context is done.
//   - All or nothing. A message is queued for all of its subscriptions at once,
//     or for none and reported as undelivered.
//   - Discarding. A message that nobody is subscribed to is discarded, as it is
//     with a service. A subscription does not see earlier messages.
//
// Nothing leaves the program, so the payload of an encrypted channel is not
// encrypted. Subscribers are not browser connections and have no socket id, so
// every one of them receives a message whatever its SocketID. [Event.SocketID]
// says which connection a service would leave out. Subscribing requires no
// authorisation.
//
// The package starts no goroutines. Events are taken from the queue in the
// subscriber's goroutine.
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
	// mu guards the driver and all its subscriptions, so that all of them see
	// the same order.
	mu     sync.Mutex
	subs   []*Subscription
	closed chan struct{} // closed by Shutdown
	idle   chan struct{} // closed once shut down with no subscription left
}

var _ broadcast.Driver = (*Driver)(nil)

// New returns a Driver without subscriptions.
func New() *Driver {
	return &Driver{closed: make(chan struct{}), idle: make(chan struct{})}
}

// Broadcast queues the messages for the subscriptions to their channels. A
// subscription that matches several channels of a message receives it once for
// each of them. The error contains a [*broadcast.DeliveryError] for each
// message that was not queued because the context was done, which may happen
// while waiting for room in a [Blocking] subscription, or because the driver
// was shut down ([ErrClosed]).
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

// queue adds the message to the queue of every subscription. If a blocking one
// has no room, it adds the message to none, and returns a channel that is
// closed when an event is taken from that subscription or it ends.
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

// Shutdown shuts down the driver. New messages and subscriptions fail with
// [ErrClosed]. Each subscription ends, and with it the loop over its events,
// once its queue is empty; Shutdown waits for all of them. If the context is
// done first, Shutdown returns an error that wraps its cause, and subscribers
// can still receive the remaining events. Shutdown may be called repeatedly and
// concurrently.
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
