package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/embedded"
)

func startKafka(t *testing.T, o embedded.KafkaOptions) *embedded.Kafka {
	t.Helper()
	k, err := embedded.StartKafka(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := k.Close(); err != nil {
			t.Error(err)
		}
	})
	return k
}

func kafkaClient(t *testing.T, address string, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append(opts, kgo.SeedBrokers(address))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

func createTopic(t *testing.T, client *kgo.Client, topic string, configs map[string]*string) {
	t.Helper()
	if _, err := kadm.NewClient(client).CreateTopic(soon(t), 1, -1, configs, topic); err != nil {
		t.Fatal(err)
	}
}

func produce(t *testing.T, client *kgo.Client, topic string, keysAndValues ...string) {
	t.Helper()
	for i := 0; i < len(keysAndValues); i += 2 {
		record := &kgo.Record{Topic: topic, Key: []byte(keysAndValues[i]), Value: []byte(keysAndValues[i+1])}
		if err := client.ProduceSync(soon(t), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
}

// readAll reads a one-partition topic to its end and returns its values.
func readAll(t *testing.T, address, topic string, opts ...kgo.Opt) []string {
	t.Helper()
	client := kafkaClient(t, address, append(opts, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{
		topic: {0: kgo.NewOffset().AtStart()},
	}), kgo.KeepControlRecords())...)
	ends, err := kadm.NewClient(client).ListCommittedOffsets(soon(t), topic)
	if err != nil {
		t.Fatal(err)
	}
	end, ok := ends.Lookup(topic, 0)
	if !ok {
		t.Fatalf("no end offset of %s", topic)
	}
	var values []string
	for next := int64(0); next < end.Offset; {
		fetches := client.PollFetches(soon(t))
		if err := fetches.Err(); err != nil {
			t.Fatalf("read %s: %v", topic, err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() {
				values = append(values, string(r.Value))
			}
		})
	}
	return values
}

func commit(t *testing.T, client *kgo.Client, group, topic string, at int64) {
	t.Helper()
	offsets := kadm.Offsets{}
	offsets.AddOffset(topic, 0, at, -1)
	if err := kadm.NewClient(client).CommitAllOffsets(soon(t), group, offsets); err != nil {
		t.Fatal(err)
	}
}

func committed(t *testing.T, client *kgo.Client, group, topic string) int64 {
	t.Helper()
	offsets, err := kadm.NewClient(client).FetchOffsets(soon(t), group)
	if err != nil {
		t.Fatal(err)
	}
	offset, ok := offsets.Lookup(topic, 0)
	if !ok {
		t.Fatalf("group %s has no offset", group)
	}
	return offset.At
}

func TestKafkaContinuesWhereItStopped(t *testing.T) {
	t.Parallel()
	o := embedded.KafkaOptions{DataDir: t.TempDir()}
	first, err := embedded.StartKafka(o)
	if err != nil {
		t.Fatal(err)
	}
	client := kafkaClient(t, first.Addr())
	createTopic(t, client, "bank.events", nil)
	produce(t, client, "bank.events", "a", "1", "b", "2")
	commit(t, client, "readers", "bank.events", 1)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}

	again := startKafka(t, o)
	if got := fmt.Sprint(readAll(t, again.Addr(), "bank.events")); got != "[1 2]" {
		t.Errorf("records after the restart: %s", got)
	}
	if at := committed(t, kafkaClient(t, again.Addr()), "readers", "bank.events"); at != 1 {
		t.Errorf("committed offset after the restart: %d, want 1", at)
	}
}

func TestKafkaInMemoryForgets(t *testing.T) {
	t.Parallel()
	first, err := embedded.StartKafka(embedded.KafkaOptions{})
	if err != nil {
		t.Fatal(err)
	}
	createTopic(t, kafkaClient(t, first.Addr()), "bank.events", nil)
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := startKafka(t, embedded.KafkaOptions{})
	topics, err := kadm.NewClient(kafkaClient(t, again.Addr())).ListTopics(soon(t))
	if err != nil || len(topics) != 0 {
		t.Errorf("topics of a new broker in memory: %v, %v", topics.Names(), err)
	}
}

func TestKafkaPortTaken(t *testing.T) {
	t.Parallel()
	first := startKafka(t, embedded.KafkaOptions{})
	o := embedded.KafkaOptions{Port: portOf(t, first.Addr())}
	if _, err := embedded.StartKafka(o); err == nil || !strings.Contains(err.Error(), "choose another port") {
		t.Errorf("a second broker on the same port: %v", err)
	}
}

func TestKafkaHidesAbortedTransactions(t *testing.T) {
	t.Parallel()
	k := startKafka(t, embedded.KafkaOptions{DataDir: t.TempDir()})
	client := kafkaClient(t, k.Addr(), kgo.TransactionalID("books"), kgo.DefaultProduceTopic("bank.events"))
	createTopic(t, client, "bank.events", nil)
	for value, end := range map[string]kgo.TransactionEndTry{"aborted": kgo.TryAbort, "committed": kgo.TryCommit} {
		if err := client.BeginTransaction(); err != nil {
			t.Fatal(err)
		}
		// A synchronous produce has left the client's buffer; an abort of what has not would prove nothing.
		if err := client.ProduceSync(soon(t), kgo.StringRecord(value)).FirstErr(); err != nil {
			t.Fatal(err)
		}
		if err := client.EndTransaction(soon(t), end); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(readAll(t, k.Addr(), "bank.events", kgo.FetchIsolationLevel(kgo.ReadCommitted()))); got != "[committed]" {
		t.Errorf("read_committed sees %s", got)
	}
	if got := readAll(t, k.Addr(), "bank.events"); len(got) != 2 {
		t.Errorf("read_uncommitted sees %v, want both: the abort proved nothing", got)
	}
}

func TestKafkaCompactsOnDemand(t *testing.T) {
	t.Parallel()
	k := startKafka(t, embedded.KafkaOptions{DataDir: t.TempDir()})
	client := kafkaClient(t, k.Addr())
	createTopic(t, client, "bank.snapshots", map[string]*string{"cleanup.policy": kadm.StringPtr("compact")})
	produce(t, client, "bank.snapshots", "a", "old", "a", "new", "b", "last")
	if got := len(readAll(t, k.Addr(), "bank.snapshots")); got != 3 {
		t.Fatalf("%d records before compaction, want 3", got)
	}
	k.Compact()
	if got := fmt.Sprint(readAll(t, k.Addr(), "bank.snapshots")); got != "[new last]" {
		t.Errorf("after compaction: %s", got)
	}
}

func TestKafkaRefusesWhatATestTellsItTo(t *testing.T) {
	t.Parallel()
	k := startKafka(t, embedded.KafkaOptions{})
	client := kafkaClient(t, k.Addr(), kgo.RecordRetries(0))
	createTopic(t, client, "bank.events", nil)
	k.Cluster().Fault(kfake.Fault{Err: kerr.MessageTooLarge, Topic: "bank.events"})
	err := client.ProduceSync(soon(t), &kgo.Record{Topic: "bank.events"}).FirstErr()
	if !errors.Is(err, kerr.MessageTooLarge) {
		t.Errorf("produce with an injected fault: %v", err)
	}
}

func TestKafkaProcessOutlivesAKillOfNothingElse(t *testing.T) {
	t.Parallel()
	o := embedded.KafkaOptions{DataDir: t.TempDir()}
	first, err := embedded.StartKafkaProcess(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	client := kafkaClient(t, first.Addr())
	createTopic(t, client, "bank.events", nil)
	produce(t, client, "bank.events", "a", "1")
	if err := first.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := first.Err(); err != nil {
		t.Errorf("a kill that was asked for is no failure: %v", err)
	}

	o.Port = portOf(t, first.Addr())
	again, err := embedded.StartKafkaProcess(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	// The same client finds the broker again.
	produce(t, client, "bank.events", "b", "2")
	if got := fmt.Sprint(readAll(t, again.Addr(), "bank.events")); got != "[1 2]" {
		t.Errorf("after kill -9 and a restart: %s", got)
	}
	if err := again.Stop(soon(t)); err != nil {
		t.Error(err)
	}
}

func TestServeKafkaEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Minute)
	defer cancel()
	var address string
	err := embedded.ServeKafka(ctx, embedded.KafkaOptions{DataDir: t.TempDir()}, func(a string) {
		address = a
		cancel()
	})
	if err != nil || address == "" {
		t.Errorf("ServeKafka at %q: %v", address, err)
	}
}
