package drivertest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
)

var failureCases = []testCase{
	{
		name:     "cancelled context",
		sentence: "A driver honours the context: once it is done, nothing is sent and its error is returned.",
		check: func(t *reporter, h Harness) {
			o := &outbox{t: t, h: h}
			cause := errors.New("drivertest: the reason")
			ctx, cancel := context.WithCancelCause(t.Context())
			cancel(cause)
			undelivered, err := o.try(ctx, message("drivertest.cancelled", `{}`, channel.Public("drivertest")))
			if !errors.Is(err, context.Canceled) && !errors.Is(err, cause) {
				t.Errorf("the error is neither context.Canceled nor the context's cause: %v", err)
			}
			if err != nil && len(undelivered) != 1 {
				t.Errorf("the error reports %d messages as undelivered, one was given", len(undelivered))
			}
			o.verify()
		},
	},
	{
		name:     "deadline",
		sentence: "A driver honours the context: it stops waiting when the context is done.",
		needs:    []need{stalls},
		check: func(t *reporter, h Harness) {
			h.Stall()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			ok, err := within(patience, func() error {
				return h.Driver.Broadcast(ctx, []broadcast.Message{message("drivertest.stalled", `{}`, channel.Public("drivertest"))})
			})
			if !ok {
				t.Fatalf("Broadcast still runs %v after its context was done", patience)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the error is not context.DeadlineExceeded: %v", err)
			}
		},
	},
	{
		name:     "partial failure",
		sentence: "A message that was not accepted is reported by a DeliveryError; an error without one means that none was.",
		needs:    []need{fails},
		check:    checkPartial,
	},
	{
		name:     "no retries",
		sentence: "A driver never retries by itself.",
		needs:    []need{fails, counts},
		check: func(t *reporter, h Harness) {
			const event = "drivertest.failing"
			h.Fail(event)
			err := h.Driver.Broadcast(t.Context(), []broadcast.Message{message(event, `{}`, channel.Public("drivertest"))})
			if err == nil {
				t.Errorf("Broadcast returned nil although delivery failed")
			}
			if n := h.Tries(event); n != 1 {
				t.Errorf("delivery was tried %d times", n)
			}
		},
	},
	{
		name:     "ping",
		sentence: "Ping is nil when the service answers and knows the credentials, and honours the context.",
		needs:    []need{pings},
		check: func(t *reporter, h Harness) {
			if err := broadcast.Ping(t.Context(), h.Driver); err != nil {
				t.Errorf("Ping of a service that answers returned: %v", err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if err := broadcast.Ping(ctx, h.Driver); !errors.Is(err, context.Canceled) {
				t.Errorf("Ping with a cancelled context returned: %v", err)
			}
		},
	},
	{
		name:     "shutdown",
		sentence: "After Shutdown every message is refused with an error, and Shutdown may be called again.",
		needs:    []need{shutsDown},
		check:    checkShutdown,
	},
	{
		name:     "shutdown during broadcasts",
		sentence: "Each message is either accepted or reported by an error, even while the driver shuts down.",
		needs:    []need{shutsDown},
		check:    checkShutdownRace,
	},
}

// patience is how long the suite waits for what should happen at once.
const patience = 10 * time.Second

type shutdowner interface {
	Shutdown(ctx context.Context) error
}

// within runs f and reports whether it returned in time.
func within(d time.Duration, f func() error) (inTime bool, err error) {
	done := make(chan error, 1)
	go func() { done <- f() }()
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case err := <-done:
		return true, err
	case <-timer.C:
		return false, nil
	}
}

// checkPartial makes one message of several fail, and then does what a caller
// would do: it sends the reported messages again.
func checkPartial(t *reporter, h Harness) {
	const failing = "drivertest.failing"
	o := &outbox{t: t, h: h}
	var batch []broadcast.Message
	for i := range bound(broadcast.LimitsOf(h.Driver).Batch, 5) {
		event := "drivertest.fine"
		if i == 1 || broadcast.LimitsOf(h.Driver).Batch == 1 {
			event = failing
		}
		batch = append(batch, message(event, fmt.Sprintf(`{"n":%d}`, i), numbered(5)[i]))
	}
	h.Fail(failing)
	undelivered, err := o.try(t.Context(), batch...)
	if err == nil {
		t.Fatalf("Broadcast returned nil although delivery failed")
	}
	reported := false
	for _, m := range undelivered {
		reported = reported || m.Event == failing
	}
	if !reported {
		t.Errorf("the error does not report the message that failed: %v", err)
	}
	o.verify()

	h.Fail("")
	if again, err := o.try(t.Context(), undelivered...); err != nil || len(again) > 0 {
		t.Errorf("sending the undelivered messages again, with nothing in the way, returned: %v", err)
	}
	o.verify()
}

func checkShutdown(t *reporter, h Harness) {
	o := &outbox{t: t, h: h}
	o.send(message("drivertest.before", `{}`, channel.Public("drivertest")))
	o.verify()
	d := h.Driver.(shutdowner)
	for range 2 {
		ok, err := within(patience, func() error { return d.Shutdown(t.Context()) })
		if !ok {
			t.Fatalf("Shutdown still runs after %v", patience)
		}
		if err != nil {
			t.Errorf("Shutdown returned: %v", err)
		}
	}
	if _, err := o.try(t.Context(), message("drivertest.after", `{}`, channel.Public("drivertest"))); err == nil {
		t.Errorf("Broadcast after Shutdown returned nil")
	}
	o.verify()
}

func checkShutdownRace(t *reporter, h Harness) {
	const workers, each = 4, 50
	o := &outbox{t: t, h: h}
	taken := make([][]broadcast.Message, workers)
	started := make(chan struct{}, workers)
	var wg sync.WaitGroup
	for w, on := range numbered(workers) {
		wg.Go(func() {
			for i := range each {
				m := message("drivertest.race", fmt.Sprintf(`{"n":%d}`, i), on)
				if h.Driver.Broadcast(t.Context(), []broadcast.Message{m}) == nil {
					taken[w] = append(taken[w], m)
				}
				if i == 0 {
					started <- struct{}{}
				}
			}
		})
	}
	for range workers {
		<-started
	}
	// Shutdown may have to wait until Arrived has read what subscribers have not
	// read by then, so it runs concurrently.
	shut := make(chan error, 1)
	go func() { shut <- h.Driver.(shutdowner).Shutdown(t.Context()) }()
	wg.Wait()
	for _, messages := range taken {
		o.record(messages, nil)
	}
	o.verify()
	if ok, err := within(patience, func() error { return <-shut }); !ok || err != nil {
		t.Errorf("Shutdown returned %v (in time: %t)", err, ok)
	}
}
