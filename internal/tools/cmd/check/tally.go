package main

import (
	"fmt"
	"regexp"
	"strconv"
)

// tally counts tests and checks.
type tally struct{ passed, failed, skipped int }

func (t *tally) add(u tally) {
	t.passed += u.passed
	t.failed += u.failed
	t.skipped += u.skipped
}

// String returns the closing line.
func (t tally) String() string {
	s := fmt.Sprintf("%d passed, %d failed", t.passed, t.failed)
	if t.skipped > 0 {
		s += fmt.Sprintf(", %d skipped", t.skipped)
	}
	return s
}

var tallyLine = regexp.MustCompile(`^(?:\w+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$`)

// parseTally parses a line that has the form of the closing line.
func parseTally(line string) (t tally, ok bool) {
	m := tallyLine.FindStringSubmatch(line)
	if m == nil {
		return t, false
	}
	for i, n := range []*int{&t.passed, &t.failed, &t.skipped} {
		if m[i+1] != "" {
			var err error
			if *n, err = strconv.Atoi(m[i+1]); err != nil {
				return tally{}, false
			}
		}
	}
	return t, true
}
