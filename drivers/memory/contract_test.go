package memory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/channel"
	"github.com/onairgo/onair/drivers/drivertest"
	"github.com/onairgo/onair/drivers/memory"
)

func TestContract(t *testing.T) {
	t.Parallel()
	for name, options := range map[string][]memory.Option{"dropping": nil, "blocking": {memory.Blocking()}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, func(t *testing.T) drivertest.Harness { return newEar(t, options).harness() })
		})
	}
}

// ear hears every channel of the suite.
type ear struct {
	t       *testing.T
	driver  *memory.Driver
	subs    map[channel.Channel]*memory.Subscription
	arrived []drivertest.Arrival
}

func newEar(t *testing.T, options []memory.Option) *ear {
	e := &ear{t: t, driver: memory.New(), subs: make(map[channel.Channel]*memory.Subscription)}
	for _, c := range drivertest.Channels() {
		e.subs[c] = subscribe(t, e.driver, c, options...)
	}
	return e
}

func (e *ear) harness() drivertest.Harness {
	return drivertest.Harness{
		Driver:   e.driver,
		Features: drivertest.Features{InProcess: true, ExcludesSocket: true},
		Arrived:  e.listen,
		Stall:    e.stall,
	}
}

// listen reads each subscription up to a mark that is sent behind everything
// else, or to its end when the driver is shut down.
func (e *ear) listen(int) []drivertest.Arrival {
	const mark = "mark"
	_ = e.driver.Broadcast(e.t.Context(), []broadcast.Message{message(mark, drivertest.Channels()...)})
	for _, c := range drivertest.Channels() {
		for event := range e.subs[c].Events() {
			if event.Data == mark {
				break
			}
			require.Zero(e.t, event.Missed)
			require.Equal(e.t, c, event.Channel)
			e.arrived = append(e.arrived, drivertest.Arrival{
				Event: event.Name, Channel: event.Channel.String(), Data: event.Data, SocketID: event.SocketID,
			})
		}
	}
	return e.arrived
}

// stall fills the queue of a subscriber that is waited for.
func (e *ear) stall() {
	on := drivertest.Channels()
	for _, c := range on {
		subscribe(e.t, e.driver, c, memory.Queue(1), memory.Blocking())
	}
	send(e.t, e.driver, message("full", on...))
}
