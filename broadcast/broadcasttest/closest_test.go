package broadcasttest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/onairgo/onair/broadcast/broadcasttest"
)

func TestClosest(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		word       string
		candidates []string
		want       string
	}{
		{"BroadCastWith", []string{"BroadcastOn", "BroadcastWith"}, "BroadcastWith"},
		{"BroadcastsWhen", []string{"BroadcastWith", "BroadcastWhen"}, "BroadcastWhen"},
		{"ShouldRescu", []string{"ShouldRescue"}, "ShouldRescue"},
		{"ShuoldRescue", []string{"ShouldRescue"}, "ShouldRescue"},
		{"mentors.{id}", []string{"session.{id}", "mentor.{id}"}, "mentor.{id}"},
		{"abcd", []string{"abce", "abcf"}, "abce"},
		{"ab", []string{"ba"}, "ba"},
		{"same", []string{"same"}, "same"},
		{"abc", []string{"xyz"}, ""},
		{"Title", []string{"BroadcastOn"}, ""},
		{"", []string{"a"}, ""},
		{"a", []string{""}, ""},
		{"a", nil, ""},
		{strings.Repeat("a", 257), []string{strings.Repeat("a", 257)}, ""},
		{"a", []string{strings.Repeat("a", 257)}, ""},
	} {
		got, ok := broadcasttest.Closest(test.word, test.candidates)
		require.Equal(t, test.want, got, "word %q", test.word)
		require.Equal(t, test.want != "", ok)
	}
}
