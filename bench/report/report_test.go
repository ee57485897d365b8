package report

import (
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestSummariesAreMediansWithTheirSpread(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		values []float64
		want   Summary
	}{
		{nil, Summary{}},
		{[]float64{7}, Summary{7, 7, 7}},
		{[]float64{9, 1, 5}, Summary{5, 1, 9}},
		{[]float64{4, 1, 3, 100}, Summary{3.5, 1, 100}},
	} {
		values := slices.Clone(c.values)
		if got := Summarize(values); got != c.want || !slices.Equal(values, c.values) {
			t.Errorf("Summarize(%v) = %+v, want %+v, and the values as they were", c.values, got, c.want)
		}
	}
}

func TestRatiosArePairwise(t *testing.T) {
	t.Parallel()
	if got := Ratios([]float64{10, 30}, []float64{5, 10}); !slices.Equal(got, []float64{2, 3}) {
		t.Errorf("Ratios = %v", got)
	}
	if got := Ratios([]float64{10}, nil); got != nil {
		t.Errorf("without a divisor: %v", got)
	}
}

func TestCountsHaveCommasAndRoundingKeepsDigits(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 999: "999", 1000: "1,000", 1234567.6: "1,234,568", -123456: "-123,456"} {
		if got := Count(v); got != want {
			t.Errorf("Count(%v) = %q, want %q", v, got, want)
		}
	}
	if got := Round(3.14159, 2); got != 3.14 {
		t.Errorf("Round = %v", got)
	}
}

func TestPercentilesAreOfAllValues(t *testing.T) {
	t.Parallel()
	var values []time.Duration
	for i := range 1000 {
		values = append(values, time.Duration(1000-i))
	}
	if got := DelaysOf(values); got != (Delays{500, 990, 1000}) {
		t.Errorf("%+v", got)
	}
	if got := DelaysOf([]time.Duration{7}); got != (Delays{7, 7, 7}) {
		t.Errorf("%+v", got)
	}
}

func TestAResultReplacesTheLast(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "results", "a.json")
	for _, rate := range []float64{1, 2} {
		if err := Write(path, struct {
			Rate float64 `json:"rate"`
		}{rate}); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil || string(text) != "{\n  \"rate\": 2\n}\n" {
		t.Errorf("%q, %v", text, err)
	}
	if left, err := os.ReadDir(filepath.Dir(path)); err != nil || len(left) != 1 {
		t.Errorf("%d files, %v", len(left), err)
	}
}

func TestTablesLineUp(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	if err := Table(&out, []string{"who", "rate"}, [][]string{{"a loop", "1"}, {"b", "22"}}); err != nil {
		t.Fatal(err)
	}
	if want := "who     rate\na loop  1\nb       22\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
}

func TestTheMachineIsDescribed(t *testing.T) {
	t.Parallel()
	got := Machine(time.Date(2026, 11, 21, 23, 0, 0, 0, time.UTC))
	for _, part := range []string{"cores", runtime.Version(), "2026-11-21"} {
		if !strings.Contains(got, part) {
			t.Errorf("%q does not tell of %s", got, part)
		}
	}
}
