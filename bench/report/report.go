// Package report puts the results of a benchmark into words, tables and files.
//
// A result is the median of several rounds with its spread, and it is never told without its conditions: timings of one
// machine vary by a factor of two from day to day, and only ratios taken in one run mean much.
package report

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// Summary is what several measurements of one thing come to. The zero value is of none.
type Summary struct{ Median, Min, Max float64 }

// Summarize returns the median of values, and their spread.
func Summarize(values []float64) Summary {
	if len(values) == 0 {
		return Summary{}
	}
	sorted := slices.Sorted(slices.Values(values))
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Summary{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1]}
}

// Ratios divides pairwise: what was measured in the same round, under the same weather. Without a divisor there are none.
func Ratios(values, divisors []float64) []float64 {
	var out []float64
	for i := range min(len(values), len(divisors)) {
		out = append(out, values[i]/divisors[i])
	}
	return out
}

// Round drops digits that a measurement does not have.
func Round(v float64, digits int) float64 {
	scale := math.Pow10(digits)
	return math.Round(v*scale) / scale
}

// Write writes a result as JSON, a flat object, to the file at path. Half a file is never left behind.
func Write(path string, result any) error {
	text, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	fresh := path + ".new"
	if err := os.WriteFile(fresh, append(text, '\n'), 0o644); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	if err := os.Rename(fresh, path); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// Table writes rows in columns under a header.
func Table(w io.Writer, header []string, rows [][]string) error {
	columns := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, row := range slices.Concat([][]string{header}, rows) {
		if _, err := fmt.Fprintln(columns, strings.Join(row, "\t")); err != nil {
			return err
		}
	}
	return columns.Flush()
}

// Count writes a number as people read it: 1,234,567.
func Count(v float64) string {
	digits := fmt.Sprintf("%.0f", v)
	var out []byte
	for i, d := range []byte(digits) {
		if left := len(digits) - i; i > 0 && left%3 == 0 && out[len(out)-1] != '-' {
			out = append(out, ',')
		}
		out = append(out, d)
	}
	return string(out)
}
