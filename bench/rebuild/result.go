package main

import (
	"cmp"
	"fmt"
	"os"
	"strings"
	"time"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/report"
	"recount/internal/worker/rebuild"
)

// result is the file's content: flat, of the last size.
type result struct {
	Conditions  string  `json:"conditions"`
	Events      int     `json:"events"`
	Rate        float64 `json:"events_per_second"`
	FillSeconds float64 `json:"fill_seconds"`
	Limit       float64 `json:"insert_limit_events_per_second"`
	LimitRatio  float64 `json:"ratio_to_insert_limit"`
	PeakMiB     float64 `json:"peak_mib"`
	*besideResult
}

// besideResult is what came of the rebuild beside everything; nil: that was left out.
type besideResult struct {
	VerifySeconds float64 `json:"verify_seconds"`
	SwitchMillis  float64 `json:"switch_ms"`
	BesideRate    float64 `json:"beside_events_per_second"`
	LagP50Millis  float64 `json:"live_lag_p50_ms"`
	LagP99Millis  float64 `json:"live_lag_p99_ms"`
	HistoryP50    float64 `json:"live_lag_history_p50_ms"`
	HistoryP99    float64 `json:"live_lag_history_p99_ms"`
	Queries       int     `json:"queries"`
	Failed        int     `json:"queries_failed"`
	Partial       int     `json:"queries_partial"`
	SlowestMillis float64 `json:"slowest_query_ms"`
}

func millis(d time.Duration) float64 { return report.Round(float64(d.Microseconds())/1000, 1) }

func newResult(conditions string, readings []reading) result {
	r := readings[len(readings)-1]
	out := result{
		Conditions: conditions, Events: r.events, Rate: report.Round(r.rate(), 0), FillSeconds: report.Round(r.first.FillSeconds, 2),
		Limit: report.Round(r.limit, 0), LimitRatio: report.Round(r.rate()/r.limit, 3), PeakMiB: report.Round(max(r.first.PeakMiB, r.second.PeakMiB), 0),
	}
	if r.second.FillSeconds == 0 {
		return out
	}
	out.besideResult = &besideResult{
		VerifySeconds: report.Round(r.second.VerifySeconds, 2), SwitchMillis: report.Round(r.second.SwitchMillis, 1),
		BesideRate:   report.Round(float64(r.events)/r.second.FillSeconds, 0),
		LagP50Millis: millis(r.live.lag(balances, 0.5)), LagP99Millis: millis(r.live.lag(balances, 0.99)),
		HistoryP50: millis(r.live.lag(history, 0.5)), HistoryP99: millis(r.live.lag(history, 0.99)),
		Queries: r.live.queries, Failed: r.live.failed, Partial: r.live.partial, SlowestMillis: millis(r.live.slowest),
	}
	return out
}

func conditions(o options, machine string) string {
	return strings.Join([]string{
		fmt.Sprintf("events of %s accounts, %d partitions, seed %d, written before", report.Count(float64(o.plan.Accounts)), o.plan.Partitions, o.plan.Seed),
		fmt.Sprintf("views %s (newest row of an account and block) and %s, together, from offset zero", balances, history),
		fmt.Sprintf("blocks of %d offsets", cmp.Or(o.block, rebuild.BlockDefault)),
		fmt.Sprintf("Kafka %s and the embedded ClickHouse on the same cores", broker.Version),
		beside(o),
		"GOGC " + cmp.Or(os.Getenv("GOGC"), "100"), machine,
	}, "; ")
}

func beside(o options) string {
	if o.alone {
		return "nothing beside it"
	}
	return fmt.Sprintf("beside it: projectors (balances within 100 ms, history within a second), %d events/s, %d questions/s", o.live, o.queries)
}

// table has all sizes for people, and the last for the file.
func table(conditions string, readings []reading) frame.Result {
	var rows [][]string
	for _, r := range readings {
		rows = append(rows, []string{
			report.Count(float64(r.events)), fmt.Sprintf("%.1f s", r.first.FillSeconds), report.Count(r.rate()), fmt.Sprintf("%.0f %%", 100*r.rate()/r.limit),
			fmt.Sprintf("%.0f MiB", max(r.first.PeakMiB, r.second.PeakMiB)), fmt.Sprintf("%.1f s", r.second.VerifySeconds), fmt.Sprintf("%.1f ms", r.second.SwitchMillis),
			fmt.Sprintf("%.0f / %.0f ms", millis(r.live.lag(balances, 0.5)), millis(r.live.lag(balances, 0.99))),
			fmt.Sprintf("%.0f / %.0f ms", millis(r.live.lag(history, 0.5)), millis(r.live.lag(history, 0.99))),
			fmt.Sprintf("%d, %d, %d", r.live.queries, r.live.failed, r.live.partial),
		})
	}
	return frame.Result{
		File: newResult(conditions, readings), Conditions: conditions,
		Header: []string{"events", "from zero", "events/s", "of the limit", "memory", "comparing", "switch", "balances lag p50 / p99", "history", "questions, failed, partial"}, Rows: rows,
	}
}
