package main

import (
	"fmt"
	"path"
	"strings"
)

// skipList holds the tests that may skip themselves. Any other skip counts as a
// failure, because a skip that nobody expects is a test that nobody runs. An
// entry that was not needed counts as a failure too.
type skipList struct {
	entries []allowedSkip
	used    map[allowedSkip]bool
}

// An allowedSkip is one line of the list: the directory of the package, the
// name of the test as a pattern for path.Match, and the reason.
type allowedSkip struct{ dir, test, reason string }

func readSkipList(file string) (*skipList, error) {
	lines, err := readLines(file)
	if err != nil {
		return nil, fmt.Errorf("check: the list of allowed skips: %w", err)
	}
	l := &skipList{used: make(map[allowedSkip]bool)}
	for _, line := range lines {
		fields := strings.Fields(line)
		if len(fields) < 3 {
			return nil, fmt.Errorf("check: allowed skip %q: want a directory, a test and a reason", line)
		}
		if _, err := path.Match(fields[1], ""); err != nil {
			return nil, fmt.Errorf("check: allowed skip %q: %w", line, err)
		}
		l.entries = append(l.entries, allowedSkip{fields[0], fields[1], strings.Join(fields[2:], " ")})
	}
	return l, nil
}

// allows reports whether a test of the package in dir may skip itself.
func (l *skipList) allows(dir, test string) bool {
	for _, e := range l.entries {
		if ok, _ := path.Match(e.test, test); ok && e.dir == dir {
			l.used[e] = true
			return true
		}
	}
	return false
}

// unused returns the entries that no skip needed.
func (l *skipList) unused() []allowedSkip {
	var out []allowedSkip
	for _, e := range l.entries {
		if !l.used[e] {
			out = append(out, e)
		}
	}
	return out
}
