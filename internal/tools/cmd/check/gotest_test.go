package main

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// stream builds lines of go test -json for one package.
func stream(lines ...string) string {
	return strings.ReplaceAll(strings.Join(lines, "\n")+"\n", "PKG", `"Package":"github.com/onairgo/onair/event"`)
}

func newTestChecker(t *testing.T, skips string) *checker {
	t.Helper()
	file := filepath.Join(t.TempDir(), "skips.txt")
	if err := os.WriteFile(file, []byte(skips), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := readSkipList(file)
	if err != nil {
		t.Fatal(err)
	}
	return &checker{skips: list}
}

func TestRead(t *testing.T) {
	const skipped = `{"Action":"output",PKG,"Test":"TestA/x","Output":"no server\n"}
{"Action":"skip",PKG,"Test":"TestA/x"}
{"Action":"pass",PKG,"Test":"TestA"}
{"Action":"pass",PKG}`
	tests := []struct {
		name, stream, skips string
		want                tally
		failures            []string
	}{
		{
			name:   "passed",
			stream: stream(`{"Action":"start",PKG}`, `{"Action":"run",PKG,"Test":"TestA"}`, `{"Action":"pass",PKG,"Test":"TestA"}`, `{"Action":"pass",PKG}`),
			want:   tally{passed: 1},
		},
		{
			name:     "failed",
			stream:   stream(`{"Action":"fail",PKG,"Test":"TestA/x"}`, `{"Action":"pass",PKG,"Test":"TestB"}`, `{"Action":"fail",PKG}`),
			want:     tally{passed: 1, failed: 1},
			failures: []string{"github.com/onairgo/onair/event TestA/x"},
		},
		{
			name:     "did not build",
			stream:   stream(`{"Action":"build-output","ImportPath":"x","Output":"undefined: y\n"}`, `{"Action":"fail",PKG,"FailedBuild":"x"}`),
			want:     tally{failed: 1},
			failures: []string{"github.com/onairgo/onair/event"},
		},
		{
			name: "prints secrets",
			stream: stream(`{"Action":"output",PKG,"Test":"TestA","Output":"level=INFO secret=canary-1\n"}`, `{"Action":"output",PKG,"Test":"TestA","Output":"canary-2\n"}`,
				`{"Action":"pass",PKG,"Test":"TestA"}`, `{"Action":"output",PKG,"Output":"key 7ad3773142a6692b25b8\n"}`, `{"Action":"pass",PKG}`),
			want:     tally{passed: 1, failed: 2},
			failures: []string{"github.com/onairgo/onair/event TestA: prints a secret", "github.com/onairgo/onair/event : prints a secret"},
		},
		{name: "no tests", stream: stream(`{"Action":"skip",PKG}`)},
		{
			name:     "skipped unexpectedly",
			stream:   stream(skipped),
			want:     tally{passed: 1, failed: 1},
			failures: []string{"github.com/onairgo/onair/event TestA/x: skipped, and not in internal/tools/allowed-skips.txt"},
		},
		{name: "skipped as allowed", stream: stream(skipped), skips: "event TestA/* needs a server", want: tally{passed: 1, skipped: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := newTestChecker(t, tt.skips)
			c.read(strings.NewReader(tt.stream))
			if c.tally != tt.want || !slices.Equal(c.failures, tt.failures) {
				t.Errorf("read counts %v and lists %q, want %v and %q", c.tally, c.failures, tt.want, tt.failures)
			}
		})
	}
}

func TestSkipList(t *testing.T) {
	c := newTestChecker(t, "# comment\nevent TestA/* needs a server\nauth TestB no reason to run # really\n")
	for _, tt := range []struct {
		dir, test string
		want      bool
	}{
		{"event", "TestA/x", true},
		{"event", "TestA/x/y", false},
		{"event", "TestA", false},
		{"auth", "TestA/x", false},
	} {
		if got := c.skips.allows(tt.dir, tt.test); got != tt.want {
			t.Errorf("allows(%q, %q) = %v", tt.dir, tt.test, got)
		}
	}
	want := []allowedSkip{{"auth", "TestB", "no reason to run"}}
	if got := c.skips.unused(); !slices.Equal(got, want) {
		t.Errorf("unused() = %q, want %q", got, want)
	}
	file := filepath.Join(t.TempDir(), "skips.txt")
	for _, line := range []string{"event TestA", "event Test[ broken pattern"} {
		if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := readSkipList(file); err == nil || !strings.Contains(err.Error(), line) {
			t.Errorf("readSkipList of %q: %v, want an error that shows it", line, err)
		}
	}
}

func TestComparison(t *testing.T) {
	for text, want := range map[string]string{
		"    auth_test.go:98: auth.json: 93 rows agree, 85 differ on purpose\n":          "auth.json: 93 rows agree, 85 differ on purpose",
		"=== x\n        a_test.go:1: a.json, order: 8 rows agree, 4 differ on purpose\n": "a.json, order: 8 rows agree, 4 differ on purpose",
		"    a_test.go:1: all rows agree, I think\n":                                     "",
		"    a.go:1: a.json: 1 rows agree, 0 differ\n":                                   "",
	} {
		got := ""
		if m := comparison.FindStringSubmatch(text); m != nil {
			got = m[1]
		}
		if got != want {
			t.Errorf("of %q it takes %q, want %q", text, got, want)
		}
	}
}

func TestDirectory(t *testing.T) {
	for pkg, want := range map[string]string{
		"github.com/onairgo/onair":                          ".",
		"github.com/onairgo/onair/auth":                     "auth",
		"github.com/onairgo/onair/internal/tools/cmd/check": "internal/tools/cmd/check",
	} {
		if got := directory(pkg); got != want {
			t.Errorf("directory(%q) = %q, want %q", pkg, got, want)
		}
	}
}
