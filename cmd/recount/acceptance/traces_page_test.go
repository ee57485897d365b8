package acceptance_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	spansBegin = "<!-- spans -->\n"
	spansEnd   = "<!-- end of spans -->\n"
)

// tracesPageIsCurrent compares the spans that came with those that docs/traces.md has, and their attributes with those that
// it explains.
func tracesPageIsCurrent(t *testing.T, spans []span) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", "traces.md")
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, found := strings.Cut(string(raw), spansBegin)
	_, tail, ended := strings.Cut(rest, spansEnd)
	if !found || !ended {
		t.Fatalf("%s has not both of %q and %q", path, spansBegin, spansEnd)
	}
	want := head + spansBegin + spansTable(spans) + spansEnd + tail
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(raw) {
		t.Errorf("%s does not have the spans there are: go test ./cmd/recount/acceptance -run TestTraces$ -update", path)
	}
	if missing := unexplained(head+tail, spans); len(missing) > 0 {
		t.Errorf("%s does not explain %v", path, missing)
	}
	// The control: an attribute that nobody has explained is noticed.
	if missing := unexplained(head+tail, []span{{attributes: map[string]string{"recount.moon": ""}}}); !slices.Equal(missing, []string{"recount.moon"}) {
		t.Errorf("the control: %v", missing)
	}
}

// spansTable has a row for each kind of span, with all attributes that any of its kind had.
func spansTable(spans []span) string {
	kinds, attributes := map[string]string{}, map[string]map[string]bool{}
	for _, s := range spans {
		name := kindOf(s.name)
		if attributes[name] == nil {
			attributes[name] = map[string]bool{}
		}
		kinds[name] = strings.ToLower(strings.TrimPrefix(s.kind.String(), "SPAN_KIND_"))
		for key := range s.attributes {
			attributes[name][key] = true
		}
	}
	var b strings.Builder
	b.WriteString("| span | kind | attributes |\n|---|---|---|\n")
	for _, name := range slices.Sorted(maps.Keys(kinds)) {
		fmt.Fprintf(&b, "| `%s` | %s | `%s` |\n", name, kinds[name], strings.Join(slices.Sorted(maps.Keys(attributes[name])), "`, `"))
	}
	return b.String()
}

// kindOf is a span's name with what it is about left open.
func kindOf(name string) string {
	for verb, what := range map[string]string{"decide ": "{command}", "step ": "{saga}", "project ": "{view}"} {
		if strings.HasPrefix(name, verb) {
			return verb + what
		}
	}
	if strings.HasSuffix(name, " publish") {
		return "{topic} publish"
	}
	return name
}

// unexplained are attributes that the page has no row for.
func unexplained(page string, spans []span) []string {
	missing := map[string]bool{}
	for _, s := range spans {
		for key := range s.attributes {
			if !strings.Contains(page, "| `"+key+"` |") {
				missing[key] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(missing))
}
