package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/maven"
	"recount/bench/report"
	streamspeer "recount/bench/streams-peer"
	"recount/internal/engine"
)

// result is the file's content: flat, and a ratio only where both of its sides were run.
type result struct {
	Conditions string `json:"conditions"`
	Events     int    `json:"events"`
	Accounts   int    `json:"accounts"`
	Rounds     int    `json:"rounds"`

	Rate        float64 `json:"events_per_second"`
	ZeroSeconds float64 `json:"from_zero_seconds"`
	ZeroMin     float64 `json:"from_zero_seconds_min"`
	ZeroMax     float64 `json:"from_zero_seconds_max"`

	SnapshotsSeconds float64 `json:"from_snapshots_seconds"`
	SnapshotsMin     float64 `json:"from_snapshots_seconds_min"`
	SnapshotsMax     float64 `json:"from_snapshots_seconds_max"`

	StreamsSeconds float64 `json:"kafka_streams_seconds,omitempty"`
	StreamsRecords int     `json:"kafka_streams_records,omitempty"`
	StreamsRatio   float64 `json:"ratio_to_kafka_streams,omitempty"`
	ZeroRatio      float64 `json:"ratio_to_kafka_streams_from_zero,omitempty"`

	KilledSeconds float64 `json:"killed_ready_seconds"`
	KilledRecords int     `json:"killed_replayed_records"`
}

func title(name string) string {
	return map[string]string{
		fromZero: "Recount, from zero", fromSnapshots: "Recount, from snapshots", streams: "Kafka Streams, changelog",
	}[name]
}

func (b *benchmark) seconds(name string) []float64 {
	var out []float64
	for _, r := range b.restores[name] {
		out = append(out, r.took.Seconds())
	}
	return out
}

// faster is how many times faster one way is than another, round by round: above 1 is faster.
func (b *benchmark) faster(name, than string) report.Summary {
	return report.Summarize(report.Ratios(b.seconds(than), b.seconds(name)))
}

func (b *benchmark) result(conditions string) result {
	zero, snapshots := report.Summarize(b.seconds(fromZero)), report.Summarize(b.seconds(fromSnapshots))
	r := result{
		Conditions: conditions, Events: b.o.events, Accounts: len(accountsIn(b.past)), Rounds: b.o.rounds,
		Rate:        report.Round(float64(b.o.events)/zero.Median, 0),
		ZeroSeconds: hundredths(zero.Median), ZeroMin: hundredths(zero.Min), ZeroMax: hundredths(zero.Max),
		SnapshotsSeconds: hundredths(snapshots.Median), SnapshotsMin: hundredths(snapshots.Min), SnapshotsMax: hundredths(snapshots.Max),
		KilledSeconds: hundredths(b.killed.took.Seconds()), KilledRecords: b.killed.records,
	}
	if all := b.restores[streams]; len(all) > 0 {
		r.StreamsSeconds, r.StreamsRecords = hundredths(report.Summarize(b.seconds(streams)).Median), all[0].records
		r.StreamsRatio = hundredths(b.faster(fromSnapshots, streams).Median)
		r.ZeroRatio = hundredths(b.faster(fromZero, streams).Median)
	}
	return r
}

func hundredths(v float64) float64 { return report.Round(v, 2) }

// conditions say what the figures are true of.
func (b *benchmark) conditions(ctx context.Context) (string, error) {
	window := cmp.Or(b.o.dedup, engine.DedupMillisDefault*time.Millisecond)
	within := float64(b.o.events) * min(1, float64(window)/float64(b.o.history))
	parts := []string{
		fmt.Sprintf("%s events of %d bytes on %s accounts, %d partitions, recorded over %v, seed %d", report.Count(float64(b.o.events)),
			b.workload.EventBytes, report.Count(float64(len(accountsIn(b.past)))), b.o.plan.Partitions, b.o.history, b.o.plan.Seed),
		fmt.Sprintf("the last checkpoint %s events before the end", report.Count(float64(b.o.since))),
		fmt.Sprintf("a dedup window of %v: %s commands are remembered again", window, report.Count(within)),
		fmt.Sprintf("the aggregator's time is that of a process, from its start to stores that are complete and synced, %d rounds", b.o.rounds),
		fmt.Sprintf("killed (-9) while it decided %s commands", report.Count(float64(b.o.tail))),
		fmt.Sprintf("Kafka %s on the same cores", broker.Version),
	}
	if b.peer != nil {
		version, err := maven.JavaVersion(ctx)
		if err != nil {
			return "", err
		}
		parts = append(parts, fmt.Sprintf("Kafka Streams after a kill -9: EOS v2 %v, its own time, from the first store's beginning to the last one's end (%s)", b.peer.settings, streamspeer.Lacks), version)
	}
	return strings.Join(append(parts, b.Machine), "; "), nil
}

// table is the result for people, with the file beside it.
func (b *benchmark) table(conditions string) frame.Result {
	var rows [][]string
	for _, name := range []string{fromZero, fromSnapshots, streams} {
		all := b.restores[name]
		if len(all) == 0 {
			continue
		}
		took, records := report.Summarize(b.seconds(name)), all[0].snapshots+all[0].records
		ratio := ""
		if name != streams && b.peer != nil {
			ratio = fmt.Sprintf("%.2f ×", b.faster(name, streams).Median)
		}
		rows = append(rows, []string{
			title(name), fmt.Sprintf("%.2f", took.Median), fmt.Sprintf("%.2f–%.2f", took.Min, took.Max),
			report.Count(float64(records)), report.Count(float64(records) / took.Median), ratio,
		})
	}
	rows = append(rows, []string{
		"Recount, killed, disk intact", fmt.Sprintf("%.2f", b.killed.took.Seconds()), "", report.Count(float64(b.killed.records)), "", "",
	})
	return frame.Result{
		File: b.result(conditions), Conditions: conditions,
		Header: []string{"", "seconds", "spread", "records read", "records/s", "as fast as Streams"}, Rows: rows,
	}
}
