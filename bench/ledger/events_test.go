package ledger

import (
	"strings"
	"testing"

	"recount/bench/workload"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
	"recount/internal/serde/serdetest"
)

// TestEventsWrittenStraightIntoTheLogAreValid holds the generator of logs to what an aggregator is held to.
func TestEventsWrittenStraightIntoTheLogAreValid(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	codec := serdetest.Codec(t)
	plan := workload.Plan{Commands: 3000, Accounts: 40, Partitions: 3, Seed: 9}
	if err := kafka.EnsureTopics(t.Context(), kafka.Config{Brokers: []string{broker.Addr()}}, []string{"bank"}, plan.Partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	log, err := workload.NewEventLog(plan, codec, broker.Addr(), "bank.events")
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for _, n := range []int{1000, 1999, 1} { // an account goes on where it was
		if err := log.Append(t.Context(), n, nil); err != nil {
			t.Fatal(err)
		}
	}
	check := Check{
		Address: broker.Addr(), Commands: "bank.commands", Events: "bank.events", Codec: codec, Chain: true,
		Workload: &workload.Workload{Plan: plan, Expected: log.Expected()},
	}
	if totals, err := check.Run(t.Context()); err != nil || totals.Events != plan.Commands {
		t.Errorf("%+v, %v", totals, err)
	}
	check.Workload.Expected[7].Balance++
	if _, err := check.Run(t.Context()); err == nil || !strings.Contains(err.Error(), workload.AccountID(7)) {
		t.Errorf("a wrong balance passes: %v", err)
	}
}
