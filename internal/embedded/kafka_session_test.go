package embedded_test

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/embedded"
)

// TestKafkaGroupSessions copies a topic with two transactional, cooperative group sessions at once, restarts the broker
// on the way, and finds every record once.
func TestKafkaGroupSessions(t *testing.T) {
	t.Parallel()
	const records, partitions = 300, 4
	o := embedded.KafkaOptions{DataDir: t.TempDir()}
	first, err := embedded.StartKafka(o)
	if err != nil {
		t.Fatal(err)
	}
	producer := kafkaClient(t, first.Addr())
	if _, err := kadm.NewClient(producer).CreateTopics(soon(t), partitions, -1, nil, "in"); err != nil {
		t.Fatal(err)
	}
	createTopic(t, producer, "out", nil)
	for i := range records {
		produce(t, producer, "in", strconv.Itoa(i), strconv.Itoa(i))
	}

	var copied atomic.Int64
	copyWith(t, first.Addr(), &copied, records/2, "one", "two")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	again := startKafka(t, o)
	copyWith(t, again.Addr(), &copied, records, "one", "three")

	seen := map[string]int{}
	for _, value := range readAll(t, again.Addr(), "out", kgo.FetchIsolationLevel(kgo.ReadCommitted())) {
		seen[value]++
	}
	for i := range records {
		if n := seen[strconv.Itoa(i)]; n != 1 {
			t.Errorf("record %d was copied %d times", i, n)
		}
	}
	if n := copied.Load(); n != records {
		t.Errorf("%d records were committed, want %d", n, records)
	}
}

// copyWith copies from in to out with one session for each ID, at once, until enough is copied.
func copyWith(t *testing.T, address string, copied *atomic.Int64, enough int64, ids ...string) {
	t.Helper()
	var group sync.WaitGroup
	for _, id := range ids {
		group.Go(func() {
			if err := copyUntil(soon(t), address, id, copied, enough); err != nil {
				t.Errorf("session %s: %v", id, err)
			}
		})
	}
	group.Wait()
}

func copyUntil(ctx context.Context, address, id string, copied *atomic.Int64, enough int64) error {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(address), kgo.TransactionalID(id), kgo.ConsumerGroup("copiers"), kgo.ConsumeTopics("in"),
		kgo.Balancers(kgo.CooperativeStickyBalancer()), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.DefaultProduceTopic("out"),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.SessionTimeout(2*time.Second), kgo.HeartbeatInterval(100*time.Millisecond),
	)
	if err != nil {
		return err
	}
	defer session.Close()
	for copied.Load() < enough {
		polled, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
		fetches := session.PollRecords(polled, 20)
		cancel()
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err := session.Begin(); err != nil {
			return err
		}
		fetches.EachRecord(func(r *kgo.Record) { session.Produce(ctx, &kgo.Record{Value: r.Value}, nil) })
		if err := session.Client().Flush(ctx); err != nil {
			return err
		}
		committed, err := session.End(ctx, kgo.TryCommit) // not committed: a rebalance came between, and the records come again
		if err != nil {
			return err
		}
		if committed {
			copied.Add(int64(fetches.NumRecords()))
		}
	}
	return nil
}

func TestKafkaOnAVirtualNetwork(t *testing.T) {
	t.Parallel()
	var network kfake.VirtualNetwork
	k := startKafka(t, embedded.KafkaOptions{Port: 9092, ListenFn: network.Listen})
	if k.Addr() != "localhost:9092" {
		t.Errorf("it listens on %s", k.Addr())
	}
	client := kafkaClient(t, k.Addr(), kgo.Dialer(network.DialContext))
	createTopic(t, client, "bank.events", nil)
	produce(t, client, "bank.events", "a", "1")
	if _, err := embedded.StartKafkaProcess(context.Background(), embedded.KafkaOptions{ListenFn: network.Listen}); err == nil {
		t.Error("a process started on a network that exists in this one only")
	}
	if got := fmt.Sprint(readAll(t, k.Addr(), "bank.events", kgo.Dialer(network.DialContext))); got != "[1]" {
		t.Errorf("read %s", got)
	}
}
