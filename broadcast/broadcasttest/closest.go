package broadcasttest

import "strings"

// maxWord bounds the length of the words that are compared, since the work
// grows with the product of their lengths.
const maxWord = 256

// closest returns the candidate that is nearest to the word, ignoring case, if
// it is near enough to be a slip: one edit for every four characters is
// allowed, and at least one. The first of equally near candidates wins. An edit
// is a character inserted, deleted, replaced, or swapped with its neighbour.
func closest(word string, candidates []string) (string, bool) {
	if word == "" || len(word) > maxWord {
		return "", false
	}
	best, least := "", max(1, len(word)/4)+1
	for _, c := range candidates {
		if c == "" || len(c) > maxWord {
			continue
		}
		if d := distance(strings.ToLower(word), strings.ToLower(c)); d < least {
			best, least = c, d
		}
	}
	return best, best != ""
}

// distance counts the edits between two words, byte by byte.
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
