package main

import (
	"fmt"
	"strings"

	"recount/bench/frame"
	"recount/bench/report"
)

// result is the file's content: flat. For every question there are its median and spread in milliseconds, and for those
// that have a peer the median of the ratios to it, taken round by round.
func (m *measurement) result(conditions string) map[string]any {
	out := map[string]any{
		"conditions": conditions, "history_rows": m.o.books.rows(), "accounts": m.o.books.accounts, "rounds": m.o.rounds,
	}
	for _, q := range questions() {
		s := report.Summarize(m.took[q.name])
		out[q.name+"_p50_ms"], out[q.name+"_min_ms"], out[q.name+"_max_ms"] = report.Round(s.Median, 1), report.Round(s.Min, 1), report.Round(s.Max, 1)
		if peer := q.peer(); peer != q.name {
			out[q.name+"_ratio_to_plain"] = report.Round(report.Summarize(report.Ratios(m.took[q.name], m.took[peer])).Median, 2)
		}
	}
	return out
}

// peer is the plain question of the same extent.
func (q question) peer() string {
	if q.whole {
		return "whole_book_plain"
	}
	return "one_account_plain"
}

// table is the result for people, with the file beside it.
func (m *measurement) table(conditions string) frame.Result {
	var rows [][]string
	for _, q := range questions() {
		s := report.Summarize(m.took[q.name])
		ratio := ""
		if q.peer() != q.name {
			ratio = fmt.Sprintf("%.2f ×", report.Summarize(report.Ratios(m.took[q.name], m.took[q.peer()])).Median)
		}
		rows = append(rows, []string{q.says, fmt.Sprintf("%.1f ms", s.Median), fmt.Sprintf("%.1f–%.1f", s.Min, s.Max), ratio})
	}
	b := m.o.books
	return frame.Result{
		File: m.result(conditions),
		Conditions: fmt.Sprintf("%s rows of history, %s accounts; median of %d\n%s",
			report.Count(float64(b.rows())), report.Count(float64(b.accounts)), m.o.rounds, strings.TrimSpace(conditions)),
		Header: []string{"", "median", "spread", "of plain SQL"}, Rows: rows,
	}
}
