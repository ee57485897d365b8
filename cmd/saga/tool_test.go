package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
)

// bank is a broker and a registry with an aggregator on them; the program under test does the rest.
type bank struct {
	services cli.Services
	flags    []string
}

func newBank(t *testing.T) *bank {
	t.Helper()
	broker, registry := embeddedtest.Kafka(t), embeddedtest.Registry(t)
	b := &bank{services: cli.DefaultServices()}
	b.services.Kafka, b.services.Registry, b.services.Partitions = []string{broker.Addr()}, registry.URL(), 2
	b.flags = []string{"--kafka=" + broker.Addr(), "--registry=" + registry.URL(), "--partitions=2"}
	b.serve(t, func(ctx context.Context) error {
		p, a := role.NewProcess(""), role.NewAggregator()
		p.Services, a.State = b.services, t.TempDir()
		return p.Run(ctx, b.process(), role.Of(a.Open))
	})
	return b
}

func (b *bank) process() *cli.Process {
	return &cli.Process{Name: "test", Log: slog.New(slog.DiscardHandler), Stdin: strings.NewReader(""), Stdout: io.Discard, Stderr: io.Discard}
}

// serve runs something until the test ends.
func (b *bank) serve(t *testing.T, run func(context.Context) error) {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// send publishes commands: wire name, aggregate ID, data.
func (b *bank) send(t *testing.T, commands ...[3]string) {
	t.Helper()
	err := role.With(t.Context(), b.process(), b.services, func(ctx context.Context, f *role.Foundation) error {
		out, err := kafka.NewProducer(f.Kafka, kafka.ProducerConfig{})
		if err != nil {
			return err
		}
		defer out.Close()
		for i, c := range commands {
			frame, err := f.Codec.CommandFromJSON(c[0], es.CommandMeta{CommandID: fmt.Sprint(c[1], i), AggregateID: c[1]}, []byte(c[2]))
			if err != nil {
				return err
			}
			to := kafka.Command{Topic: "bank.commands", Partition: partition.Of(c[1], 2), Key: []byte(c[1]), Value: frame}
			if err := out.Produce(ctx, to, func(_ int32, _ int64, err error) {
				if err != nil {
					t.Error(err)
				}
			}); err != nil {
				return err
			}
		}
		return out.Flush(ctx)
	})
	if err != nil {
		t.Fatal(err)
	}
}

// until asks again until an answer holds what is looked for.
func (b *bank) until(t *testing.T, want string, args ...string) string {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		code, out, said := ask(t.Context(), append(args, b.flags...)...)
		if code == 0 && strings.Contains(out, want) {
			return out
		}
		if time.Now().After(deadline) {
			t.Fatalf("saga %s says %d, %s%s; want %q", strings.Join(args, " "), code, out, said, want)
		}
	}
}

func TestOperatorsSeeAndSteerSagas(t *testing.T) {
	t.Parallel()
	b := newBank(t)
	b.serve(t, func(ctx context.Context) error {
		code, _, said := ask(ctx, append([]string{"run", "--state", t.TempDir(), "--telemetry-addr=", "--create-topics"}, b.flags...)...)
		if code != 0 {
			return fmt.Errorf("saga run: %d, %s", code, said)
		}
		return nil
	})
	b.until(t, "", "list")
	b.send(t,
		[3]string{"bank.account.open", "a", `{"customer_id":"ada","currency":"EUR"}`},
		[3]string{"bank.account.deposit", "a", `{"amount":100,"currency":"EUR"}`},
		[3]string{"bank.account.open", "b", `{"customer_id":"bob","currency":"EUR"}`})
	b.send(t,
		[3]string{"bank.transfer.request", "t-1", `{"from_account":"a","to_account":"b","amount":40,"currency":"EUR"}`},
		[3]string{"bank.transfer.request", "t-2", `{"from_account":"a","to_account":"nobody","amount":10,"currency":"EUR"}`})
	b.until(t, `"id": "t-1"`, "list", "--state=completed", "--json")
	b.until(t, "t-2", "list", "--state=compensated")
	if out := b.until(t, "compensated", "show", "money_transfer", "t-2"); !strings.Contains(out, "account/not-open") ||
		!strings.Contains(out, "bank/money_transfer/t-2/withdraw.0.undo#1") {
		t.Errorf("the history does not say why, or what was undone:\n%s", out)
	}
	for order, says := range map[string]string{"retry": "process/ended", "compensate": "process/ended"} {
		code, _, said := ask(t.Context(), append([]string{order, "money_transfer", "t-1"}, b.flags...)...)
		if code == 0 || !strings.Contains(said, says) {
			t.Errorf("saga %s of one that has ended: %d, %s", order, code, said)
		}
	}
	if code, _, said := ask(t.Context(), append([]string{"show", "money_transfer", "t-3"}, b.flags...)...); code == 0 || !strings.Contains(said, "no instance") {
		t.Errorf("showing what is not there: %d, %s", code, said)
	}
}
