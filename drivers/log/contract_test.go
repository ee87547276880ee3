package log_test

import (
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/onairgo/onair/drivers/drivertest"
	"github.com/onairgo/onair/drivers/log"
)

func TestContract(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(*testing.T) drivertest.Harness {
		b := &book{tries: make(map[string]int)}
		return drivertest.Harness{
			Driver:   log.New(slog.New(handlerFunc(b.write))),
			Features: drivertest.Features{ExcludesSocket: true},
			Arrived:  b.arrivals,
			Fail:     func(event string) { b.mu.Lock(); defer b.mu.Unlock(); b.failing = event },
			Tries:    func(event string) int { b.mu.Lock(); defer b.mu.Unlock(); return b.tries[event] },
		}
	})
}

// book is a handler that keeps what it is told.
type book struct {
	mu      sync.Mutex
	list    []drivertest.Arrival
	failing string
	tries   map[string]int
}

func (b *book) arrivals(int) []drivertest.Arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.list)
}

func (b *book) write(r slog.Record) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	fields := make(map[string]slog.Value)
	r.Attrs(func(a slog.Attr) bool { fields[a.Key] = a.Value; return true })
	event := fields["event"].String()
	if b.tries[event]++; event == b.failing {
		return errors.New("disk full")
	}
	a := drivertest.Arrival{Event: event, Data: fields["data"].String()}
	if id, ok := fields["socket_id"]; ok {
		a.SocketID = id.String()
	}
	for _, a.Channel = range fields["channels"].Any().([]string) {
		b.list = append(b.list, a)
	}
	return nil
}
