package timeline

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/local"
	"recount/domain/bank/account"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
)

const partitions = 3

// TestTheCommand inspects an account in a real log, as a person would.
func TestTheCommand(t *testing.T) {
	t.Parallel()
	services, err := local.Start(t.Context(), local.Options{DataDir: t.TempDir(), Start: []local.Service{local.Kafka, local.Registry}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := services.Stop(); err != nil {
			t.Error(err)
		}
	})
	write(t, services)
	inspect := func(args ...string) (code int, out, errs string) {
		t.Helper()
		var stdout, stderr bytes.Buffer
		p := cli.Program{
			Root: cli.Group("aggregator", "", "", "", Command()), Args: append([]string{"inspect"}, args...),
			Environ: []string{
				"RECOUNT_KAFKA=" + services.Address(local.Kafka), "RECOUNT_REGISTRY=http://" + services.Address(local.Registry), "RECOUNT_PARTITIONS=3",
			},
			Stdin: strings.NewReader(""), Stdout: &stdout, Stderr: &stderr,
		}
		code = p.Run(t.Context())
		return code, stdout.String(), stderr.String()
	}
	if code, out, errs := inspect("account", "acct-1"); code != cli.ExitOK || !strings.Contains(out, "version 3\n") || !strings.Contains(out, "balance          540") {
		t.Errorf("exit %d\n%s%s", code, out, errs)
	}
	code, out, errs := inspect("account", "acct-1", "--version", "2", "--json")
	var doc document
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != cli.ExitOK || len(doc.Events) != 2 || !strings.Contains(string(doc.Events[1].Event), `"amount": 500`) {
		t.Errorf("exit %d: %v\n%s%s", code, err, out, errs)
	}
	for want, args := range map[string][]string{
		"no event of account \"Acct-1\"": {"account", "Acct-1"},
		"there are: account, customer":   {"acount", "acct-1"},
		"there are: bank, shop":          {"account", "acct-1", "--context", "ship"},
		"--partitions says 4":            {"account", "acct-1", "--partitions", "4"},
		"versions 0 to 3":                {"account", "acct-1", "--version", "4"},
		"give one of them":               {"account", "acct-1", "--version", "4", "--diff", "1..2"},
		"needs ID":                       {"account"},
		"--diff":                         {"account", "acct-1", "--dif", "1..2"},
	} {
		if code, out, errs := inspect(args...); code == cli.ExitOK || !strings.Contains(errs, want) || out != "" {
			t.Errorf("%v: exit %d, want it to say %q\n%s%s", args, code, want, out, errs)
		}
	}
}

// write puts the events of an account into the log.
func write(t *testing.T, services *local.Services) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	catalog := serdetest.Catalog(t)
	registry, err := serde.NewRegistry("http://" + services.Address(local.Registry))
	if err != nil {
		t.Fatal(err)
	}
	defer registry.Close()
	codec, err := catalog.Register(ctx, registry, nil)
	if err != nil {
		t.Fatal(err)
	}
	cfg := kafka.Config{Brokers: []string{services.Address(local.Kafka)}}
	if err := kafka.EnsureTopics(ctx, cfg, []string{"bank"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	producer, err := kafka.NewProducer(cfg, kafka.ProducerConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer producer.Close()
	for i, e := range []account.Event{
		account.AccountOpened{CustomerID: "ada", Currency: "EUR"},
		account.FundsDeposited{CustomerID: "ada", Amount: 500, Currency: "EUR", BalanceAfter: 500, StatusAfter: account.StatusOpen},
		account.FundsDeposited{CustomerID: "ada", Amount: 40, Currency: "EUR", BalanceAfter: 540, StatusAfter: account.StatusOpen},
	} {
		meta := es.Meta{AggregateID: "acct-1", Version: int64(i + 1), CommandID: "c", RecordedAt: day}
		frame, _, _, err := codec.Context("bank").AppendEvent(nil, account.Type(), &meta, e)
		if err != nil {
			t.Fatal(err)
		}
		c := kafka.Command{Topic: "bank.events", Partition: partition.Of("acct-1", partitions), Key: []byte("account/acct-1/" + string(rune('1'+i))), Value: frame}
		if err := producer.Produce(ctx, c, func(_ int32, _ int64, err error) {
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
