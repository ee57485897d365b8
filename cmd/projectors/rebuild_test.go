package main

import (
	"context"
	"strings"
	"testing"

	"recount/cmd/internal/cli"
	"recount/internal/embedded/embeddedtest"
)

// services are embedded ones, as flags.
func services(t *testing.T) []string {
	t.Helper()
	broker, registry, db := embeddedtest.Kafka(t), embeddedtest.Registry(t), embeddedtest.ClickHouse(t)
	return []string{"--kafka", broker.Addr(), "--clickhouse", db.URL(), "--registry", registry.URL(), "--partitions", "2"}
}

// TestARebuildFromTheCommandLine goes through a view's life: built, staged, switched, rolled back, dropped.
func TestARebuildFromTheCommandLine(t *testing.T) {
	t.Parallel()
	at := services(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan string, 1)
	go func() {
		_, _, said := run(ctx, append([]string{"run", "--telemetry-addr=", "--view", "events,customers"}, at...)...)
		ended <- said
	}()
	awaitGenerations(t, append([]string{"status", "--json"}, at[:4]...), ended)
	for _, step := range []struct {
		args string
		code int
		says string
	}{
		{"rebuild unheard", cli.ExitUsage, `there is no view "unheard"`},
		{"rebuild customers --stage", cli.ExitOK, "customers: generation 2 is built and shown to nobody"},
		{"rebuild customers", cli.ExitOK, "customers: generation 2 serves"},
		{"rebuild customers events --quiet", cli.ExitOK, "customers: generation 3 serves\nevents: generation 2 serves"},
		{"rebuild events --from bank/9@1", cli.ExitUsage, "no such partition"},
		{"rebuild events --from yesterday", cli.ExitUsage, "neither a moment"},
		{"rebuild events --from bank/1@0", cli.ExitOK, "events: generation 3 serves"},
		{"rebuild events --from 2026-03-01T00:00:00Z", cli.ExitOK, "events: generation 4 serves"},
		{"rebuild events --id account/acct-1", cli.ExitOK, "events: the log has no event of account/acct-1"},
		{"rebuild events --id account", cli.ExitUsage, "not TYPE/ID"},
		{"rebuild events --id account/acct-1 --stage", cli.ExitUsage, "--id mends rows in place"},
		{"rollback events", cli.ExitOK, "events: generation 3 serves"},
		{"rollback events --to 4", cli.ExitOK, "events: generation 4 serves"},
		{"drop events 4", cli.ExitFailed, "can't be dropped"},
		{"drop events 3", cli.ExitOK, ""},
		{"rollback events", cli.ExitFailed, "no generation of view events is kept"},
	} {
		args := append(strings.Fields(step.args), at...)
		if args[0] == "rebuild" {
			args = append(args, "--nice=0") // it shares its process with the projectors here
		}
		code, out, said := run(t.Context(), args...)
		if code != step.code || !strings.Contains(out+said, step.says) {
			t.Errorf("%s: %d\n%s%s", step.args, code, out, said)
		}
	}
	code, out, _ := run(t.Context(), append([]string{"generations"}, at[:4]...)...)
	if code != cli.ExitOK || strings.Count(out, "serving") != 2 || strings.Count(out, "kept") != 1 {
		t.Errorf("%d\n%s", code, out)
	}
	stop()
	if said := <-ended; strings.Contains(said, "Error:") {
		t.Error(said)
	}
}
