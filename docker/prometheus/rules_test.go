package prometheus

import (
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"
)

// rulesOf are all rules there are; those that record come first, for alerts look at what they record.
func rulesOf(t *testing.T) (rules []rulefmt.Rule) {
	t.Helper()
	for _, name := range []string{"recording.yml", "alerts.yml"} {
		groups, faults := rulefmt.ParseFile(filepath.Join("rules", name), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
		if len(faults) > 0 {
			t.Fatal(name, faults)
		}
		for _, g := range groups.Groups {
			rules = append(rules, g.Rules...)
		}
	}
	return rules
}

func TestRulesAskForWhatIsThere(t *testing.T) {
	t.Parallel()
	known, places := metrics(t), anchors(t, filepath.Join("..", "..", "docs", "runbooks.md"))
	if checkLink("docs/runbooks.md#nowhere", places) == nil {
		t.Error("the control: a runbook that does not exist was found")
	}
	tried := alertsTried(t)
	for _, r := range rulesOf(t) {
		for _, fault := range faultsOf(r.Expr, known) {
			t.Errorf("%s%s: %s", r.Record, r.Alert, fault)
		}
		if r.Alert == "" {
			continue
		}
		if !slices.Contains([]string{"page", "ticket"}, r.Labels["severity"]) {
			t.Errorf("%s has the severity %q", r.Alert, r.Labels["severity"])
		}
		for _, text := range []string{r.Annotations["summary"], r.Annotations["description"]} {
			if text == "" {
				t.Errorf("%s does not say what is the matter", r.Alert)
			}
			for _, fault := range missingLabels(text, r.Expr, known) {
				t.Errorf("%s: %s", r.Alert, fault)
			}
		}
		if err := checkLink(r.Annotations["runbook_url"], places); err != nil {
			t.Errorf("%s: %v", r.Alert, err)
		}
		if !tried[r.Alert] {
			t.Errorf("no test under tests/ has %s fire", r.Alert)
		}
	}
}

// alertsTried are the alerts that promtool's tests see fire.
func alertsTried(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("tests", "*.yml"))
	if err != nil || len(files) == 0 {
		t.Fatal("there are no tests of the rules", err)
	}
	tried := map[string]bool{}
	for _, file := range files {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var f struct {
			Tests []struct {
				Alerts []struct {
					Name     string `yaml:"alertname"`
					Expected []any  `yaml:"exp_alerts"`
				} `yaml:"alert_rule_test"`
			} `yaml:"tests"`
		}
		if err := yaml.Unmarshal(raw, &f); err != nil {
			t.Fatal(file, err)
		}
		for _, test := range f.Tests {
			for _, a := range test.Alerts {
				tried[a.Name] = tried[a.Name] || len(a.Expected) > 0
			}
		}
	}
	return tried
}
