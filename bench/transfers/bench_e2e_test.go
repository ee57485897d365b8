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

// TestEveryTransferIsCarriedOut runs the whole benchmark on real Kafka, small: the times mean nothing, the checks all.
func TestEveryTransferIsCarriedOut(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	o, err := parse([]string{"--rounds", "1", "--accounts", "200", "--transfers", "8000", "--in-flight", "2000", "--rate", "100", "--warm-up", "2s", "--time", "4s", "--out", path}, os.Stderr)
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
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"transfers_per_second", "transfers_per_second_min", "transfer_p50_ms", "transfer_p99_ms", "command_p50_ms", "commands_as_long_as_a_transfer"} {
		if v, _ := got[name].(float64); v <= 0 {
			t.Errorf("%s is %v\n%s", name, got[name], table.String())
		}
	}
}
