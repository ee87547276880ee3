package main

import (
	"slices"
	"strings"
)

// secrets are the values that the tests use as secrets: values that begin or
// end with a mark, the secret from the examples in Pusher's documentation, and
// encryption keys. The output of a test must contain none of them, whether it
// passes or not.
var secrets = []string{
	"canary-", "-canary",
	"7ad3773142a6692b25b8",
	"TO7HtFuTOdBKLFv8ZgRKdX8ah6TkGJfMHP4TUTkmE2g",
	"nxzvbGF+f8FGhk/jOaZvgMle1tqxzF/VfUZLBLhhaH0",
}

// searchSecrets counts a test that prints a secret as failed, once. It does not
// repeat what the test printed.
func (c *checker) searchSecrets(e testEvent) {
	if !slices.ContainsFunc(secrets, func(s string) bool { return strings.Contains(e.Output, s) }) {
		return
	}
	if what := e.Package + " " + e.Test + ": prints a secret"; !slices.Contains(c.failures, what) {
		c.fail(what)
	}
}
