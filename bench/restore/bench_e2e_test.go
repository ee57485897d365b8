//go:build e2e

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/bench/frame"
)

// TestMain lets this test program play a role, as the benchmark's own does.
func TestMain(m *testing.M) { frame.TestProgram(m, main) }

// TestEveryWayBackGivesTheSameBooks runs the whole benchmark on real Kafka, small: the times mean nothing, the checks all.
func TestEveryWayBackGivesTheSameBooks(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	o, err := parse([]string{"--events", "200000", "--accounts", "20000", "--tail", "300000", "--since-checkpoint", "5000", "--rounds", "1", "--out", path}, os.Stderr)
	if err != nil {
		t.Fatal(err)
	}
	var table, messages strings.Builder
	if err := program().Bench(t.Context(), o, &table, &messages); err != nil {
		t.Fatalf("%v\n%s", err, messages.String())
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var got result
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if got.Rate <= 0 || got.SnapshotsSeconds <= 0 || got.StreamsRatio <= 0 || got.KilledSeconds <= 0 {
		t.Errorf("%+v\n%s", got, table.String())
	}
}
