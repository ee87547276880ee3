package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
)

func TestTally(t *testing.T) {
	for line, want := range map[string]tally{
		"84 passed, 0 failed":                    {passed: 84},
		"e2e: 3 passed, 1 failed":                {passed: 3, failed: 1},
		"12 passed, 0 failed, 2 skipped":         {passed: 12, skipped: 2},
		"browser: 1 passed, 2 failed, 3 skipped": {passed: 1, failed: 2, skipped: 3},
	} {
		if got, ok := parseTally(line); !ok || got != want {
			t.Errorf("parseTally(%q) = %v, %v, want %v", line, got, ok, want)
		}
	}
	for _, line := range []string{"", "84 passed", "then 84 passed, 0 failed", "84 passed, 0 failed.", "99999999999999999999 passed, 0 failed"} {
		if got, ok := parseTally(line); ok {
			t.Errorf("parseTally(%q) = %v, want it refused", line, got)
		}
	}
	sum := tally{passed: 1, failed: 2}
	sum.add(tally{passed: 3, skipped: 4})
	if got, want := sum.String(), "4 passed, 2 failed, 4 skipped"; got != want {
		t.Errorf("the sum prints %q, want %q", got, want)
	}
}

func TestChoose(t *testing.T) {
	names := func(chosen []step) (out []string) {
		for _, s := range chosen {
			out = append(out, s.name)
		}
		return out
	}
	all, err := choose(nil)
	if err != nil || len(all) != len(steps) {
		t.Errorf("choose(nil) = %q, %v, want every step", names(all), err)
	}
	some, err := choose([]string{"fuzz", "lint"})
	if want := []string{"lint", "fuzz"}; err != nil || !slices.Equal(names(some), want) {
		t.Errorf("choose(fuzz, lint) = %q, %v, want %q", names(some), err, want)
	}
	if _, err := choose([]string{"lint", "tests"}); err == nil {
		t.Error("choose takes a step that is not there")
	}
}

func TestCheck(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		quiet        bool
		want         tally
	}{
		{"prints nothing", "exit 0", true, tally{passed: 1}},
		{"prints what it found", "echo a.go", true, tally{failed: 1}},
		{"may print", "echo a.go", false, tally{passed: 1}},
		{"warns only", "echo downloading >&2", true, tally{passed: 1}},
		{"fails", "exit 3", false, tally{failed: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var c checker
			c.check("x", "cure", tt.quiet, exec.Command("sh", "-c", tt.script))
			if c.tally != tt.want {
				t.Errorf("counts %v, want %v", c.tally, tt.want)
			}
		})
	}
}

func TestDeadlineOnly(t *testing.T) {
	const end = "FAIL\nexit status 1\nFAIL\texample.org/x\t3.1s\n"
	const deadline = "fuzz: elapsed: 3s, execs: 40304 (0/sec)\n--- FAIL: FuzzParse (3.02s)\n    context deadline exceeded\n" + end
	for name, tt := range map[string]struct {
		out  string
		want bool
	}{
		"end of the time":    {deadline, true},
		"finding":            {"--- FAIL: FuzzParse (0.02s)\n    --- FAIL: FuzzParse (0.00s)\n        x_test.go:9: wrong\n    \n    Failing input written to testdata/fuzz/FuzzParse/1\n" + end, false},
		"finding at the end": {"fuzz: minimizing 57-byte failing input file\n" + deadline, false},
		"finding about it":   {deadline + "    Failing input written to testdata/fuzz/FuzzParse/1\n", false},
		"words of the test":  {"--- FAIL: FuzzParse (0.02s)\n    x_test.go:9: context deadline exceeded\n" + end, false},
		"did not build":      {"# example.org/x\nx.go:1:1: expected 'package'\n" + end, false},
	} {
		if got := deadlineOnly(tt.out); got != tt.want {
			t.Errorf("%s: deadlineOnly = %v", name, got)
		}
	}
}

func TestFuzzTargets(t *testing.T) {
	root := t.TempDir()
	git := exec.Command("git", "init", "-q", root)
	if out, err := git.CombinedOutput(); err != nil {
		t.Fatalf("git init: %v\n%s", err, out)
	}
	for name, text := range map[string]string{
		"a/a_test.go":          "package a\n\nfunc FuzzName(f *testing.F) {\n}\n\nfunc FuzzOther(f *testing.F) {\n}\n\nfunc TestX(t *testing.T) {}\n",
		"a/a.go":               "package a\n\nfunc FuzzNot(f *testing.F) {\n}\n",
		"a/testdata/b_test.go": "package b\n\nfunc FuzzData(f *testing.F) {\n}\n",
	} {
		file := filepath.Join(root, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	c := &checker{root: root}
	got, err := c.fuzzTargets(t.Context())
	if want := []target{{"a", "FuzzName"}, {"a", "FuzzOther"}}; err != nil || !slices.Equal(got, want) {
		t.Errorf("fuzzTargets() = %v, %v, want %v", got, err, want)
	}
}

func TestEndToEnd(t *testing.T) {
	for _, tt := range []struct {
		name, script string
		want         tally
	}{
		{"no script", "", tally{failed: 1}},
		{"passed", "echo 'specs: 80 passed, 0 failed'; echo '84 passed, 0 failed'", tally{passed: 84}},
		{"failed", "echo '1 passed, 2 failed'; exit 1", tally{passed: 1, failed: 2}},
		{"failed with a good exit", "echo '1 passed, 2 failed'", tally{passed: 1, failed: 2}},
		{"broke after its count", "echo '3 passed, 0 failed'; exit 1", tally{passed: 3, failed: 1}},
		{"counts nothing", "echo done", tally{failed: 1}},
		{"skips", "echo '3 passed, 0 failed, 1 skipped'", tally{passed: 3, failed: 1, skipped: 1}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := &checker{root: t.TempDir()}
			if tt.script != "" {
				dir := filepath.Join(c.root, "internal", "e2e")
				if err := errors.Join(os.MkdirAll(dir, 0o700), os.WriteFile(filepath.Join(dir, "run"), []byte("#!/bin/sh\n"+tt.script+"\n"), 0o700)); err != nil {
					t.Fatal(err)
				}
			}
			c.endToEnd(t.Context())
			if c.tally != tt.want || (len(c.failures) > 0) != (tt.want.failed > 0) {
				t.Errorf("counts %v and lists %q, want %v", c.tally, c.failures, tt.want)
			}
		})
	}
}
