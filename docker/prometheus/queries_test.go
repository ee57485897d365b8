package prometheus

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/promql/parser"
)

func parse(query string) (parser.Expr, error) {
	return parser.NewParser(parser.Options{}).ParseExpr(query)
}

// faultsOf says what a query asks for that is not there: a series, or a label of one. Nothing would tell a person who
// looks at an empty panel, or waits for an alert that can't fire.
func faultsOf(query string, known map[string]metric) (faults []string) {
	expr, err := parse(query)
	if err != nil {
		return []string{err.Error()}
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch node := node.(type) {
		case *parser.VectorSelector:
			m, ok := known[node.Name]
			if !ok {
				faults = append(faults, fmt.Sprintf("there is no metric %q", node.Name))
				break
			}
			for _, matcher := range node.LabelMatchers {
				if matcher.Name != "__name__" && !slices.Contains(m.labels, matcher.Name) {
					faults = append(faults, fmt.Sprintf("%s has no label %q", node.Name, matcher.Name))
				}
			}
		case *parser.AggregateExpr:
			below := labelsOf(node.Expr, known)
			for _, label := range node.Grouping {
				if !slices.Contains(below, label) {
					faults = append(faults, fmt.Sprintf("%s has no label %q to group by", node.Expr, label))
				}
			}
		case *parser.Call:
			faults = append(faults, misused(node, known)...)
		}
		return nil
	})
	return faults
}

// misused finds rates of what is no counter, and counters in functions that are for gauges.
func misused(call *parser.Call, known map[string]metric) (faults []string) {
	ofCounters := slices.Contains([]string{"rate", "irate", "increase", "resets"}, call.Func.Name)
	ofGauges := slices.Contains([]string{"delta", "idelta", "deriv", "changes"}, call.Func.Name)
	if !ofCounters && !ofGauges {
		return nil
	}
	parser.Inspect(call, func(node parser.Node, _ []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		if m, there := known[s.Name]; there && (m.kind == "counter") != ofCounters {
			faults = append(faults, fmt.Sprintf("%s is for another kind of metric than %s", call.Func.Name, s.Name))
		}
		return nil
	})
	return faults
}

// labelsOf are the labels that what a query answers may have.
func labelsOf(expr parser.Expr, known map[string]metric) (labels []string) {
	switch expr := expr.(type) {
	case *parser.AggregateExpr:
		if expr.Op == parser.TOPK || expr.Op == parser.BOTTOMK {
			return labelsOf(expr.Expr, known)
		}
		return expr.Grouping // "without" is used nowhere
	case *parser.VectorSelector:
		return known[expr.Name].labels
	case *parser.Call:
		for _, argument := range expr.Args {
			labels = append(labels, labelsOf(argument, known)...)
		}
		if expr.Func.Name == "histogram_quantile" {
			labels = slices.DeleteFunc(labels, func(label string) bool { return label == "le" })
		}
		if expr.Func.Name == "absent" { // it makes them of what was asked for
			return append(labels, targetLabels()...)
		}
		return labels
	default:
		for child := range parser.ChildrenIter(expr) {
			if below, ok := child.(parser.Expr); ok {
				labels = append(labels, labelsOf(below, known)...)
			}
		}
		return labels
	}
}

// missingLabels are the labels that a text wants, as {{ $labels.x }} or {{x}}, and that a query does not answer with.
func missingLabels(text, query string, known map[string]metric) (faults []string) {
	expr, err := parse(query)
	if err != nil {
		return []string{err.Error()}
	}
	has := labelsOf(expr, known)
	for _, wanted := range regexp.MustCompile(`\{\{ ?(?:\$labels\.)?([a-z_]+)[ |}]`).FindAllStringSubmatch(text, -1) {
		if !slices.Contains(has, wanted[1]) {
			faults = append(faults, fmt.Sprintf("%q wants the label %q, and there are only %v", text, wanted[1], has))
		}
	}
	return faults
}

// TestFaultsOfQueriesAreFound is the control of all tests below.
func TestFaultsOfQueriesAreFound(t *testing.T) {
	t.Parallel()
	known := metrics(t)
	for query, want := range map[string]string{
		`sum(recount_aggregator_comands_total)`:                                    "no metric",
		`recount_aggregator_commit_seconds`:                                        "no metric", // only its parts are there
		`context:recount_aggregator_commands:rate9m`:                               "no metric",
		`recount_projector_lag_seconds{topic="bank.events"}`:                       `no label "topic"`,
		`sum by (view) (rate(recount_aggregator_commands_total[5m]))`:              `no label "view" to group by`,
		`sum by (context) (sum by (view) (recount_projector_lag_seconds))`:         `no label "context" to group by`,
		`sum by (context) (context_view:recount_projector_lag_seconds:max{x="y"})`: `no label "x"`,
		`rate(recount_projector_lag_seconds[5m])`:                                  "another kind",
		`deriv(recount_aggregator_commands_total[5m])`:                             "another kind",
		`sum(recount_aggregator_commands_total`:                                    "unclosed",
	} {
		if faults := strings.Join(faultsOf(query, known), "; "); !strings.Contains(faults, want) {
			t.Errorf("%s: found %q, not that there is %s", query, faults, want)
		}
	}
	for _, sound := range []string{
		`histogram_quantile(0.99, sum by (context, le) (rate(recount_aggregator_commit_seconds_bucket{job="x"}[5m])))`,
		`up{instance="a"} == 0`,
	} {
		if faults := faultsOf(sound, known); len(faults) > 0 {
			t.Errorf("%s: %v", sound, faults)
		}
	}
	const query = `sum by (context) (recount_aggregator_lag_records)`
	if got := missingLabels("{{ $labels.context }} {{view}} {{ $value | humanize }}", query, known); len(got) != 1 || !strings.Contains(got[0], `"view"`) {
		t.Errorf("of a label that is missing: %v", got)
	}
}
