package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// lint runs the checks that need no test: formatting for the whole tree, then
// module files, build, vet and staticcheck in each module. A check passes if
// its command exits with 0 and, where quiet is set, prints nothing.
func (c *checker) lint(ctx context.Context) {
	defer section("lint")()
	files, err := c.goFiles(ctx)
	if err != nil {
		c.fail("format: " + err.Error())
	} else {
		c.check("format", "run make fmt on these files", true, c.tool(ctx, ".", "gofumpt", append([]string{"-l"}, files...)...))
	}
	for _, m := range c.modules {
		c.check(label("module files", m), "run go mod tidy in "+m, true, c.command(ctx, m, "go", "mod", "tidy", "-diff"))
		c.check(label("build", m), "", false, c.command(ctx, m, "go", "build", "-o", os.DevNull, "./..."))
		c.check(label("vet", m), "", false, c.command(ctx, m, "go", "vet", "./..."))
		c.check(label("staticcheck", m), "", false, c.tool(ctx, m, "staticcheck", "./..."))
	}
}

// check runs a command and counts it as one check, passed or failed. The cure
// says what to do about a failure that the output does not explain.
func (c *checker) check(name, cure string, quiet bool, cmd *exec.Cmd) {
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if err == nil && (!quiet || stdout.Len() == 0) {
		c.tally.passed++
		fmt.Printf("ok    %s\n", name)
		return
	}
	fmt.Printf("FAIL  %s\n%s%s", name, indent(stdout.String()), indent(stderr.String()))
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		fmt.Println(indent(err.Error()))
	}
	if cure != "" {
		name += ": " + cure
	}
	c.fail(name)
}

// goFiles lists the Go files in the repository, including untracked files that
// are not ignored.
func (c *checker) goFiles(ctx context.Context) ([]string, error) {
	out, err := c.command(ctx, ".", "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate", "*.go").Output()
	if err != nil {
		return nil, fmt.Errorf("git ls-files, to find the Go files: %w", err)
	}
	return strings.FieldsFunc(string(out), func(r rune) bool { return r == 0 }), nil
}

// indent sets a command's output apart from the check's own lines.
func indent(text string) string {
	if text = strings.TrimRight(text, "\n"); text == "" {
		return ""
	}
	return "      " + strings.ReplaceAll(text, "\n", "\n      ") + "\n"
}
