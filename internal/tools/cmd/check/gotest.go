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

// test runs the tests of each module under the race detector and in a random
// order. Vet is off because lint has run all of it.
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

// testEvent is a line of go test -json.
type testEvent struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
	Elapsed                       float64
}

// testOutput collects the output of what may yet fail, by package and test;
// a build's by its import path.
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

// read counts the results in a stream of go test -json and prints a line for
// each package, comparisons with what was recorded, and all output of what
// failed. Every test, subtest and example
// counts as one, as go test -v lists them.
func (c *checker) read(r io.Reader) {
	out := make(testOutput)
	counts := make(map[string]*tally)
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadBytes('\n')
		if len(line) > 0 {
			var e testEvent
			if json.Unmarshal(line, &e) != nil {
				fmt.Print(string(line)) // go's own word, not a test's
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

// event handles one event of a package and adds to the package's count.
func (c *checker) event(e testEvent, out testOutput, count *tally) {
	switch {
	case e.Action == "build-output":
		out.add(e.ImportPath, "", e.Output)
	case e.Action == "output":
		c.searchSecrets(e)
		if !strings.HasPrefix(e.Output, "=== ") { // the progress of go test -v
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

// comparison is what a test logs that compares us with what was recorded of
// another program: the file, and how many of its rows agree and differ on
// purpose. It is printed although the test passes.
var comparison = regexp.MustCompile(`(?m)^\s+\S+_test\.go:\d+: (\S+\.json\b.*: \d+ rows agree, .*)$`)

// packageDone closes a package: its last event has no test's name.
func (c *checker) packageDone(e testEvent, out testOutput, count *tally) {
	switch e.Action {
	case "pass":
		fmt.Printf("ok    %s  %s  %.1fs\n", e.Package, count, e.Elapsed)
	case "fail":
		if count.failed == 0 { // it did not build, or ended before a test could
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

// directory returns where a package lives, below the root.
func directory(pkg string) string {
	if pkg == modulePath {
		return "."
	}
	return strings.TrimPrefix(pkg, modulePath+"/")
}

const modulePath = "github.com/onairgo/onair"
