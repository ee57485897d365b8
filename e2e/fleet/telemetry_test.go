package fleet

import "testing"

func TestAMetricIsTheSumOverItsLabels(t *testing.T) {
	t.Parallel()
	const body = "# HELP a_total About a.\n# TYPE a_total counter\na_total{x=\"1 2\"} 3\na_total{x=\"y\"} 4e+1\na_total_more 5\nb 7\n"
	for name, want := range map[string]float64{"a_total": 43, "b": 7, "c": 0} {
		if got, err := metricOf(body, name); err != nil || got != want {
			t.Errorf("%s is %v (%v), want %v", name, got, err, want)
		}
	}
	if _, err := metricOf("a x\n", "a"); err == nil {
		t.Error("a value that is none is taken")
	}
}
