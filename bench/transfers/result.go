package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/maven"
	"recount/bench/report"
	"recount/internal/worker/aggregator"
)

// figure is one number of the result, measured in every round.
type figure struct {
	name, title string
	digits      int
	values      []float64
}

// figures are all that were measured, in their order.
func (b *benchmark) figures() []figure {
	var out []figure
	rated := func(name, title string, digits int, of func(rate) float64) {
		f := figure{name: name, title: title, digits: digits}
		for _, r := range b.rates {
			f.values = append(f.values, of(r))
		}
		out = append(out, f)
	}
	timed := func(name, title string, of func(period) time.Duration) {
		f := figure{name: name, title: title, digits: 1}
		for _, p := range b.periods {
			f.values = append(f.values, report.Millis(of(p)))
		}
		out = append(out, f)
	}
	rated("transfers_per_second", "transfers/s", 0, rate.perSecond)
	rated("aggregator_cpu_micros_per_transfer", "processor time of a transfer, µs: aggregator", 1, func(r rate) float64 { return r.micros(func(m mark) time.Duration { return m.aggregator }) })
	rated("saga_cpu_micros_per_transfer", "saga", 1, func(r rate) float64 { return r.micros(func(m mark) time.Duration { return m.saga }) })
	rated("broker_cpu_micros_per_transfer", "broker", 1, func(r rate) float64 { return r.micros(func(m mark) time.Duration { return m.broker }) })
	timed("transfer_p50_ms", "accepted → completed, ms: p50", func(p period) time.Duration { return p.transfer.P50 })
	timed("transfer_p99_ms", "p99", func(p period) time.Duration { return p.transfer.P99 })
	timed("transfer_max_ms", "longest", func(p period) time.Duration { return p.transfer.Max })
	timed("due_to_completed_p50_ms", "due → completed, ms: p50", func(p period) time.Duration { return p.due.P50 })
	timed("due_to_completed_p99_ms", "p99", func(p period) time.Duration { return p.due.P99 })
	timed("command_p50_ms", "command → committed, ms: p50", func(p period) time.Duration { return p.command.P50 })
	timed("command_p99_ms", "p99", func(p period) time.Duration { return p.command.P99 })
	paced := func(name, title string, of func(period) float64) {
		f := figure{name: name, title: title, digits: 2}
		for _, p := range b.periods {
			f.values = append(f.values, of(p))
		}
		out = append(out, f)
	}
	paced("commands_as_long_as_a_transfer", fmt.Sprintf("a transfer's p50 in commands' (%d hops)", hops), period.hops)
	paced("paced_aggregator_cores", "cores meanwhile: aggregator", func(p period) float64 { return p.aggregator })
	paced("paced_saga_cores", "saga", func(p period) float64 { return p.saga })
	paced("paced_broker_cores", "broker", func(p period) float64 { return p.broker })
	return out
}

// result is the file, a flat object, and the table. What was not measured is left out.
func (b *benchmark) result(ctx context.Context) (frame.Result, error) {
	conditions, err := b.conditions(ctx)
	if err != nil {
		return frame.Result{}, err
	}
	file := map[string]any{"conditions": conditions, "rounds": b.o.rounds}
	var rows [][]string
	for _, f := range b.figures() {
		if len(f.values) == 0 {
			continue
		}
		s := report.Summarize(f.values)
		for suffix, v := range map[string]float64{"": s.Median, "_min": s.Min, "_max": s.Max} {
			file[f.name+suffix] = report.Round(v, f.digits)
		}
		text := func(v float64) string {
			if f.digits == 0 {
				return report.Count(v)
			}
			return fmt.Sprintf("%.*f", f.digits, v)
		}
		rows = append(rows, []string{f.title, text(s.Median), text(s.Min) + "–" + text(s.Max)})
	}
	return frame.Result{File: file, Conditions: conditions, Header: []string{"", "median", "spread"}, Rows: rows}, nil
}

// conditions say what the figures are true of.
func (b *benchmark) conditions(ctx context.Context) (string, error) {
	version, err := maven.JavaVersion(ctx)
	if err != nil {
		return "", err
	}
	sessions := func(n int) int { return aggregator.Config{Sessions: n}.WithDefaults().Sessions }
	return strings.Join([]string{
		fmt.Sprintf("transfers between %s accounts, every one complete after %d transactions, %d partitions, seed %d", report.Count(float64(b.o.accounts)), hops, b.o.partitions, b.o.seed),
		fmt.Sprintf("transfers a second: %s, %s under way at a time, the first %s discarded", report.Count(float64(b.o.transfers)), report.Count(float64(b.o.inFlight)), report.Count(float64(b.o.first))),
		fmt.Sprintf("times: %s transfers a second for %v, after %v that do not count, until their events were read with read_committed", report.Count(float64(b.o.rate)), b.o.measured, b.o.warmUp),
		fmt.Sprintf("%d rounds, each on a fresh Kafka %s, %s, the times behind the rate, on the same cores as both roles, who asks and who reads", b.o.rounds, broker.Version, b.o.broker),
		fmt.Sprintf("sessions: the aggregator %d, the saga %d", sessions(b.o.sessions), sessions(b.o.sagaSessions)), b.Machine, version,
	}, "; "), nil
}
