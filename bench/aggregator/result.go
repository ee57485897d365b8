package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/maven"
	"recount/bench/meter"
	"recount/bench/report"
	"recount/internal/worker/aggregator"
)

// result is the file's content: flat, and a ratio only where both of its sides were run.
type result struct {
	Conditions string `json:"conditions"`
	Commands   int    `json:"commands"`
	Rounds     int    `json:"rounds"`

	Rate    float64 `json:"commands_per_second,omitempty"`
	RateMin float64 `json:"commands_per_second_min,omitempty"`
	RateMax float64 `json:"commands_per_second_max,omitempty"`

	StreamsRatio    float64 `json:"ratio_to_kafka_streams,omitempty"`
	StreamsRatioMin float64 `json:"ratio_to_kafka_streams_min,omitempty"`
	StreamsRatioMax float64 `json:"ratio_to_kafka_streams_max,omitempty"`
	DefaultsRatio   float64 `json:"ratio_to_kafka_streams_defaults,omitempty"`
	LoopRatio       float64 `json:"ratio_to_bare_loop,omitempty"`
	LoopRatioMin    float64 `json:"ratio_to_bare_loop_min,omitempty"`
	LoopRatioMax    float64 `json:"ratio_to_bare_loop_max,omitempty"`

	StreamsRate  float64 `json:"kafka_streams_commands_per_second,omitempty"`
	DefaultsRate float64 `json:"kafka_streams_defaults_commands_per_second,omitempty"`
	LoopRate     float64 `json:"bare_loop_commands_per_second,omitempty"`

	CPU        float64 `json:"cpu_micros_per_command,omitempty"`
	StreamsCPU float64 `json:"kafka_streams_cpu_micros_per_command,omitempty"`
	LoopCPU    float64 `json:"bare_loop_cpu_micros_per_command,omitempty"`
}

func (b *benchmark) result(conditions string) result {
	rate := func(name string) report.Summary { return report.Summarize(b.values(name, meter.Reading.PerSecond)) }
	cpu := func(name string) float64 { return report.Round(report.Summarize(b.values(name, cpuMicros)).Median, 2) }
	whole := func(v float64) float64 { return report.Round(v, 0) }
	ratio := func(v float64) float64 { return report.Round(v, 3) }
	own, toStreams, toLoop := rate(recount), b.ratio(streamsTuned), b.ratio(bareLoop)
	return result{
		Conditions: conditions, Commands: b.o.plan.Commands, Rounds: b.o.rounds,
		Rate: whole(own.Median), RateMin: whole(own.Min), RateMax: whole(own.Max),
		StreamsRatio: ratio(toStreams.Median), StreamsRatioMin: ratio(toStreams.Min), StreamsRatioMax: ratio(toStreams.Max),
		DefaultsRatio: ratio(b.ratio(streamsDefaults).Median),
		LoopRatio:     ratio(toLoop.Median), LoopRatioMin: ratio(toLoop.Min), LoopRatioMax: ratio(toLoop.Max),
		StreamsRate: whole(rate(streamsTuned).Median), DefaultsRate: whole(rate(streamsDefaults).Median), LoopRate: whole(rate(bareLoop).Median),
		CPU: cpu(recount), StreamsCPU: cpu(streamsTuned), LoopCPU: cpu(bareLoop),
	}
}

// values are one figure of every run of a contender.
func (b *benchmark) values(name string, figure func(meter.Reading) float64) []float64 {
	var out []float64
	for _, r := range b.readings[name] {
		out = append(out, figure(r))
	}
	return out
}

// ratio is the aggregator's rate to another's, round by round.
func (b *benchmark) ratio(other string) report.Summary {
	return report.Summarize(report.Ratios(b.values(recount, meter.Reading.PerSecond), b.values(other, meter.Reading.PerSecond)))
}

func cpuMicros(r meter.Reading) float64 {
	return float64(r.ContenderCPU.Microseconds()) / float64(r.Commands)
}

func brokerMicros(r meter.Reading) float64 {
	return float64(r.BrokerCPU.Microseconds()) / float64(r.Commands)
}

// conditions say what the figures are true of.
func (b *benchmark) conditions(ctx context.Context) (string, error) {
	version, err := maven.JavaVersion(ctx)
	if err != nil {
		return "", err
	}
	c := aggregator.Config{Sessions: b.o.sessions, BatchMax: b.o.batch}.WithDefaults()
	w := b.workload
	parts := []string{
		fmt.Sprintf("%s commands of %d bytes on %s accounts, %d partitions, seed %d", report.Count(float64(w.Commands)), w.Bytes/int64(w.Commands), report.Count(float64(w.Accounts)), w.Partitions, w.Seed),
		fmt.Sprintf("events of %d bytes, as the bare loop writes", w.EventBytes),
		fmt.Sprintf("%d rounds, the first %s commands of each run discarded", b.o.rounds, report.Count(float64(b.o.warmUp))),
		fmt.Sprintf("a fresh Kafka %s for each run, %s, on the same cores", broker.Version, b.o.broker),
		fmt.Sprintf("the aggregator with %d sessions, batches of %d, GOGC %s", c.Sessions, c.BatchMax, gogc()),
	}
	for _, name := range []string{streamsTuned, streamsDefaults} {
		if p, ok := b.contenders[name].(streams); ok {
			parts = append(parts, fmt.Sprintf("%s: EOS v2 %v", p.title(), p.settings))
		}
	}
	return strings.Join(append(parts, b.Machine, version), "; "), nil
}

// gogc is how much garbage the aggregator's process makes before it is collected, in percent of what lives.
func gogc() string { return cmp.Or(os.Getenv("GOGC"), "100") }

// table is the result for people, with the file beside it.
func (b *benchmark) table(conditions string) frame.Result {
	var rows [][]string
	for _, name := range names() {
		if !slices.Contains(b.o.chosen(), name) {
			continue
		}
		rate := report.Summarize(b.values(name, meter.Reading.PerSecond))
		rows = append(rows, []string{
			b.contenders[name].title(), report.Count(rate.Median), report.Count(rate.Min) + "–" + report.Count(rate.Max),
			b.comparison(name), micros(b.values(name, cpuMicros)), micros(b.values(name, brokerMicros)), b.contenders[name].lacks(),
		})
	}
	return frame.Result{
		File: b.result(conditions), Conditions: conditions,
		Header: []string{"", "commands/s", "spread", "Recount is", "CPU µs each", "broker's", "lacks"}, Rows: rows,
	}
}

// comparison says how the aggregator compares with another contender.
func (b *benchmark) comparison(name string) string {
	ratio := b.ratio(name)
	if name == recount || ratio == (report.Summary{}) {
		return ""
	}
	return fmt.Sprintf("%.2f × (%.2f–%.2f)", ratio.Median, ratio.Min, ratio.Max)
}

// micros is a median processor time; where the system does not tell it is 0, and left out.
func micros(values []float64) string {
	if median := report.Summarize(values).Median; median > 0 {
		return fmt.Sprintf("%.2f", median)
	}
	return "–"
}
