package main

import (
	"slices"
	"strings"
)

// secrets are what the tests use as secrets: values that begin or end with a
// mark, the secret of the examples in Pusher's documentation, and encryption
// keys. What a test prints, whether it passes or not, may hold none of them.
var secrets = []string{
	"canary-", "-canary",
	"7ad3773142a6692b25b8",
	"TO7HtFuTOdBKLFv8ZgRKdX8ah6TkGJfMHP4TUTkmE2g",
	"nxzvbGF+f8FGhk/jOaZvgMle1tqxzF/VfUZLBLhhaH0",
}

// searchSecrets fails a test that prints a secret, once. What it printed is not
// repeated.
func (c *checker) searchSecrets(e testEvent) {
	if !slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(e.Output, s) }) {
		return
	}
	if what := e.Package + " " + e.Test + ": prints a secret"; !slices.Contains(c.failures, what) {
		c.fail(what)
	}
}
