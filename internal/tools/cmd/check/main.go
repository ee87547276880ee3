// Command check runs everything that must hold before a change is accepted:
// formatting, module files, vet, staticcheck, tests, fuzzing and the
// end-to-end tests, in every module that modules.txt names.
//
//	go run -C internal/tools ./cmd/check [-fuzztime 3s] [step ...]
//
// Without a step it runs all of them. On Debian it installs a C compiler if
// there is none, because the race detector needs one. Its last line is "N
// passed, N failed", followed by ", N skipped" if something was skipped. The
// exit code is 1 if anything failed.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// A step is one part of the check, run by its name.
type step struct {
	name string
	run  func(*checker, context.Context)
}

var steps = []step{
	{"lint", (*checker).lint},
	{"test", (*checker).test},
	{"fuzz", (*checker).fuzz},
	{"e2e", (*checker).endToEnd},
}

// checker holds what the steps share. The counts and the list of failures never
// shrink.
type checker struct {
	root     string   // the root directory of the repository
	modules  []string // directories below root, as in modules.txt
	fuzzTime time.Duration
	skips    *skipList
	tally    tally
	failures []string
}

func main() {
	root := flag.String("root", "../..", "the repository's root")
	fuzzTime := flag.Duration("fuzztime", 3*time.Second, "time for each fuzz target")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	ok, err := run(ctx, *root, *fuzzTime, flag.Args())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	if err != nil || !ok {
		stop()
		os.Exit(1)
	}
}

// run executes the named steps, or all steps if names is empty, and prints the
// closing lines.
func run(ctx context.Context, root string, fuzzTime time.Duration, names []string) (bool, error) {
	c, err := newChecker(root, fuzzTime)
	if err != nil {
		return false, err
	}
	chosen, err := choose(names)
	if err != nil {
		return false, err
	}
	for _, s := range chosen {
		s.run(c, ctx)
	}
	if err := ctx.Err(); err != nil {
		c.fail("check: interrupted")
	}
	if len(c.failures) > 0 {
		fmt.Printf("\n== failed\n  %s\n", strings.Join(c.failures, "\n  "))
	}
	fmt.Printf("\n%s\n", c.tally)
	return c.tally.failed == 0, nil
}

// choose returns the steps with these names, in the order of steps.
func choose(names []string) ([]step, error) {
	if len(names) == 0 {
		return steps, nil
	}
	var chosen, all []string
	var out []step
	for _, s := range steps {
		all = append(all, s.name)
		if slices.Contains(names, s.name) {
			out, chosen = append(out, s), append(chosen, s.name)
		}
	}
	for _, name := range names {
		if !slices.Contains(chosen, name) {
			return nil, fmt.Errorf("check: no step %q; the steps are %s", name, strings.Join(all, ", "))
		}
	}
	return out, nil
}

func newChecker(root string, fuzzTime time.Duration) (*checker, error) {
	root, err := filepath.Abs(root)
	if err != nil {
		return nil, err
	}
	modules, err := readLines(filepath.Join(root, "modules.txt"))
	if err != nil {
		return nil, fmt.Errorf("check: the list of modules: %w", err)
	}
	skips, err := readSkipList(filepath.Join(root, "internal", "tools", "allowed-skips.txt"))
	if err != nil {
		return nil, err
	}
	return &checker{root: root, modules: modules, fuzzTime: fuzzTime, skips: skips}, nil
}

// fail counts a failure that no test has reported.
func (c *checker) fail(what string) {
	c.tally.failed++
	c.failures = append(c.failures, what)
}

// section prints a heading. It returns a function that prints how long the
// section took.
func section(name string) func() {
	fmt.Printf("\n== %s\n", name)
	start := time.Now()
	return func() { fmt.Printf("   %s: %.1fs\n", name, time.Since(start).Seconds()) }
}

// command prepares a command to run in a directory below the root. When the
// context is cancelled, the command is interrupted rather than killed, so that
// go test can end its children.
func (c *checker) command(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = filepath.Join(c.root, dir)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 30 * time.Second
	return cmd
}

// tool prepares a program that internal/tools pins.
func (c *checker) tool(ctx context.Context, dir, name string, args ...string) *exec.Cmd {
	modfile := "-modfile=" + filepath.Join(c.root, "internal", "tools", "go.mod")
	return c.command(ctx, dir, "go", append([]string{"tool", modfile, name}, args...)...)
}

// label names a step in a module. In the root module it is just the step's
// name.
func label(step, module string) string {
	if module == "." {
		return step
	}
	return step + " (" + module + ")"
}

// readLines returns the lines of a file, without comments and blank lines.
func readLines(file string) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var lines []string
	in := bufio.NewScanner(f)
	for in.Scan() {
		line, _, _ := strings.Cut(in.Text(), "#")
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines, in.Err()
}

// installCompiler makes sure that there is a C compiler, which the race
// detector needs.
func (c *checker) installCompiler(ctx context.Context) error {
	cc, err := c.command(ctx, ".", "go", "env", "CC").Output()
	if err != nil {
		return fmt.Errorf("check: go env CC: %w", err)
	}
	if name, _, _ := strings.Cut(strings.TrimSpace(string(cc)), " "); name != "" {
		if _, err := exec.LookPath(name); err == nil {
			return nil
		}
	}
	apt := []string{"apt-get"}
	if os.Geteuid() != 0 {
		apt = []string{"sudo", "apt-get"}
	}
	if _, err := exec.LookPath(apt[0]); err != nil {
		return errors.New("check: the race detector needs a C compiler; install gcc")
	}
	for _, args := range [][]string{{"update", "-q"}, {"install", "-qy", "--no-install-recommends", "gcc", "libc6-dev"}} {
		cmd := c.command(ctx, ".", apt[0], append(apt[1:len(apt):len(apt)], args...)...)
		cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("check: installing gcc for the race detector: %w\n%s", err, out)
		}
	}
	return nil
}
