package auth

import (
	"fmt"
	"strings"

	"github.com/onairgo/onair/channel"
)

// nearMiss says what is probably wrong with a channel that no rule of its kind
// matches, or returns "". It is meant for developers: it is slow, and strangers
// must not see the result.
func nearMiss(rules []Rule, ch channel.Channel) string {
	kind, name := ruleKind(ch.Kind()), ch.RuleName()
	if prefix := leadingPrefix(name); prefix != "" {
		return fmt.Sprintf("the name has two prefixes; Echo adds one itself, so leave %q out in the page", prefix)
	}
	for _, r := range rules {
		switch {
		case r.Kind != kind && matches(r.Pattern, name):
			return fmt.Sprintf("the rule %q is for %s channels; register one for %s channels too", r.Pattern, r.Kind, kind)
		case r.Kind == kind && ch.IsCached() && matches(r.Pattern, ch.Name()):
			return fmt.Sprintf(`the rule %q does not cover cache channels; register "cache-%s" too`, r.Pattern, r.Pattern)
		}
	}
	if err := ch.Validate(); err != nil {
		return err.Error()
	}
	closest, best := "", max(2, len(name)/3)+1
	for _, r := range rules {
		if d := distance(r.Pattern, name); r.Kind == kind && d < best {
			closest, best = r.Pattern, d
		}
	}
	if closest == "" {
		return ""
	}
	return fmt.Sprintf("the closest pattern is %q", closest)
}

func matches(pattern, name string) bool {
	p, err := channel.ParsePattern(pattern)
	if err != nil {
		return false
	}
	_, ok := p.Match(name)
	return ok
}

// distance returns how many bytes must be inserted into, deleted from or
// changed in the name until the pattern matches it.
func distance(pattern, name string) int {
	// row[i] is the distance between the pattern so far and name[:i].
	row := make([]int, len(name)+1)
	for i := range row {
		row[i] = i
	}
	for pattern != "" {
		end := 0
		if pattern[0] == '{' {
			end = strings.IndexByte(pattern, '}')
		}
		next := make([]int, len(row))
		next[0] = row[0] + 1
		for i := 1; i < len(row); i++ {
			next[i] = min(row[i], next[i-1], row[i-1]) + 1
			free := end > 0 && name[i-1] != '.' // a parameter matches any byte but a dot
			if free || name[i-1] == pattern[0] {
				next[i] = min(next[i], row[i-1])
			}
			if free {
				next[i] = min(next[i], next[i-1])
			}
		}
		row, pattern = next, pattern[end+1:]
	}
	return row[len(name)]
}
