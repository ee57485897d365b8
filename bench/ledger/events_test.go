package ledger

import (
	"strings"
	"testing"

	"recount/bench/workload"
	"recount/domain"
	"recount/internal/embedded"
	"recount/internal/kafka"
	"recount/internal/serde"
	"recount/schemas/avro"
)

// TestEventsWrittenStraightIntoTheLogAreValid holds the generator of logs to what an aggregator is held to.
func TestEventsWrittenStraightIntoTheLogAreValid(t *testing.T) {
	t.Parallel()
	broker, err := embedded.StartKafka(embedded.KafkaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := broker.Close(); err != nil {
			t.Error(err)
		}
	}()
	catalog, err := serde.NewCatalog(avro.FS, domain.Contexts())
	if err != nil {
		t.Fatal(err)
	}
	plan := workload.Plan{Commands: 3000, Accounts: 40, Partitions: 3, Seed: 9}
	if err := kafka.EnsureTopics(t.Context(), kafka.Config{Brokers: []string{broker.Addr()}}, []string{"bank"}, plan.Partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	log, err := workload.NewEventLog(plan, catalog.Offline(), broker.Addr(), "bank.events")
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
		Address: broker.Addr(), Commands: "bank.commands", Events: "bank.events", Codec: catalog.Offline(), Chain: true,
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
