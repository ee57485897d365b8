package main

import (
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"recount/bench/frame"
	"recount/bench/meter"
	"recount/bench/workload"
)

// measured is a benchmark whose contenders took so many seconds for 6,000 commands, round by round.
func measured(t *testing.T, seconds map[string][]float64) *benchmark {
	t.Helper()
	var only []string
	b := &benchmark{Scene: &frame.Scene{}, readings: map[string][]meter.Reading{}, contenders: map[string]contender{}, workload: &workload.Workload{}}
	for _, name := range names() {
		if seconds[name] == nil {
			continue
		}
		only = append(only, name)
		b.contenders[name] = map[string]contender{bareLoop: loop{}, recount: subject{}}[name]
		if b.contenders[name] == nil {
			b.contenders[name] = streams{name: name}
		}
		for _, s := range seconds[name] {
			elapsed := time.Duration(s * float64(time.Second))
			b.readings[name] = append(b.readings[name], meter.Reading{Commands: 6000, Elapsed: elapsed, ContenderCPU: elapsed, BrokerCPU: elapsed / 2})
		}
	}
	var err error
	if b.o, err = parse([]string{"--commands", "8000", "--only", strings.Join(only, ",")}, io.Discard); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	t.Parallel()
	// The machine is half as fast in the second round, for both: every ratio is 4, that of the medians would be 6.
	b := measured(t, map[string][]float64{recount: {1, 2, 1}, streamsTuned: {4, 8, 4}, bareLoop: {0.5, 1, 0.5}})
	got := b.result("here")
	if got.Rate != 6000 || got.RateMin != 3000 || got.RateMax != 6000 || got.StreamsRate != 1500 {
		t.Errorf("rates %+v", got)
	}
	if got.StreamsRatio != 4 || got.StreamsRatioMin != 4 || got.StreamsRatioMax != 4 || got.LoopRatio != 0.5 {
		t.Errorf("ratios %+v", got)
	}
	if got.CPU != 166.67 || got.StreamsCPU != 666.67 {
		t.Errorf("processor times %+v", got)
	}
}

func TestTheFileIsFlatAndHasNoRatioToWhatWasNotRun(t *testing.T) {
	t.Parallel()
	text, err := json.Marshal(measured(t, map[string][]float64{recount: {1}, bareLoop: {0.5}}).result("here"))
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(text, &fields); err != nil {
		t.Fatal(err)
	}
	for name, value := range fields {
		switch value.(type) {
		case string, float64:
		default:
			t.Errorf("%s is %T", name, value)
		}
		if strings.Contains(name, "kafka_streams") {
			t.Errorf("%s is told, and Kafka Streams was not run", name)
		}
	}
	if fields["conditions"] != "here" || fields["commands_per_second"] != 6000.0 || fields["ratio_to_bare_loop"] != 0.5 {
		t.Errorf("fields %v", fields)
	}
}

func TestTheTableTellsWhatThePeerLacks(t *testing.T) {
	t.Parallel()
	b := measured(t, map[string][]float64{recount: {1}, streamsTuned: {4}, bareLoop: {0.5}})
	var out strings.Builder
	if err := b.table("conditions").Table(&out); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"conditions", "6,000", "4.00 ×", "0.50 ×", "no dedup, no chain"} {
		if !strings.Contains(out.String(), part) {
			t.Errorf("the table does not tell %q:\n%s", part, out.String())
		}
	}
}
