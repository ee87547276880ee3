package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// endToEnd runs internal/e2e/run, which installs what it needs. The last line
// of its output that has the form of the closing line is added to the count.
// The script may skip nothing.
func (c *checker) endToEnd(ctx context.Context) {
	script := filepath.Join(c.root, "internal", "e2e", "run")
	defer section("end to end")()
	cmd := c.command(ctx, ".", script)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		c.fail("end to end: " + err.Error())
		return
	}
	var result tally
	found := false
	in := bufio.NewReader(out)
	for err == nil {
		var line string
		line, err = in.ReadString('\n')
		if t, ok := parseTally(strings.TrimSpace(line)); ok {
			result, found = t, true
			continue // only the check itself ends with a line of this form
		}
		fmt.Print(line)
	}
	c.endToEndDone(result, found, cmd.Wait())
}

// endToEndDone counts the result of the script.
func (c *checker) endToEndDone(result tally, found bool, err error) {
	c.tally.add(result)
	switch {
	case result.failed > 0:
		c.failures = append(c.failures, "end to end: "+result.String())
	case err != nil:
		c.fail("end to end: " + err.Error())
	case !found:
		c.fail("end to end: internal/e2e/run did not close with its counts")
	case result.skipped > 0:
		c.fail(fmt.Sprintf("end to end: %d skipped, and none may be", result.skipped))
	}
}
