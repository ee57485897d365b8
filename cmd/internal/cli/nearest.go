package cli

import (
	"fmt"
	"slices"
)

// nearest returns the candidate that name is most likely a slip of, if there is one.
func nearest(name string, candidates []string) (string, bool) {
	best, bestDistance := "", max(2, len(name)/3)+1
	for _, c := range slices.Sorted(slices.Values(candidates)) {
		if d := distance(name, c); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	return best, best != ""
}

// didYouMean is the end of a sentence about name.
func didYouMean(name string, candidates []string) string {
	if c, ok := nearest(name, candidates); ok {
		return fmt.Sprintf("; did you mean %s?", c)
	}
	return ""
}

// distance is how many letters must be put in, left out, replaced or swapped with the next to make a into b.
func distance(a, b string) int {
	before, last, this := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		this[0] = i
		for j := 1; j <= len(b); j++ {
			replaced := last[j-1]
			if a[i-1] != b[j-1] {
				replaced++
			}
			this[j] = min(last[j]+1, this[j-1]+1, replaced)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				this[j] = min(this[j], before[j-2]+1)
			}
		}
		before, last, this = last, this, before
	}
	return last[len(b)]
}
