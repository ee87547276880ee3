package drivertest_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/drivers/drivertest"
)

// list is a driver that keeps messages in memory.
type list struct {
	mu       sync.Mutex
	messages []broadcast.Message
}

func (l *list) Broadcast(ctx context.Context, messages []broadcast.Message) error {
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("list: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range messages {
		m.Channels = slices.Clone(m.Channels)
		l.messages = append(l.messages, m)
	}
	return nil
}

func (l *list) arrived(int) (all []drivertest.Arrival) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, m := range l.messages {
		for _, c := range m.Channels {
			all = append(all, drivertest.Arrival{Event: m.Event, Channel: c.String(), Data: m.Data})
		}
	}
	return all
}

func newList(*testing.T) drivertest.Harness {
	l := new(list)
	return drivertest.Harness{
		Driver:   l,
		Features: drivertest.Features{InProcess: true},
		Arrived:  l.arrived,
	}
}

// The test of a driver hands its own t to the suite.
func ExampleRun() {
	test := func(t *testing.T) { drivertest.Run(t, newList) }
	_ = test // go test calls it when it is a TestXxx
}
