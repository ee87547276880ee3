package pusherproto_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/onairgo/onair/internal/pusherproto"
)

func TestValidSocketID(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]bool{
		"1.1": true, "1234.1234": true, "00123.00456": true, "0.0": true,
		"12345678901234567890.12345678901234567890": true,
		"123456789012345678901.1":                   false,
		"1.123456789012345678901":                   false,
		"":                                          false,
		".":                                         false,
		"1":                                         false,
		"1.":                                        false,
		".1":                                        false,
		"1..1":                                      false,
		"1.1.1":                                     false,
		".1.1":                                      false,
		"1.1.":                                      false,
		"1:1.1":                                     false,
		"1.1:1":                                     false,
		" 1.1":                                      false,
		"1.1 ":                                      false,
		"1.1\n":                                     false,
		"1.1\x00":                                   false,
		"-1.1":                                      false,
		"+1.1":                                      false,
		"1e5.1":                                     false,
		"a.b":                                       false,
		"1.1:x":                                     false,
		"1.1::user::{}":                             false,
		"1,1":                                       false,
		"١.١":                                       false,
		"１.１":                                       false,
	} {
		assert.Equal(t, want, pusherproto.ValidSocketID(id), "socket id %q", id)
	}
}

// TestSocketIDsAreDigits tries every byte on both sides of the dot: a colon
// would move the border between the parts of what is signed.
func TestSocketIDsAreDigits(t *testing.T) {
	t.Parallel()
	for b := range 256 {
		c := string([]byte{byte(b)})
		digit := strings.Contains("0123456789", c)
		assert.Equal(t, digit, pusherproto.ValidSocketID(c+".1"), "byte %q", c)
		assert.Equal(t, digit, pusherproto.ValidSocketID("1."+c), "byte %q", c)
		assert.Equal(t, digit, pusherproto.ValidSocketID("1"+c+"1.1"), "byte %q", c)
	}
}

func FuzzValidSocketID(f *testing.F) {
	for _, s := range []string{"1.1", "", "1.", ".1", "1.1\n", "1.1:private-x", "12345678901234567890.12345678901234567890"} {
		f.Add(s)
	}
	want := regexp.MustCompile(`\A[0-9]{1,20}\.[0-9]{1,20}\z`)
	f.Fuzz(func(t *testing.T, id string) {
		if got := pusherproto.ValidSocketID(id); got != want.MatchString(id) {
			t.Fatalf("ValidSocketID(%q) = %v", id, got)
		}
	})
}

func ExampleValidSocketID() {
	fmt.Println(pusherproto.ValidSocketID("938514734.864103112"))
	fmt.Println(pusherproto.ValidSocketID("1.1:private-everything"))
	// Output:
	// true
	// false
}

func ExampleSigner() {
	s := pusherproto.NewSigner("7ad3773142a6692b25b8")
	fmt.Printf("%s\n", s.AppendChannelAuth(nil, "1234.1234", "private-foobar", ""))
	// Output: 58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4
}
