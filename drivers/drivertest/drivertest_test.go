package drivertest_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast"
	"github.com/onairgo/onair/drivers/drivertest"
)

func TestWithoutDefect(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(*testing.T) drivertest.Harness { return newService("").harness() })
}

func TestExample(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, newList)
}

// TestDefectsAreFound runs the suite against drivers that are broken in one
// way, and asks for exactly the cases that must fail.
func TestDefectsAreFound(t *testing.T) {
	t.Parallel()
	found := make(map[string]bool)
	for _, row := range defects {
		t.Run(row.defect, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var failed []string
				for _, name := range drivertest.CaseNames() {
					s := newService(row.defect)
					out := capture(t.Context(), func(tb drivertest.TB) {
						sentence, ok := drivertest.RunCase(tb, name, s.harness())
						assert.True(t, ok, "%s was not checked", name)
						tb.(*recorder).sentence = sentence
					})
					close(s.release)
					if len(out.failures) > 0 {
						failed = append(failed, name)
						found[name] = true
					}
				}
				sure := slices.DeleteFunc(failed, func(name string) bool { return slices.Contains(row.maybe, name) })
				assert.ElementsMatch(t, row.want, sure)
			})
		})
	}
	for _, name := range drivertest.CaseNames() {
		assert.True(t, found[name], "nothing makes the case %q fail", name)
	}
}

// defects says what must fail for each defect. What depends on how goroutines
// are scheduled stands in maybe.
var defects = []struct {
	defect      string
	want, maybe []string
}{
	{defect: "skips the last of several channels", want: []string{"many channels", "order in a batch", "the slice belongs to the caller"}},
	{defect: "forgets prefixes", want: []string{"kinds of channels", "order in a batch", "the slice belongs to the caller", "encrypted payload arrives", "sealed afresh"}},
	{defect: "delivers twice", want: []string{"one message", "kinds of channels", "many channels", "largest payload", "order in a batch", "order over calls", "payload byte for byte", "socket exclusion", "the slice belongs to the caller", "concurrent use", "encrypted payload arrives", "sealed afresh", "partial failure", "shutdown", "shutdown during broadcasts"}},
	{defect: "reverses a batch", want: []string{"order in a batch", "the slice belongs to the caller"}},
	{defect: "lets a call overtake another", want: []string{"order over calls"}},
	{defect: "escapes HTML", want: []string{"payload byte for byte", "encrypted payload arrives"}},
	{defect: "trims payloads", want: []string{"payload byte for byte", "encrypted payload arrives"}},
	{defect: "makes an empty payload null", want: []string{"payload byte for byte", "encrypted payload arrives"}},
	{defect: "cuts large payloads", want: []string{"largest payload"}},
	{defect: "refuses an empty batch", want: []string{"no messages"}},
	{defect: "forgets the socket", want: []string{"socket exclusion"}},
	{defect: "keeps the slice", want: []string{"the slice belongs to the caller", "errors keep secrets", "partial failure", "no retries", "shutdown"}},
	{defect: "changes the slice", want: []string{"the slice belongs to the caller"}},
	{defect: "loses messages of concurrent calls", want: []string{"concurrent use", "shutdown during broadcasts"}},
	{defect: "has a negative limit", want: []string{"limits"}},
	{defect: "has a limit that is none", want: []string{"limits"}},
	{defect: "changes its limits", want: []string{"limits"}},
	{defect: "opens sealed data wrongly", want: []string{"encrypted payload arrives", "sealed afresh"}},
	{defect: "leaves encrypted channels clear", want: []string{"encrypted payload stays secret", "sealed afresh"}},
	{defect: "encodes instead of sealing", want: []string{"encrypted payload stays secret"}},
	{defect: "seals without a nonce", want: []string{"sealed afresh"}},
	{defect: "shows the payload in errors", want: []string{"errors keep secrets"}},
	{defect: "shows the secret in errors", want: []string{"errors keep secrets"}},
	{defect: "ignores the context", want: []string{"cancelled context"}},
	{defect: "hides the context's error", want: []string{"cancelled context", "deadline"}},
	{defect: "waits for ever", want: []string{"deadline"}},
	{defect: "hides failures", want: []string{"errors keep secrets", "partial failure", "no retries", "shutdown"}, maybe: []string{"shutdown during broadcasts"}},
	{defect: "does not say what failed", want: []string{"partial failure"}},
	{defect: "reports a changed message", want: []string{"partial failure", "shutdown"}},
	{defect: "reports a failure twice", want: []string{"partial failure", "shutdown"}},
	{defect: "reports what went out", want: []string{"partial failure"}},
	{defect: "reports a failure and delivers", want: []string{"partial failure"}},
	{defect: "retries", want: []string{"no retries"}},
	{defect: "cannot be pinged", want: []string{"ping"}},
	{defect: "pings without the context", want: []string{"ping"}},
	{defect: "sends after shutdown", want: []string{"shutdown"}},
	{defect: "discards after shutdown", want: []string{"shutdown"}, maybe: []string{"shutdown during broadcasts"}},
	{defect: "shuts down once only", want: []string{"shutdown"}},
	{defect: "hangs in shutdown", want: []string{"shutdown", "shutdown during broadcasts"}},
}

// recorder takes what a case reports.
type recorder struct {
	ctx      context.Context
	sentence string
	mu       sync.Mutex
	failures []string
}

func (*recorder) Helper()                    {}
func (r *recorder) Context() context.Context { return r.ctx }

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failures = append(r.failures, fmt.Sprintf(format, args...))
}

func (r *recorder) Fatalf(format string, args ...any) {
	r.Errorf(format, args...)
	runtime.Goexit()
}

// capture runs f in a goroutine of its own, which Fatalf can end.
func capture(ctx context.Context, f func(drivertest.TB)) *recorder {
	r := &recorder{ctx: ctx}
	var wg sync.WaitGroup
	wg.Go(func() { f(r) })
	wg.Wait()
	return r
}

func TestFailureTellsTheSentence(t *testing.T) {
	t.Parallel()
	r := capture(t.Context(), func(tb drivertest.TB) {
		drivertest.RunCase(tb, "payload byte for byte", newService("escapes HTML").harness())
	})
	require.Len(t, r.failures, 1)
	assert.Contains(t, r.failures[0], "on channel drivertest 1 did not arrive")
	assert.Contains(t, r.failures[0], "the contract says: Message.Data is passed on byte for byte, JSON or not.")
}

// A driver that promises nothing is still held to what every driver owes.
func TestBareHarness(t *testing.T) {
	t.Parallel()
	bare := func() drivertest.Harness {
		return drivertest.Harness{Driver: broadcast.DriverFunc(newService("").Broadcast)}
	}
	drivertest.Run(t, func(*testing.T) drivertest.Harness { return bare() })
	var checked []string
	for _, name := range drivertest.CaseNames() {
		capture(t.Context(), func(tb drivertest.TB) {
			if _, ok := drivertest.RunCase(tb, name, bare()); ok {
				checked = append(checked, name)
			}
		})
	}
	assert.Equal(t, []string{
		"one message", "many channels", "order in a batch", "no messages", "the slice belongs to the caller", "concurrent use", "limits",
		"cancelled context",
	}, checked)
}

func TestChannelsAreDistinctAndLegal(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for _, c := range drivertest.Channels() {
		assert.NoError(t, c.Validate())
		assert.False(t, seen[c.String()], c)
		seen[c.String()] = true
	}
	names := drivertest.CaseNames()
	slices.Sort(names)
	assert.Len(t, slices.Compact(names), len(drivertest.CaseNames()), "case names: %s", strings.Join(names, ", "))
}
