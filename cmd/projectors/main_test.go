package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

const patience = 3 * time.Minute

func run(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := cli.Program{Root: program(), Args: args, Stdout: &out, Stderr: &errs}
	return p.Run(ctx), out.String(), errs.String()
}

func TestRunAndStatus(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	registry := embeddedtest.Registry(t)
	db := embeddedtest.ClickHouse(t)
	services := []string{"--kafka", broker.Addr(), "--clickhouse", db.URL(), "--registry", registry.URL(), "--partitions", "2"}

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ended := make(chan string, 1)
	go func() {
		_, _, said := run(ctx, append([]string{"run", "--telemetry-addr=", "--view", "events,customers"}, services...)...)
		ended <- said
	}()
	views := awaitGenerations(t, append([]string{"status", "--json", "--registry", "http://127.0.0.1:1"}, services[:4]...), ended)
	for _, v := range views {
		if keptInTests(v) != (v.Generation == 1) || len(v.Partitions) != 2 || v.LagRecords != 0 {
			t.Errorf("%+v", v)
		}
	}
	if code, table, _ := run(t.Context(), append([]string{"status"}, services...)...); code != cli.ExitOK || !strings.Contains(table, "account_history") || !strings.Contains(table, "none yet") {
		t.Errorf("%d\n%s", code, table)
	}
	stop()
	if said := <-ended; strings.Contains(said, "Error:") {
		t.Error(said)
	}
}

// keptInTests says whether the projectors of these tests keep a view: one that every context has, and one of the bank's.
func keptInTests(v role.ViewStanding) bool { return v.View == "events" || v.View == "customers" }

// awaitGenerations asks for the status, which needs no registry, until these views are there.
func awaitGenerations(t *testing.T, args []string, ended <-chan string) []role.ViewStanding {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		code, out, said := run(t.Context(), args...)
		var views []role.ViewStanding
		missing := 0
		if code == cli.ExitOK {
			if err := json.Unmarshal([]byte(out), &views); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			for _, v := range views {
				if keptInTests(v) && v.Generation == 0 {
					missing++
				}
			}
		}
		if len(views) > 0 && missing == 0 {
			return views
		}
		select {
		case said := <-ended:
			t.Fatalf("the projectors ended: %s", said)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("the views are not there: %d %s%s", code, out, said)
		}
	}
}

func TestMistakesAreToldBeforeAnythingBegins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"run", "--range-records=0"}, cli.ExitUsage, "--range-records"},
		{[]string{"stauts"}, cli.ExitUsage, "did you mean status?"},
		{[]string{"rebuild"}, cli.ExitUsage, "name the views to rebuild, or give --all"},
		{[]string{"rebuild", "--all", "events"}, cli.ExitUsage, "name the views to rebuild, or give --all"},
		{[]string{"rebuild", "events", "--keep=-1"}, cli.ExitUsage, "--keep"},
		{[]string{"rebuild", "events", "--memory=1"}, cli.ExitUsage, "--memory"},
		{[]string{"rebuild", "events", "--nice=20"}, cli.ExitUsage, "--nice"},
		{[]string{"rebuild", "events", "--nice=-1"}, cli.ExitUsage, "--nice"},
		{[]string{"rollback"}, cli.ExitUsage, "needs VIEW"},
		{[]string{"drop", "events", "first"}, cli.ExitUsage, "not the number of a generation"},
		{[]string{"status", "--kafka=127.0.0.1:1"}, cli.ExitFailed, "Kafka can't be reached"},
		{[]string{"run", "--telemetry-addr=", "--kafka=127.0.0.1:1"}, cli.ExitFailed, "Kafka can't be reached"},
	} {
		if code, _, said := run(t.Context(), c.args...); code != c.code || !strings.Contains(said, c.says) || strings.Count(said, "Error:") != 1 {
			t.Errorf("%v: %d %s", c.args, code, said)
		}
	}
}
