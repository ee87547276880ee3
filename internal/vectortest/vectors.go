// Package vectortest holds test vectors that several packages share: recordings
// of what Laravel and its Pusher SDK make of an input, and bad inputs with the
// outcome that is required for them.
package vectortest

import (
	"embed"
	"encoding/json"
	"fmt"
	"testing"
)

// Each file is an array of rows, each with a name and an input. The recordings
// are auth, dispatch, drivers, patterns, signature and user_auth.
//
//go:embed testdata/*.json
var files embed.FS

// Rows returns the rows of a file, decoded into the fields of R. The test fails
// at once if the file does not exist, cannot be decoded or has no rows.
func Rows[R any](t testing.TB, file string) []R {
	t.Helper()
	text, err := files.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	var rows []R
	if err := json.Unmarshal(text, &rows); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	if len(rows) == 0 {
		t.Fatalf("%s has no rows", file)
	}
	return rows
}

// Tally counts how rows compare with the recordings. The zero value is ready to
// use. A Tally is not safe for concurrent use.
type Tally struct {
	// Agree counts rows whose output is the recorded one, Differ those whose
	// output differs on purpose.
	Agree, Differ int
	// None counts rows that do not apply or belong to another test.
	None int
}

// Add counts a row that applies.
func (n *Tally) Add(agrees bool) {
	if agrees {
		n.Agree++
	} else {
		n.Differ++
	}
}

// Report logs the count for what, which names a file or a part of one, and
// fails the test if the count is not want. The program behind make test prints
// the logged line even if the test passes.
func (n Tally) Report(t testing.TB, what string, want Tally) {
	t.Helper()
	t.Logf("%s: %s", what, n)
	if n != want {
		t.Errorf("%s: want %s", what, want)
	}
}

// String returns the count in words.
func (n Tally) String() string {
	s := fmt.Sprintf("%d rows agree, %d differ on purpose", n.Agree, n.Differ)
	if n.None > 0 {
		s += fmt.Sprintf(", %d do not apply", n.None)
	}
	return s
}
