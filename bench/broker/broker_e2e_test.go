//go:build e2e

package broker

import (
	"context"
	"net"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/kafka"
)

func begin(t *testing.T, o Options) *Broker {
	t.Helper()
	o.HeapBytes, o.Progress = 512<<20, func(s string) { t.Log(s) }
	b, err := Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := b.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
	return b
}

func client(t *testing.T, b *Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	cl, err := kgo.NewClient(append(opts, kgo.SeedBrokers(b.Addr()))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cl.Close)
	return cl
}

func TestABrokerKeepsWhatItWasGivenWhenItIsKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first := begin(t, Options{Dir: dir})
	if err := kafka.EnsureTopics(t.Context(), kafka.Config{Brokers: []string{first.Addr()}}, []string{"trial"}, 2, kafka.Replication{}); err != nil {
		t.Fatal(err)
	}
	record := &kgo.Record{Topic: "trial.commands", Value: []byte("kept")}
	if err := client(t, first).ProduceSync(t.Context(), record).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(first.Addr())
	if err != nil {
		t.Fatal(err)
	}
	number, err := strconv.Atoi(port)
	if err != nil {
		t.Fatal(err)
	}
	second := begin(t, Options{Dir: dir, Port: number})
	if second.Addr() != first.Addr() {
		t.Fatalf("it came back on %s, not on %s", second.Addr(), first.Addr())
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	got := client(t, second, kgo.ConsumeTopics("trial.commands"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())).PollFetches(ctx)
	if err := got.Err(); err != nil || got.NumRecords() != 1 || string(got.Records()[0].Value) != "kept" {
		t.Errorf("after the restart: %d records, %v", got.NumRecords(), err)
	}
}

func TestStopRemovesATemporaryFolder(t *testing.T) {
	t.Parallel()
	b := begin(t, Options{Variant: Shipped})
	if err := b.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(b.Dir()); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", b.Dir(), err)
	}
}

func TestABrokerThatCannotStartSaysWhy(t *testing.T) {
	t.Parallel()
	_, err := Start(t.Context(), Options{Settings: map[string]string{"num.io.threads": "none"}})
	if err == nil || !strings.Contains(err.Error(), "num.io.threads") {
		t.Errorf("Start with a setting that is none: %v", err)
	}
}
