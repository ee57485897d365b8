package main

import (
	"fmt"
	"strings"
	"time"

	"recount/bench/broker"
	"recount/bench/frame"
	"recount/bench/report"
)

// result is the file's content: flat. Times are seconds, as a reader of committed events saw them.
type result struct {
	Conditions string  `json:"conditions"`
	Rate       int     `json:"commands_per_second"`
	Moves      int     `json:"moves"`
	Pause      float64 `json:"pause_seconds"`
	PauseMin   float64 `json:"pause_seconds_min"`
	PauseMax   float64 `json:"pause_seconds_max"`
	Others     float64 `json:"others_pause_seconds"`
	OthersMax  float64 `json:"others_pause_seconds_max"`
	Ordinary   float64 `json:"ordinary_gap_seconds"`
	OrdinaryTo float64 `json:"ordinary_gap_seconds_max"`
	Warming    float64 `json:"warming_seconds"`
	Switch     float64 `json:"switch_seconds"`
}

// result is the file and the table.
func (b *benchmark) result() frame.Result {
	of := func(figure func(move) time.Duration) report.Summary {
		var values []float64
		for _, m := range b.moves {
			values = append(values, report.Round(figure(m).Seconds(), 3))
		}
		return report.Summarize(values)
	}
	pause, others := of(func(m move) time.Duration { return m.pause }), of(func(m move) time.Duration { return m.others })
	ordinary := of(func(m move) time.Duration { return m.ordinary })
	warming, switching := of(func(m move) time.Duration { return m.Warming }), of(func(m move) time.Duration { return m.Switch })
	following := "following each other's partitions"
	if !b.o.standbys {
		following = "following nothing but by order"
	}
	conditions := strings.Join([]string{
		fmt.Sprintf("%s commands/s on %s accounts, %d partitions, two workers %s", report.Count(float64(b.o.rate)), report.Count(float64(b.o.plan.Accounts)), b.o.plan.Partitions, following),
		fmt.Sprintf("%d moves of one partition, medians", len(b.moves)),
		fmt.Sprintf("Kafka %s on the same cores, %s", broker.Version, broker.Tuned), b.Machine,
	}, "; ")
	file := result{
		Conditions: conditions, Rate: b.o.rate, Moves: len(b.moves),
		Pause: pause.Median, PauseMin: pause.Min, PauseMax: pause.Max, Others: others.Median, OthersMax: others.Max,
		Ordinary: ordinary.Median, OrdinaryTo: ordinary.Max, Warming: warming.Median, Switch: switching.Median,
	}
	row := func(what string, s report.Summary) []string {
		return []string{what, fmt.Sprintf("%.0f ms", s.Median*1000), fmt.Sprintf("%.0f–%.0f ms", s.Min*1000, s.Max*1000)}
	}
	return frame.Result{File: file, Conditions: conditions, Header: []string{"", "median", "spread"}, Rows: [][]string{
		row("pause of the partition that moves", pause), row("longest gap of any other, meanwhile", others),
		row("longest gap of any, before", ordinary), row("until the worker was warm", warming), row("from the order to the takeover", switching),
	}}
}
