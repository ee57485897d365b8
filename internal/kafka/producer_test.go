package kafka

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"recount/internal/partition"
)

const producedPartitions = 12

func fakeBroker(t *testing.T, topics ...string) (*kfake.Cluster, Config) {
	t.Helper()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(producedPartitions, topics...))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster, Config{Brokers: cluster.ListenAddrs()}
}

func newProducer(t *testing.T, cfg Config, pc ProducerConfig) *Producer {
	t.Helper()
	p, err := NewProducer(cfg, pc)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	return p
}

// ack is what a callback was given.
type ack struct {
	partition int32
	offset    int64
	err       error
}

func waitAck(t *testing.T, acks <-chan ack) ack {
	t.Helper()
	select {
	case a := <-acks:
		return a
	case <-time.After(2 * time.Minute):
		t.Fatal("the producer never answered")
		return ack{}
	}
}

func collect(acks chan<- ack) func(int32, int64, error) {
	return func(p int32, o int64, err error) { acks <- ack{p, o, err} }
}

// readAll returns the n first records of a topic, by key.
func readAll(t *testing.T, cfg Config, topic string, n int) map[string]*kgo.Record {
	t.Helper()
	cl, err := kgo.NewClient(append(cfg.options(), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	out := map[string]*kgo.Record{}
	for len(out) < n {
		fetched := cl.PollFetches(ctx)
		if err := ctx.Err(); err != nil {
			t.Fatalf("read %d of %d records: %v", len(out), n, err)
		}
		fetched.EachRecord(func(r *kgo.Record) { out[string(r.Key)] = r })
	}
	return out
}

func TestEachCommandLandsInThePartitionItsSenderChose(t *testing.T) {
	t.Parallel()
	_, cfg := fakeBroker(t, "bank.commands")
	p := newProducer(t, cfg, ProducerConfig{})
	const n = 200
	const epoch = 5 // fewer than the topic has: metadata must not be asked
	for i := range n {
		id := fmt.Sprintf("acct-%d", i)
		c := Command{
			Topic: "bank.commands", Partition: partition.Of(id, epoch), Key: []byte(id), Value: []byte("v" + id),
			Headers: []Header{{Key: "traceparent", Value: []byte(id)}},
		}
		err := p.Produce(t.Context(), c, func(got int32, offset int64, err error) {
			if err != nil || got != c.Partition || offset < 0 {
				t.Errorf("%s: acknowledged at %d@%d, %v; want partition %d", id, got, offset, err, c.Partition)
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, r := range readAll(t, cfg, "bank.commands", n) {
		if want := partition.Of(id, epoch); r.Partition != want {
			t.Errorf("%s lies in partition %d, want %d", id, r.Partition, want)
		}
		if string(r.Value) != "v"+id || len(r.Headers) != 1 || string(r.Headers[0].Value) != id {
			t.Errorf("%s: value %q, headers %v", id, r.Value, r.Headers)
		}
		if r.ProducerID < 0 {
			t.Errorf("%s was not produced idempotently", id)
		}
	}
}

// holdProduce makes the broker keep produce requests waiting until release is called.
func holdProduce(t *testing.T, cluster *kfake.Cluster) (release func()) {
	t.Helper()
	held := make(chan struct{})
	cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		cluster.SleepControl(func() { <-held })
		return nil, nil, false
	})
	var once sync.Once
	release = func() { once.Do(func() { close(held) }) }
	t.Cleanup(release)
	return release
}

func TestAFullProducerSaysSoAndRecovers(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeBroker(t, "bank.commands")
	release := holdProduce(t, cluster)
	const room = 8
	p := newProducer(t, cfg, ProducerConfig{BufferedBytesMax: room * (recordOverheadBytes + 2)})
	acks := make(chan ack, 2*room)
	c := Command{Topic: "bank.commands", Key: []byte("k"), Value: []byte("v")}
	for range room {
		if err := p.TryProduce(c, collect(acks)); err != nil {
			t.Fatalf("there was room: %v", err)
		}
	}
	if err := p.TryProduce(c, collect(acks)); !errors.Is(err, ErrOverloaded) {
		t.Fatalf("a full producer answered %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Produce(ctx, c, collect(acks)); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Produce into a full producer: %v", err)
	}
	blocked := make(chan error, 1)
	go func() { blocked <- p.Produce(t.Context(), c, collect(acks)) }()
	release()
	if err := <-blocked; err != nil {
		t.Fatalf("Produce after there was room again: %v", err)
	}
	for range room + 1 {
		if a := waitAck(t, acks); a.err != nil {
			t.Fatal(a.err)
		}
	}
	if err := p.TryProduce(c, collect(acks)); err != nil {
		t.Fatalf("the room was not given back: %v", err)
	}
}

func TestFlushWaitsForTheAcknowledgement(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeBroker(t, "bank.commands")
	release := holdProduce(t, cluster)
	p := newProducer(t, cfg, ProducerConfig{})
	acks := make(chan ack, 1)
	if err := p.TryProduce(Command{Topic: "bank.commands", Value: []byte("v")}, collect(acks)); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := p.Flush(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Flush before the acknowledgement: %v", err)
	}
	release()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case a := <-acks:
		if a.err != nil {
			t.Fatal(a.err)
		}
	default:
		t.Fatal("Flush returned before the callback")
	}
}

func TestARecordThatIsTooLargeIsRefusedAlone(t *testing.T) {
	t.Parallel()
	_, cfg := fakeBroker(t, "bank.commands")
	p := newProducer(t, cfg, ProducerConfig{})
	acks := make(chan ack, 2)
	big := Command{Topic: "bank.commands", Value: make([]byte, RecordBytesMax+1)}
	if err := p.TryProduce(big, collect(acks)); !errors.Is(err, ErrTooLarge) {
		t.Fatalf("over the limit: %v", err)
	}
	// Just under it by its own size, over it with the batch's overhead: the client library finds that.
	big.Value = big.Value[:RecordBytesMax-1]
	if err := p.TryProduce(big, collect(acks)); err != nil {
		t.Fatal(err)
	}
	if a := waitAck(t, acks); !errors.Is(a.err, ErrTooLarge) {
		t.Fatalf("over the limit with its overhead: %v", a.err)
	}
	if err := p.TryProduce(Command{Topic: "bank.commands", Value: []byte("v")}, collect(acks)); err != nil {
		t.Fatal(err)
	}
	if a := waitAck(t, acks); a.err != nil {
		t.Fatalf("the next one: %v", a.err)
	}
}

func TestFailuresSayWhatToDo(t *testing.T) {
	t.Parallel()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	_, reachable := fakeBroker(t, "bank.commands")
	for name, c := range map[string]struct {
		cfg  Config
		to   Command
		says string
	}{
		"no broker":    {Config{Brokers: []string{nobody}}, Command{Topic: "bank.commands"}, "is Kafka running"},
		"no topic":     {reachable, Command{Topic: "shop.commands"}, "make the topics first"},
		"no partition": {reachable, Command{Topic: "bank.commands", Partition: producedPartitions}, "bank.commands/12"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newProducer(t, c.cfg, ProducerConfig{DeliveryTimeout: time.Second})
			acks := make(chan ack, 1)
			if err := p.TryProduce(c.to, collect(acks)); err != nil {
				t.Fatal(err)
			}
			if a := waitAck(t, acks); a.err == nil || !strings.Contains(a.err.Error(), c.says) {
				t.Fatalf("answered %v, want %q", a.err, c.says)
			}
		})
	}
}

func TestPing(t *testing.T) {
	t.Parallel()
	cluster, cfg := fakeBroker(t)
	p := newProducer(t, cfg, ProducerConfig{})
	if err := p.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	cluster.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if err := p.Ping(ctx); err == nil {
		t.Fatal("a broker that is gone answered")
	}
}
