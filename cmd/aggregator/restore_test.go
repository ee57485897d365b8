package main

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/domain/bank/account"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
)

// bankIn is a log with the events of some accounts, and the flags that lead to it.
func bankIn(t *testing.T, accounts int) (flags []string) {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	registry := embeddedtest.Registry(t)
	open(t, kafka.Config{Brokers: []string{broker.Addr()}}, registry.URL(), accounts)
	return []string{"--kafka", broker.Addr(), "--registry", registry.URL(), "--partitions", "2", "--context", "bank"}
}

// open writes the events of accounts that were opened, and paid into.
func open(t *testing.T, cfg kafka.Config, registryURL string, accounts int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	catalog := serdetest.Catalog(t)
	registry, err := serde.NewRegistry(registryURL)
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	codec, err := catalog.Register(ctx, registry, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := kafka.EnsureTopics(ctx, cfg, []string{"bank"}, 2, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	producer, err := kafka.NewProducer(cfg, kafka.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for n := range 2 * accounts {
		id, version := fmt.Sprint("acct-", n/2), int64(1+n%2)
		var e account.Event = account.AccountOpened{CustomerID: "ada", Currency: "EUR"}
		if version == 2 {
			e = account.FundsDeposited{CustomerID: "ada", Amount: 5, Currency: "EUR", BalanceAfter: 5, StatusAfter: account.StatusOpen}
		}
		meta := es.Meta{AggregateID: id, Version: version, CommandID: fmt.Sprint("c", n), RecordedAt: 1_700_000_000_000}
		frame, _, _, err := codec.Context("bank").AppendEvent(nil, account.Type(), &meta, e)
		if err != nil {
			t.Fatal(err)
		}
		if err := producer.Produce(ctx, kafka.Command{
			Topic: "bank.events", Partition: partition.Of(id, 2), Key: fmt.Appendf(nil, "account/%s/%d", id, version), Value: frame,
		}, func(_ int32, _ int64, err error) {
			if err != nil {
				t.Error(err)
			}
		}); err != nil {
			t.Fatal(err)
		}
	}
	if err := producer.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// aggregator runs until stop is called.
func aggregator(t *testing.T, flags []string, state string) (stop func()) {
	t.Helper()
	health := freeAddress(t)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan string, 1)
	go func() {
		// The events were written without their commands, so no group has a place in these.
		code, said := run(ctx, append([]string{"run", "--accept-lost-commands", "--state", state, "--telemetry-addr", health}, flags...)...)
		ended <- fmt.Sprint(code, " ", said)
	}()
	awaitReady(t, "http://"+health+"/readyz", nil, ended)
	return func() {
		cancel()
		if got := <-ended; !strings.HasPrefix(got, "0 ") {
			t.Errorf("stopped: %s", got)
		}
	}
}

func restore(ctx context.Context, flags []string, more ...string) (code int, stdout, stderr string) {
	var out, errs bytes.Buffer
	p := cli.Program{Root: program(), Args: append(append([]string{"restore"}, flags...), more...), Stdout: &out, Stderr: &errs}
	code = p.Run(ctx)
	return code, out.String(), errs.String()
}

func TestRestore(t *testing.T) {
	t.Parallel()
	const accounts = 40
	flags := bankIn(t, accounts)
	aggregator(t, flags, t.TempDir())() // leaves a checkpoint
	state := t.TempDir()
	for _, c := range []struct {
		args       []string
		partitions int
		from       string
		read       int // snapshots from snapshots, events from zero
	}{
		{nil, 2, "snapshots", accounts},
		{[]string{"--from-zero"}, 2, "zero", 2 * accounts},
		{[]string{"--partition", "0", "--partition", "1", "--partition=1"}, 2, "snapshots", accounts},
	} {
		code, out, errs := restore(t.Context(), flags, append(c.args, "--state", state)...)
		if code != cli.ExitOK || !strings.Contains(out, fmt.Sprintf("bank: %d partitions in ", c.partitions)) {
			t.Fatalf("%v: exit %d\n%s%s", c.args, code, out, errs)
		}
		read, rows := 0, regexp.MustCompile(`(?m)^ +(\d+)  `+c.from+` +(\d+) +(\d+) +[\d.]+ s$`).FindAllStringSubmatch(out, -1)
		for _, row := range rows {
			var snapshots, events int
			if _, err := fmt.Sscan(row[2], &snapshots); err != nil {
				t.Fatal(err)
			}
			if _, err := fmt.Sscan(row[3], &events); err != nil {
				t.Fatal(err)
			}
			if read += snapshots; c.from == "zero" {
				read += events
			}
		}
		if len(rows) != c.partitions || read != c.read {
			t.Errorf("%v: %d partitions from %s, %d read, want %d\n%s", c.args, len(rows), c.from, read, c.read, out)
		}
	}
	aggregator(t, flags, state)() // goes on from it
}

func TestRestoreSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	flags := bankIn(t, 1)
	state := t.TempDir()
	stop := aggregator(t, flags, state)
	defer stop()
	for _, c := range []struct {
		args []string
		code int
		says string
	}{
		{[]string{"--state", state}, cli.ExitFailed, "another worker runs on --state " + state + "; stop it first"},
		{[]string{"--partition", "2"}, cli.ExitUsage, "there is no partition 2; there are 0 to 1"},
		{[]string{"--partition", "-1"}, cli.ExitUsage, "there is no partition -1"},
		{[]string{"--context", "ship"}, cli.ExitUsage, "there is no context"},
		{[]string{"--partitions", "3", "--state", t.TempDir()}, cli.ExitFailed, "has 2 partitions, --partitions says 3"},
		{[]string{"--from-zer"}, cli.ExitUsage, "--from-zero?"},
		{[]string{"everything"}, cli.ExitUsage, "takes only flags"},
	} {
		code, out, errs := restore(t.Context(), flags, c.args...)
		if code != c.code || !strings.Contains(errs, c.says) || strings.Count(errs, "Error:") != 1 || out != "" {
			t.Errorf("%v: exit %d, want it to say %q\n%s%s", c.args, code, c.says, out, errs)
		}
	}
}

// A file of settings that aggregator run takes is one that aggregator restore takes.
func TestRestoreTakesTheSettingsOfRun(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	root := program()
	for _, c := range root.Commands() {
		if c.Name() != "restore" {
			continue
		}
		for _, name := range []string{"sessions", "flush", "clickhouse"} {
			if f := c.Flags().Lookup(name); f == nil || !f.Hidden {
				t.Errorf("--%s: %+v", name, f)
			}
		}
		c.SetOut(&out)
		if err := c.Help(); err != nil {
			t.Fatal(err)
		}
	}
	if text := out.String(); !strings.Contains(text, "--from-zero") || strings.Contains(text, "--sessions") {
		t.Error(text)
	}
}
