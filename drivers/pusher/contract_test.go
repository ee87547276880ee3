package pusher_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/onairgo/onair/drivers/drivertest"
)

// TestContract runs the conformance suite against a service that takes
// everything, and refuses or breaks where the suite asks for a failure.
func TestContract(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(http.ResponseWriter, request, int) bool{
		"refuses": status(400, "bad event"),
		"breaks":  status(500, "oops"),
		"resets":  func(w http.ResponseWriter, _ request, _ int) bool { reset(connection(w)); return true },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, func(t *testing.T) drivertest.Harness { return newHarness(t, fail) })
		})
	}
}

func newHarness(t *testing.T, fail func(http.ResponseWriter, request, int) bool) drivertest.Harness {
	var failing atomic.Value // string
	var stalled atomic.Bool
	failing.Store("")
	failed := make(chan int, 100) // numbers of requests
	s := newService(t, nil)
	s.answer = func(w http.ResponseWriter, r request, n int) bool {
		if stalled.Load() {
			return hang(w, r, n)
		}
		if name := failing.Load().(string); name != "" && strings.Contains(string(r.body), name) {
			failed <- n
			return fail(w, r, n)
		}
		return false
	}
	refused := map[int]bool{}
	accepted := func() (list []request) {
		for len(failed) > 0 {
			refused[<-failed] = true
		}
		for n, r := range s.got() {
			if r.method == http.MethodPost && !refused[n] {
				list = append(list, r)
			}
		}
		return list
	}
	return drivertest.Harness{
		Driver:   s.driver(t),
		Features: drivertest.Features{Encrypts: true, ExcludesSocket: true},
		Arrived: func(int) (list []drivertest.Arrival) {
			for _, r := range accepted() {
				for _, e := range r.events(t) {
					for _, on := range e.Channels {
						a := drivertest.Arrival{Event: e.Name, Channel: on, Data: *e.Data, SocketID: e.SocketID}
						if strings.HasPrefix(on, "private-encrypted-") {
							a.Wire, a.Data = a.Data, openSealed(t, on, a.Data)
						}
						list = append(list, a)
					}
				}
			}
			return list
		},
		Fail: func(event string) { failing.Store(event) },
		Tries: func(event string) (n int) {
			for _, r := range s.got() {
				for _, e := range r.events(t) {
					if e.Name == event {
						n++
					}
				}
			}
			return n
		},
		Stall:   func() { stalled.Store(true) },
		Secrets: []string{appKey, appSecret, masterKey},
	}
}
