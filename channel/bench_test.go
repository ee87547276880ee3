package channel_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/onairgo/onair/channel"
)

// BenchmarkMatch looks for the rule of a channel among others; the rule that
// matches is the last one. The floor is one comparison by hand.
func BenchmarkMatch(b *testing.B) {
	const name = "orders.4711"
	b.Run("floor", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			id, ok := strings.CutPrefix(name, "orders.")
			if !ok || id == "" || strings.IndexByte(id, '.') >= 0 {
				b.Fatal("no match")
			}
		}
	})
	for _, n := range []int{1, 500} {
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			patterns := make([]*channel.Pattern, n)
			for i := range patterns {
				source := fmt.Sprintf("topic%d.{id}", i)
				if i == n-1 {
					source = "orders.{order}"
				}
				var err error
				if patterns[i], err = channel.ParsePattern(source); err != nil {
					b.Fatal(err)
				}
			}
			room := make([]string, 0, 4)
			b.ReportAllocs()
			for b.Loop() {
				matched := false
				for _, p := range patterns {
					if _, matched = p.AppendMatch(room[:0], name); matched {
						break
					}
				}
				if !matched {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := channel.Parse("private-orders.4711"); err != nil {
			b.Fatal(err)
		}
	}
}
