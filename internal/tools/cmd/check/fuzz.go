package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
)

// A target is a fuzz test, with the directory of its package.
type target struct{ dir, name string }

var fuzzFunc = regexp.MustCompile(`(?m)^func (Fuzz\w*)\(\w+ \*testing\.F\)`)

// fuzz runs each fuzz target for a short time. It runs two at a time, each with
// one worker, so that one compiles while the other runs.
func (c *checker) fuzz(ctx context.Context) {
	defer section("fuzz")()
	targets, err := c.fuzzTargets(ctx)
	if err != nil {
		c.fail("fuzz: " + err.Error())
		return
	}
	var (
		wg      sync.WaitGroup
		mu      sync.Mutex // guards the checker and keeps output lines together
		pending = make(chan target)
	)
	for range 2 {
		wg.Go(func() {
			for t := range pending {
				out, ok := c.fuzzOne(ctx, t)
				mu.Lock()
				c.fuzzed(t, out, ok)
				mu.Unlock()
			}
		})
	}
	for _, t := range targets {
		pending <- t
	}
	close(pending)
	wg.Wait()
}

// fuzzTargets finds the fuzz targets of all modules in their test files.
func (c *checker) fuzzTargets(ctx context.Context) ([]target, error) {
	files, err := c.goFiles(ctx)
	if err != nil {
		return nil, err
	}
	var targets []target
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") || strings.Contains(file, "/testdata/") {
			continue
		}
		src, err := os.ReadFile(filepath.Join(c.root, file))
		if err != nil {
			return nil, err
		}
		for _, m := range fuzzFunc.FindAllSubmatch(src, -1) {
			targets = append(targets, target{path.Dir(file), string(m[1])})
		}
	}
	return targets, nil
}

// fuzzOne runs one target.
func (c *checker) fuzzOne(ctx context.Context, t target) (out string, ok bool) {
	cmd := c.command(ctx, t.dir, "go", "test", "-vet=off", "-run=^$", "-fuzz=^"+t.name+"$", "-parallel=1",
		"-fuzztime="+c.fuzzTime.String(), "-fuzzminimizetime=2s", ".")
	b, err := cmd.CombinedOutput()
	return string(b), err == nil || deadlineOnly(string(b))
}

// fuzzed counts and prints a result.
func (c *checker) fuzzed(t target, out string, ok bool) {
	if !ok {
		fmt.Printf("FAIL  %s %s\n%s", t.dir, t.name, indent(out))
		c.fail(t.dir + " " + t.name)
		return
	}
	c.tally.passed++
	execs := "no executions reported"
	if all := executions.FindAllString(out, -1); all != nil {
		execs = all[len(all)-1]
	}
	fmt.Printf("ok    %s %s  %s\n", t.dir, t.name, execs)
}

var (
	executions   = regexp.MustCompile(`execs: \d+`)
	deadlineFail = regexp.MustCompile(`(?m)^--- FAIL: Fuzz\w* \([0-9.]+s\)\n    context deadline exceeded\nFAIL$`)
)

// deadlineOnly reports whether a target failed only because its time was up. In
// Go 1.26 the fuzzing coordinator sometimes loses a race against that deadline
// (golang/go#75804, fixed in Go 1.27). The output of a real finding always
// names the hung process or mentions the failing input, if only to say that it
// was being minimized when the time was up.
func deadlineOnly(out string) bool {
	return deadlineFail.MatchString(out) && !strings.Contains(strings.ToLower(out), "failing input")
}
