package history

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	"recount/bench/ledger"
	"recount/bench/workload"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

// TestThePastIsWhatAnAggregatorWouldHaveLeft: the ledger finds nothing to object to, and a worker restores it both ways.
func TestThePastIsWhatAnAggregatorWouldHaveLeft(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	codec := serdetest.Codec(t)
	const events = 3_000
	plan := workload.Plan{Commands: events + 500, Accounts: 100, Partitions: 3, Seed: 7}
	w, err := workload.Write(t.Context(), plan, codec, filepath.Join(t.TempDir(), "commands"))
	if err != nil {
		t.Fatal(err)
	}
	cfg := kafka.Config{Brokers: []string{broker.Addr()}}
	if err := kafka.EnsureTopics(t.Context(), cfg, []string{"bank"}, plan.Partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	if err := w.LoadPart(t.Context(), broker.Addr(), "bank.commands", 0, events); err != nil {
		t.Fatal(err)
	}
	until := time.Now()
	h := History{
		Address: broker.Addr(), Context: "bank", Codec: codec, Workload: w,
		Commands: events, Checkpoint: events - 100, From: until.Add(-24 * time.Hour), Until: until,
	}
	if err := h.Write(t.Context()); err != nil {
		t.Fatal(err)
	}
	past := *w
	past.Commands, past.Expected = events, plan.Expected(events)
	check := ledger.Check{Address: broker.Addr(), Commands: "bank.commands", Events: "bank.events", Codec: codec, Workload: &past, Chain: true}
	if _, err := check.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	past.Commands++
	if _, err := check.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "3001 commands left 3000 events") {
		t.Errorf("the control: %v", err)
	}
	for _, zero := range []bool{true, false} {
		restored(t, cfg, codec, plan, zero)
	}
}

func restored(t *testing.T, cfg kafka.Config, codec *serde.Codec, plan workload.Plan, zero bool) {
	t.Helper()
	leases := statestore.NewLeases(statestore.NewMem(), func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) })
	worker, err := aggregator.New(t.Context(), aggregator.Config{
		Context: "bank", Codec: codec.Context("bank"), Kafka: cfg, Partitions: plan.Partitions, Instance: "test", Leases: leases,
	})
	if err != nil {
		t.Fatal(err)
	}
	done, err := worker.Rebuild(t.Context(), aggregator.Rebuild{FromZero: zero})
	if err != nil {
		t.Fatal(err)
	}
	snapshots, records := 0, 0
	for _, r := range done {
		snapshots, records = snapshots+r.Snapshots, records+r.Records
	}
	if zero && (snapshots != 0 || records != 3_000) || !zero && (snapshots != plan.Accounts || records < 100 || records > 1_000) {
		t.Errorf("from zero %v: %d snapshots and %d records were read", zero, snapshots, records)
	}
}
