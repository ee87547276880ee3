package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
)

// test runs the tests of each module under the race detector, in random order.
// Vet is off because lint runs all of it.
func (c *checker) test(ctx context.Context) {
	defer section("test")()
	if err := c.installCompiler(ctx); err != nil {
		c.fail(err.Error())
		return
	}
	for _, m := range c.modules {
		cmd := c.command(ctx, m, "go", "test", "-json", "-race", "-shuffle=on", "-vet=off", "-timeout=15m", "./...")
		cmd.Stderr = os.Stderr
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			c.fail(label("go test", m) + ": " + err.Error())
			continue
		}
		before := c.tally.failed
		c.read(out)
		if err := cmd.Wait(); err != nil && c.tally.failed == before {
			c.fail(label("go test", m) + ": " + err.Error())
		}
	}
	for _, e := range c.skips.unused() {
		c.fail(fmt.Sprintf("allowed skip %s %s: nothing was skipped, remove the line", e.dir, e.test))
	}
}

// testEvent is one line of the output of go test -json.
type testEvent struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
	Elapsed                       float64
}

// testOutput collects the output of tests that may still fail, by package and
// test. The output of a build is collected by its import path.
type testOutput map[[2]string]*strings.Builder

func (o testOutput) add(pkg, test, text string) {
	key := [2]string{pkg, test}
	if o[key] == nil {
		o[key] = new(strings.Builder)
	}
	o[key].WriteString(text)
}

func (o testOutput) take(pkg, test string) string {
	key := [2]string{pkg, test}
	defer delete(o, key)
	if o[key] == nil {
		return ""
	}
	return o[key].String()
}

// read counts the results in the output of go test -json. It prints a line for
// each package, the comparisons with recordings, and all output of failed
// tests. Every test, subtest and example counts as one, as go test -v lists
// them.
func (c *checker) read(r io.Reader) {
	out := make(testOutput)
	counts := make(map[string]*tally)
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e testEvent
			if json.Unmarshal(line, &e) != nil {
				fmt.Print(string(line)) // a message of the go command itself
			} else {
				if counts[e.Package] == nil {
					counts[e.Package] = new(tally)
				}
				c.event(e, out, counts[e.Package])
			}
		}
		if err != nil {
			return
		}
	}
}

// event handles one event of a package and updates the package's count.
func (c *checker) event(e testEvent, out testOutput, count *tally) {
	switch {
	case e.Action == "build-output":
		out.add(e.ImportPath, "", e.Output)
	case e.Action == "output":
		c.searchSecrets(e)
		if !strings.HasPrefix(e.Output, "=== ") { // progress lines of go test -v
			out.add(e.Package, e.Test, e.Output)
		}
	case e.Test == "":
		c.packageDone(e, out, count)
	case e.Action == "pass":
		count.passed++
		for _, m := range comparison.FindAllStringSubmatch(out.take(e.Package, e.Test), -1) {
			fmt.Printf("      %s: %s\n", directory(e.Package), m[1])
		}
	case e.Action == "fail":
		count.failed++
		c.failures = append(c.failures, e.Package+" "+e.Test)
		fmt.Print(indent(out.take(e.Package, e.Test)))
	case e.Action == "skip":
		text := out.take(e.Package, e.Test)
		if c.skips.allows(directory(e.Package), e.Test) {
			count.skipped++
			return
		}
		count.failed++
		c.failures = append(c.failures, fmt.Sprintf("%s %s: skipped, and not in internal/tools/allowed-skips.txt", e.Package, e.Test))
		fmt.Print(indent(text))
	}
}

// comparison matches the line that a test logs when it compares this module
// with a recording of another program: the file, and how many of its rows agree
// and how many differ on purpose. The line is printed even if the test passes.
var comparison = regexp.MustCompile(`(?m)^\s+\S+_test\.go:\d+: (\S+\.json\b.*: \d+ rows agree, .*)$`)

// packageDone handles an event without a test's name, which ends a package.
func (c *checker) packageDone(e testEvent, out testOutput, count *tally) {
	switch e.Action {
	case "pass":
		fmt.Printf("ok    %s  %s  %.1fs\n", e.Package, count, e.Elapsed)
	case "fail":
		if count.failed == 0 { // the build failed, or the package ended outside a test
			count.failed++
			c.failures = append(c.failures, e.Package)
		}
		fmt.Printf("%s%s", indent(out.take(e.FailedBuild, "")), indent(out.take(e.Package, "")))
		fmt.Printf("FAIL  %s  %s  %.1fs\n", e.Package, count, e.Elapsed)
	case "skip":
		fmt.Printf("--    %s  no tests\n", e.Package)
	default:
		return
	}
	c.tally.add(*count)
}

// directory returns the directory of a package, relative to the root.
func directory(pkg string) string {
	if pkg == modulePath {
		return "."
	}
	return strings.TrimPrefix(pkg, modulePath+"/")
}

const modulePath = "github.com/onairgo/onair"
