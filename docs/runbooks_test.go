package docs

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// named are what a pattern finds in a text, each once.
func named(pattern, text string) []string {
	out := map[string]bool{}
	for _, found := range regexp.MustCompile(pattern).FindAllStringSubmatch(text, -1) {
		out[found[1]] = true
	}
	return slices.Sorted(maps.Keys(out))
}

// TestTheRunbookHasEveryReasonOfADeadLetter, and none that there is not: operators look for the word they were told.
func TestTheRunbookHasEveryReasonOfADeadLetter(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("../internal/engine/effects.go")
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("runbooks.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(page), "\n## Dead letters\n")
	section, _, _ = strings.Cut(section, "\n## ")
	want, got := named(`(?m)^\tReason\w+ += "([a-z-]+)"`, string(code)), named("(?m)^\\| `([a-z-]+)` \\|", section)
	if !found || len(want) < 5 || !slices.Equal(want, got) {
		t.Errorf("the runbook has %v, the engine %v", got, want)
	}
}
