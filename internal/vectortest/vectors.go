// Package vectortest holds the vectors that tests of several packages run:
// what Laravel and the Pusher SDK below it were recorded to make of an input,
// and bad inputs with what has to become of them.
package vectortest

import (
	"embed"
	"encoding/json"
	"fmt"
	"testing"
)

// Each file is an array of rows with a name and what was put in. Of the first
// kind are auth, dispatch, drivers, patterns, signature and user_auth.
//
//go:embed testdata/*.json
var files embed.FS

// Rows returns the rows of a file, decoded into the fields that R asks for. A
// file that is not there, or has no rows, ends the test.
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

// Tally counts how rows compare with what was recorded. The zero value is
// ready; it is for one goroutine.
type Tally struct {
	// Agree and Differ are rows whose output is the recorded one, or another
	// on purpose.
	Agree, Differ int
	// None are rows that do not apply, or are left to another test.
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

// Report logs the count of the rows of what, a file or a part of it, and fails
// the test unless it is want. The program that runs all checks shows the line
// of every test that passes.
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
