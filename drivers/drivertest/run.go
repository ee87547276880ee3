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
// Each case is a subtest that checks one sentence of the contract, and prints
// that sentence when it fails. What a driver does not promise, or a harness
// cannot show, is not checked; Run logs it, with the reason. Run the suite
// with the race detector, or the case about concurrent use sees only half.
package drivertest

import (
	"context"
	"fmt"
	"testing"
)

// Run checks the driver that newHarness returns. It calls newHarness once
// before the cases and again for each of them.
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

// testCase checks one sentence.
type testCase struct {
	name     string
	sentence string
	needs    []need
	check    func(t *reporter, h Harness)
}

// need returns why a case cannot be checked with the harness, or "".
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

// tb is the part of [testing.T] that cases use, so that the suite itself can
// be tested.
type tb interface {
	Helper()
	Context() context.Context
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
}

var _ tb = (*testing.T)(nil)

// reporter adds to each failure the sentence that was broken.
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
