package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/internal/clickhouse"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
	"recount/schemas/clickhouse/migrations"
)

// TestParked lists, shows and settles what is parked where no projector runs.
func TestParked(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	registry := embeddedtest.Registry(t)
	engine := embeddedtest.ClickHouse(t)
	if err := kafka.EnsureTopics(t.Context(), kafka.Config{Brokers: []string{broker.Addr()}}, []string{"bank"}, 2, kafka.Replication{}); err != nil {
		t.Fatal(err)
	}
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{URL: engine.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	park(t, db)
	services := []string{"--kafka", broker.Addr(), "--clickhouse", engine.URL(), "--registry", registry.URL()}
	for _, c := range []struct {
		args  []string
		code  int
		parts []string
	}{
		{[]string{"list"}, cli.ExitOK, []string{"account/acct-1", "bank/1@7", "no such channel"}},
		{[]string{"list", "customers"}, cli.ExitOK, []string{"none"}},
		{[]string{"show", "account_history", "account/acct-1"}, cli.ExitOK, []string{"waits behind another", "bank/1@9", "could not be mapped: no such channel", "It can't be read"}},
		{[]string{"show", "account_history", "account/nobody"}, cli.ExitFailed, []string{"nothing of it is parked"}},
		{[]string{"release", "account_history", "account/acct-1", "--wait=100ms"}, cli.ExitFailed, []string{"no projector has carried it out"}},
		{[]string{"release", "customers", "account/acct-1"}, cli.ExitFailed, []string{"nothing of it is parked"}},
		{[]string{"release", "customers", "--all"}, cli.ExitOK, nil},
		{[]string{"discard", "account_history", "account/acct-1", "--wait=100ms", "--why=a test"}, cli.ExitFailed, []string{"What was decided stands"}},
		{[]string{"discard", "account_history", "account/acct-1"}, cli.ExitUsage, []string{"--why"}},
		{[]string{"discard", "account_history", "acct-1", "--why=a test"}, cli.ExitUsage, []string{"not TYPE/ID"}},
		{[]string{"release", "account_history"}, cli.ExitUsage, []string{"give --all"}},
		{[]string{"release", "account_history", "account/acct-1", "--all"}, cli.ExitUsage, []string{"give --all"}},
	} {
		code, out, said := run(t.Context(), append(append([]string{"parked"}, c.args...), services...)...)
		for _, part := range c.parts {
			if !strings.Contains(out+said, part) {
				t.Errorf("%v does not say %q: %s%s", c.args, part, out, said)
			}
		}
		if code != c.code {
			t.Errorf("%v: code %d\n%s%s", c.args, code, out, said)
		}
	}
	listed(t, services)
	verdicts, err := kafka.ReadVerdicts(t.Context(), kafka.Config{Brokers: []string{broker.Addr()}}, time.Now())
	if err != nil || len(verdicts.Of("bank", "account_history")) != 2 {
		t.Errorf("what was decided: %+v, %v", verdicts, err)
	}
}

// listed checks the list that machines read.
func listed(t *testing.T, services []string) {
	t.Helper()
	_, out, _ := run(t.Context(), append([]string{"parked", "list", "--json"}, services...)...)
	var found []struct {
		Position string `json:"position"`
		Events   int    `json:"events"`
		Cause    string `json:"cause"`
	}
	if err := json.Unmarshal([]byte(out), &found); err != nil || len(found) != 1 || found[0].Position != "bank/1@7" || found[0].Events != 2 || found[0].Cause != "no such channel" {
		t.Errorf("%v: %s", err, out)
	}
}

// park has an event be parked and another wait behind it.
func park(t *testing.T, db *clickhouse.DB) {
	t.Helper()
	event := clickhouse.ParkedEvent{
		View: "account_history", Generation: 1, Context: "bank", Partition: 1, Offset: 7, Fate: clickhouse.Parked, Stream: "events",
		Aggregate: "account", AggregateID: "acct-1", Version: 3, Type: "FundsDeposited", Cause: "no such channel", RecordedAt: 1,
	}
	behind := event
	behind.Offset, behind.Version, behind.Cause = 9, 4, ""
	always := func(try func() error) error { return try() }
	if err := db.Migrate(t.Context(), migrations.FS()); err != nil {
		t.Fatal(err)
	}
	if err := db.Park(t.Context(), always, time.Minute, event, behind); err != nil {
		t.Fatal(err)
	}
}
