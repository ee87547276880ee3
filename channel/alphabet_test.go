package channel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/channel"
)

const alphanumeric = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// TestAlphabets tries every byte in a name, in a parameter's name and at the
// beginning of one.
func TestAlphabets(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		c := string([]byte{byte(b)})
		_, err := channel.Parse("private-" + c)
		assert.Equal(t, strings.Contains(alphanumeric+"_-=@,.;", c), err == nil, "byte %q: %v", c, err)
		_, err = channel.ParsePattern("a.{x" + c + "}")
		assert.Equal(t, strings.Contains(alphanumeric+"_", c), err == nil, "byte %q in a parameter: %v", c, err)
		_, err = channel.ParsePattern("a.{" + c + "}")
		assert.Equal(t, strings.Contains(alphanumeric[:52]+"_", c), err == nil, "byte %q as a parameter: %v", c, err)
	}
}

func TestNamesInErrorsAreCut(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, shown string }{
		{strings.Repeat("a", 79) + " ", strings.Repeat("a", 79) + " "},
		{strings.Repeat("a", 80) + " ", strings.Repeat("a", 80) + "…"},
		{strings.Repeat("a", 79) + "é", strings.Repeat("a", 79) + "…"}, // not in the middle of a character
	} {
		_, err := channel.Parse(test.name)
		require.ErrorContains(t, err, fmt.Sprintf("name %q has", test.shown))
	}
	assert.EqualError(t, &channel.NameError{Name: "a"}, `channel: name "a" is not valid`)
}
