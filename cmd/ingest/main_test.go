package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/cmd/internal/cli"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
)

func run(t *testing.T, stdin string, args ...string) (code int, said string) {
	t.Helper()
	var out bytes.Buffer
	p := cli.Program{Root: program(), Args: args, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &out}
	return p.Run(t.Context()), out.String()
}

func TestLoadFromTheStandardInput(t *testing.T) {
	t.Parallel()
	broker := embeddedtest.Kafka(t)
	registry := embeddedtest.Registry(t)
	cfg := kafka.Config{Brokers: []string{broker.Addr()}}
	if err := kafka.EnsureTopics(t.Context(), cfg, []string{"bank"}, 3, kafka.Replication{}); err != nil {
		t.Fatal(err)
	}
	rejected := filepath.Join(t.TempDir(), "bad.ndjson")
	args := []string{"load", "-", "--kafka", broker.Addr(), "--registry", registry.URL(), "--partitions", "3", "--rejected", rejected}
	good := `{"type":"bank.account.open","id":"acct-1","data":{"customer_id":"ada","currency":"EUR"}}` + "\n"

	if code, said := run(t, good+good, args...); code != cli.ExitOK || !strings.Contains(said, "2 commands published") {
		t.Errorf("%d %s", code, said)
	}
	code, said := run(t, good+"{not json\n", args...)
	if code != cli.ExitFailed || !strings.Contains(said, "1 commands published") || !strings.Contains(said, rejected) || strings.Contains(said, "Error:") {
		t.Errorf("a bad line: %d %s", code, said)
	}
	if lines, err := os.ReadFile(rejected); err != nil || !strings.Contains(string(lines), `"line":2`) {
		t.Errorf("%s %v", lines, err)
	}
	extents, err := kafka.Extents(t.Context(), cfg, "bank.commands")
	if err != nil {
		t.Fatal(err)
	}
	published := int64(0)
	for _, e := range extents["bank.commands"] {
		published += e.End - e.Start
	}
	if published != 3 {
		t.Errorf("%d records were published, want 3", published)
	}
}

func TestMistakesAreToldBeforeAnythingBegins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"load"}, cli.ExitUsage, "ingest load needs FILE"},
		{[]string{"load", "a", "b"}, cli.ExitUsage, `what is "b"?`},
		{[]string{"load", "-", "--regisry=x"}, cli.ExitUsage, "did you mean --registry?"},
		{[]string{"serve", "--http-addr=0.0.0.0:8080"}, cli.ExitUsage, "--tokens FILE"},
		{[]string{"serve", "--telemetry-addr=", "--kafka=127.0.0.1:1"}, cli.ExitFailed, "Kafka can't be reached"},
	} {
		if code, said := run(t, "", c.args...); code != c.code || !strings.Contains(said, c.says) || strings.Count(said, "Error:") != 1 {
			t.Errorf("%v: %d %s", c.args, code, said)
		}
	}
}
