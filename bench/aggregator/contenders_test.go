package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"recount/bench/frame"
	"recount/bench/ledger"
	benchsubject "recount/bench/subject"
	"recount/bench/workload"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
)

// TestMain lets this test program play a contender, as the benchmark's own does.
func TestMain(m *testing.M) { frame.TestProgram(m, main) }

// TestTheAggregatorPassesTheLedger runs the aggregator as the benchmark puts it together, on a fake broker.
func TestTheAggregatorPassesTheLedger(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	check := loaded(t, broker.Addr())
	profiles := t.TempDir()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		ended <- benchsubject.Config{Address: broker.Addr(), Dir: t.TempDir(), Partitions: check.Workload.Partitions, Sessions: 2, Profile: profiles}.Run(ctx)
	}()
	deadline, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		totals, err := check.Run(deadline)
		if err == nil {
			break
		}
		if totals.Events >= check.Workload.Commands || deadline.Err() != nil {
			t.Error(err)
			break
		}
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	for _, name := range []string{"cpu.pprof", "allocs.pprof"} {
		if info, err := os.Stat(filepath.Join(profiles, name)); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// loaded makes the bank's topics with a small workload in them, and the check of what comes of it.
func loaded(t *testing.T, address string) ledger.Check {
	t.Helper()
	codec, err := benchsubject.Offline()
	if err != nil {
		t.Fatal(err)
	}
	plan := workload.Plan{Commands: 2000, Accounts: 50, Partitions: 2, Seed: 5}
	w, err := workload.Write(t.Context(), plan, codec, filepath.Join(t.TempDir(), "commands"))
	if err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(t.Context(), kafka.Config{Brokers: []string{address}}, []string{bank}, plan.Partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.Load(t.Context(), address, commandsTopic); err != nil {
		t.Fatal(err)
	}
	return ledger.Check{Address: address, Commands: commandsTopic, Events: eventsTopic, Codec: codec, Workload: w, Chain: true}
}

func TestOnlyContendersArePlayed(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{frame.RoleArgument, "akka", "{}"}, {frame.RoleArgument, recount}, {frame.RoleArgument, bareLoop, "no JSON"}} {
		if err := program().Run(t.Context(), args); err == nil {
			t.Errorf("%q is played", args)
		}
	}
}
