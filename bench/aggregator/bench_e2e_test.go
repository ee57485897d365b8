//go:build e2e

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestEveryContenderDoesTheSameWork runs the whole benchmark on real Kafka, small: the rates mean nothing, the checks all.
func TestEveryContenderDoesTheSameWork(t *testing.T) {
	path := filepath.Join(t.TempDir(), "result.json")
	o, err := parse([]string{"--commands", "200000", "--accounts", "5000", "--rounds", "1", "--warm-up", "1", "--out", path}, os.Stderr)
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
	if got.Rate <= 0 || got.StreamsRatio <= 0 || got.DefaultsRatio <= 0 || got.LoopRatio <= 0 {
		t.Errorf("%+v\n%s", got, table.String())
	}
}
