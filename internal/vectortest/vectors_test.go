package vectortest_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/internal/vectortest"
)

// watched notes what a test would have said.
type watched struct {
	testing.TB
	logged, failed string
}

func (*watched) Helper()                        {}
func (w *watched) Logf(f string, args ...any)   { w.logged = fmt.Sprintf(f, args...) }
func (w *watched) Errorf(f string, args ...any) { w.failed = fmt.Sprintf(f, args...) }

// Fatal and Fatalf end the test by a panic.
func (w *watched) Fatal(args ...any)            { panic(fmt.Sprint(args...)) }
func (w *watched) Fatalf(f string, args ...any) { panic(fmt.Sprintf(f, args...)) }

func TestReport(t *testing.T) {
	t.Parallel()
	var n vectortest.Tally
	n.Add(true)
	n.Add(true)
	n.Add(false)
	for want, failed := range map[vectortest.Tally]string{
		{Agree: 2, Differ: 1}:          "",
		{Agree: 3}:                     "a.json: want 3 rows agree, 0 differ on purpose",
		{Agree: 2, Differ: 1, None: 1}: "a.json: want 2 rows agree, 1 differ on purpose, 1 do not apply",
	} {
		w := &watched{TB: t}
		n.Report(w, "a.json", want)
		assert.Equal(t, "a.json: 2 rows agree, 1 differ on purpose", w.logged)
		assert.Equal(t, failed, w.failed)
	}
}

func TestRowsRefuses(t *testing.T) {
	t.Parallel()
	w := &watched{TB: t}
	assert.PanicsWithValue(t, "open testdata/other.json: file does not exist", func() {
		vectortest.Rows[struct{}](w, "other.json")
	})
	assert.Panics(t, func() { vectortest.Rows[int](w, "dispatch.json") }, "a row is no number")
}
