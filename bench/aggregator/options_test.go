package main

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
)

func TestDefaultsAreTheFullBenchmark(t *testing.T) {
	t.Parallel()
	o, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.plan.Commands != 8_000_000 || o.plan.Accounts != 100_000 || o.plan.Partitions != 6 || o.rounds != 3 || o.warmUp != 2_000_000 {
		t.Errorf("defaults %+v", o)
	}
	if len(o.chosen()) != len(names()) || o.Out != filepath.Join("bench", "results", "aggregator.json") {
		t.Errorf("contenders %v, result in %s", o.chosen(), o.Out)
	}
}

func TestOptionsTellAllTheirFaults(t *testing.T) {
	t.Parallel()
	_, err := parse([]string{"--commands", "10", "--warm-up", "10", "--rounds", "0", "--only", "recount,akka", "--broker", "slow", "--sessions", "-1", "rest"}, io.Discard)
	for _, fault := range []string{"--warm-up", "--rounds", `"akka"`, "--broker", "--sessions", `"rest"`} {
		if err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("%v does not tell of %s", err, fault)
		}
	}
}

func TestPeerSettingsAreCollected(t *testing.T) {
	t.Parallel()
	o, err := parse([]string{"--peer-set", "commit.interval.ms=500", "--peer-set=a=b=c"}, io.Discard)
	if err != nil || o.peer.String() != "a=b=c commit.interval.ms=500" {
		t.Errorf("%v, %v", o.peer, err)
	}
	if _, err := parse([]string{"--peer-set", "commit.interval.ms"}, io.Discard); err == nil {
		t.Error("a setting without a value is taken")
	}
}
