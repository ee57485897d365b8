package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"recount/bench/workload"
)

func TestMistakesAreToldAllAtOnce(t *testing.T) {
	t.Parallel()
	var usage bytes.Buffer
	_, err := parse([]string{"--rounds=0", "--tail=0", "--history=0s", "--since-checkpoint=9", "--events=9", "--dedup-window=1ms", "more"}, &usage)
	for _, fault := range []string{"--rounds", "--tail", "--history", "--since-checkpoint", "--dedup-window", `"more"`} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not tell of %s", err, fault)
		}
	}
	o, err := parse(nil, &usage)
	if err != nil || o.plan.Commands != o.events+o.tail || o.events != 5_000_000 || o.plan.Accounts != 1_000_000 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	t.Parallel()
	seconds := func(all ...float64) (out []restore) {
		for _, s := range all {
			out = append(out, restore{took: time.Duration(s * float64(time.Second)), records: 7})
		}
		return out
	}
	b := &benchmark{
		o: options{events: 100, rounds: 3}, past: []workload.Account{{Version: 1}, {}, {Version: 2}},
		restores: map[string][]restore{fromZero: seconds(4, 2, 10), fromSnapshots: seconds(1, 1, 1), streams: seconds(8, 8, 10)},
		killed:   restore{took: time.Second, records: 3},
	}
	r := b.result("c")
	if r.ZeroSeconds != 4 || r.ZeroMin != 2 || r.ZeroMax != 10 || r.Rate != 25 || r.ZeroRatio != 2 || r.StreamsRatio != 8 ||
		r.StreamsRecords != 7 || r.Accounts != 2 || r.KilledRecords != 3 || r.KilledSeconds != 1 {
		t.Errorf("%+v", r)
	}
	delete(b.restores, streams)
	if r := b.result("c"); r.StreamsRatio != 0 || r.StreamsSeconds != 0 {
		t.Errorf("a ratio to nothing: %+v", r)
	}
}
