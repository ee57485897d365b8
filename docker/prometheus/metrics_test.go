package prometheus

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// metric is a series that a query may ask for.
type metric struct {
	kind   string // counter, gauge or histogram; "" for one that is recorded
	labels []string
}

// targetLabels are those that Prometheus itself puts on whatever it scrapes.
func targetLabels() []string { return []string{"job", "instance"} }

// metrics are those of docs/metrics.md, which a test of cmd/internal/role holds against a running pipeline, the one that
// Prometheus makes of each target, and what the rules record. Histograms are there as their parts.
func metrics(t *testing.T) map[string]metric {
	t.Helper()
	known := documented(t)
	known["up"] = metric{kind: "gauge", labels: targetLabels()}
	for _, r := range rulesOf(t) {
		if r.Record != "" {
			expr, err := parse(r.Expr)
			if err != nil {
				t.Fatal(r.Record, err)
			}
			known[r.Record] = metric{labels: labelsOf(expr, known)}
		}
	}
	return known
}

func documented(t *testing.T) map[string]metric {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("..", "..", "docs", "metrics.md"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]metric{}
	row := regexp.MustCompile("(?m)^\\| `(recount_[a-z_]+)` \\| ([a-z]+) \\| ([^|]*) \\|")
	for _, found := range row.FindAllStringSubmatch(string(raw), -1) {
		labels := targetLabels()
		for _, quoted := range regexp.MustCompile("`([a-z_]+)`").FindAllStringSubmatch(found[3], -1) {
			labels = append(labels, quoted[1])
		}
		name, kind := found[1], found[2]
		if kind != "histogram" {
			known[name] = metric{kind, labels}
			continue
		}
		known[name+"_sum"], known[name+"_count"] = metric{"counter", labels}, metric{"counter", labels}
		known[name+"_bucket"] = metric{"counter", append(slices.Clone(labels), "le")}
	}
	if len(known) < 50 {
		t.Fatalf("docs/metrics.md has only %d metrics: its tables are written otherwise by now", len(known))
	}
	return known
}

// anchors are the places in a document that links can point at, as GitHub makes them of headings.
func anchors(t *testing.T, path string) []string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(raw), -1) {
		slug := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		out = append(out, strings.ReplaceAll(slug, " ", "-"))
	}
	return out
}

// links to runbooks are checked: a page at night must not end at a place that is gone.
func checkLink(link string, places []string) error {
	anchor, ok := strings.CutPrefix(link, "docs/runbooks.md#")
	if !ok || !slices.Contains(places, anchor) {
		return fmt.Errorf("the runbook %q does not exist", link)
	}
	return nil
}
