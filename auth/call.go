package auth

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"
)

// maxOverdue bounds how many rules may still be running after their time limit.
const maxOverdue = 1024

// outcome is the result of calling a rule.
type outcome struct {
	allowed bool
	who     described // a *Member or *UserData; nil on private channels
	err     error
}

// call is one call of one rule. It is never reused, so a rule that retains its
// arguments does no harm.
type call[U any] struct {
	rule     *rule[U]
	user     *U
	bindings map[string]*binding
	sub      Subscription
	deadline deadline
	out      outcome
	state    atomic.Pointer[waiter]
}

// waiter is the state of a call: nil while the rule runs and nobody waits on a
// channel, the waiter of the calling goroutine, or one of the two values below.
type waiter struct{ done chan struct{} }

var (
	finished  = &waiter{}
	abandoned = &waiter{}
)

// inline calls the rule in this goroutine, without a time limit.
func (c *call[U]) inline(ctx context.Context) outcome {
	c.run(ctx, nil)
	return c.out
}

// bounded calls the rule in a goroutine of its own and waits for it no longer
// than the timeout, even if the rule ignores its context. Most rules just
// compare two ids, so the new goroutine is given the processor first. Only a
// rule that has not returned by then costs a timer and a channel; this halves
// the cost of the limit. A rule that is abandoned is counted in late, whose
// owner waits for it.
func (c *call[U]) bounded(ctx context.Context, timeout time.Duration, late *overdue) outcome {
	if n := late.count.Load(); n >= maxOverdue {
		return outcome{err: fmt.Errorf("%w: not asked, as %d others still run after their time was up", ErrTimeout, n)}
	}
	if ctx.Err() != nil {
		return outcome{err: context.Cause(ctx)}
	}
	c.deadline = deadline{parent: ctx, timeout: timeout}
	defer c.deadline.release()
	go c.run(&c.deadline, late)
	runtime.Gosched()
	if c.state.Load() == finished {
		return c.out
	}
	w := &waiter{done: make(chan struct{})}
	if !c.state.CompareAndSwap(nil, w) {
		return c.out
	}
	select {
	case <-w.done:
		return c.out
	case <-c.deadline.Done():
	}
	late.enter()
	if !c.state.CompareAndSwap(w, abandoned) {
		late.leave()
		return c.out
	}
	if ctx.Err() != nil {
		return outcome{err: context.Cause(ctx)}
	}
	return outcome{err: fmt.Errorf("%w: no answer in %v", ErrTimeout, timeout)}
}

// run calls the rule and turns a panic into an error.
func (c *call[U]) run(ctx context.Context, late *overdue) {
	returned := false
	defer func() {
		if v := recover(); v != nil {
			c.out = outcome{err: &panicError{value: v, stack: debug.Stack()}}
		} else if !returned {
			c.out = outcome{err: errors.New("the rule ended its goroutine with runtime.Goexit")}
		}
		switch w := c.state.Swap(finished); w {
		case nil:
		case abandoned:
			late.leave()
		default:
			close(w.done)
		}
	}()
	if err := c.sub.bind(ctx, c.bindings); err != nil {
		c.out = outcome{err: err}
	} else {
		c.out = c.rule.ask(ctx, c.user, &c.sub)
	}
	if errors.Is(c.out.err, context.DeadlineExceeded) {
		c.out.err = fmt.Errorf("%w: %w", ErrTimeout, c.out.err)
	}
	returned = true
}

// deadline is the caller's context with a timeout that is set up only when
// somebody looks at it. Most rules never do.
type deadline struct {
	parent  context.Context
	timeout time.Duration

	mu     sync.Mutex
	ctx    context.Context
	cancel context.CancelFunc
	over   bool
}

// armed returns the context that carries the timeout. Because Value delegates
// to it, the context package finds it as the nearest cancellable context, so
// contexts derived from a deadline cost no goroutine.
func (d *deadline) armed() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.ctx == nil {
		d.ctx, d.cancel = context.WithTimeout(d.parent, d.timeout)
		if d.over {
			d.cancel()
		}
	}
	return d.ctx
}

// release ends the context.
func (d *deadline) release() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.over = true
	if d.cancel != nil {
		d.cancel()
	}
}

func (d *deadline) Deadline() (time.Time, bool) { return d.armed().Deadline() }
func (d *deadline) Done() <-chan struct{}       { return d.armed().Done() }
func (d *deadline) Err() error                  { return d.armed().Err() }
func (d *deadline) Value(key any) any           { return d.armed().Value(key) }

// overdue counts the rules that are still running after their time limit.
type overdue struct {
	count atomic.Int64
	mu    sync.Mutex
	idle  chan struct{} // closed when the count falls to 0
}

func (o *overdue) enter() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count.Add(1) == 1 {
		o.idle = make(chan struct{})
	}
}

func (o *overdue) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.count.Add(-1) == 0 {
		close(o.idle)
	}
}

// wait waits until no overdue rule is left or the context is done.
func (o *overdue) wait(ctx context.Context) error {
	o.mu.Lock()
	idle := o.idle
	o.mu.Unlock()
	if idle == nil {
		return nil
	}
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("auth: %d rules still run: %w", o.count.Load(), ctx.Err())
	}
}
