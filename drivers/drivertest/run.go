// Package drivertest checks a driver against the contract of
// [broadcast.Driver].
//
//	func TestContract(t *testing.T) {
//		drivertest.Run(t, func(t *testing.T) drivertest.Harness {
//			service := startFakeService(t)
//			return drivertest.Harness{
//				Driver:  mydriver.New(service.URL),
//				Arrived: service.Arrived,
//			}
//		})
//	}
//
// Each case is a subtest that checks one sentence of the contract and reports
// that sentence if it fails. Cases for what a driver does not promise, or what
// the harness cannot observe, are not run; [Run] logs each with the reason. Run
// the suite with the race detector: without it, the case for concurrent use
// misses data races.
package drivertest

import (
	"context"
	"fmt"
	"testing"
)

// Run runs the suite against the driver that newHarness returns. It calls
// newHarness once to find out which cases apply, and again for each case that it
// runs.
func Run(t *testing.T, newHarness func(*testing.T) Harness) {
	t.Helper()
	probe := newHarness(t)
	if probe.Driver == nil {
		t.Fatal("drivertest: the harness has no Driver")
	}
	for _, c := range cases {
		if reason := c.inapplicable(probe); reason != "" {
			t.Logf("drivertest: not checked: %s: %s", c.name, reason)
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.run(t, newHarness(t)) })
	}
}

// testCase checks one sentence of the contract.
type testCase struct {
	name     string
	sentence string
	needs    []need
	check    func(t *reporter, h Harness)
}

// need returns the reason why a case cannot be checked with the harness, or ""
// if it can.
type need func(h Harness) string

func (c testCase) inapplicable(h Harness) string {
	for _, n := range c.needs {
		if reason := n(h); reason != "" {
			return reason
		}
	}
	return ""
}

func (c testCase) run(t tb, h Harness) {
	t.Helper()
	c.check(&reporter{t, c.sentence}, h)
}

// tb is the part of [testing.T] that cases use. It allows the suite itself to be
// tested.
type tb interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

var _ tb = (*testing.T)(nil)

// reporter adds the sentence that a driver violates to each failure.
type reporter struct {
	tb
	sentence string
}

func (r *reporter) Errorf(format string, args ...any) {
	r.Helper()
	r.tb.Errorf("%s\nthe contract says: %s", fmt.Sprintf(format, args...), r.sentence)
}

func (r *reporter) Fatalf(format string, args ...any) {
	r.Helper()
	r.tb.Fatalf("%s\nthe contract says: %s", fmt.Sprintf(format, args...), r.sentence)
}
