package aggregator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
	"recount/internal/statestore"
	"recount/internal/worker/aggregator"
)

const partitions = 4

// pipeline is a broker with a bank's topics, and as many workers as a test starts.
type pipeline struct {
	t      *testing.T
	broker *embedded.Kafka
	cfg    kafka.Config
	codec  *serde.Codec
	out    *kafka.Producer
}

func newPipeline(t *testing.T) *pipeline {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	p := &pipeline{t: t, broker: broker, cfg: kafka.Config{Brokers: []string{broker.Addr()}}, codec: serdetest.Codec(t)}
	if err := kafka.EnsureTopics(t.Context(), p.cfg, []string{"bank"}, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	var err error
	if p.out, err = kafka.NewProducer(p.cfg, kafka.ProducerConfig{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.out.Close)
	return p
}

// send publishes a command; to overrides the partition it lands in, -1: the right one.
func (p *pipeline) send(to int32, kind, id, commandID, data string, edit ...func(*es.CommandMeta)) {
	p.t.Helper()
	meta := es.CommandMeta{AggregateID: id, CommandID: commandID}
	for _, e := range edit {
		e(&meta)
	}
	frame, err := p.codec.CommandFromJSON("bank.account."+kind, meta, []byte(data))
	if err != nil {
		p.t.Fatal(err)
	}
	if to < 0 {
		to = partition.Of(id, partitions)
	}
	p.raw(to, id, frame)
}

func (p *pipeline) raw(to int32, key string, frame []byte) {
	p.t.Helper()
	if err := p.out.Produce(p.t.Context(), kafka.Command{Topic: "bank.commands", Partition: to, Key: []byte(key), Value: frame}, func(_ int32, _ int64, err error) {
		if err != nil {
			p.t.Error(err)
		}
	}); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pipeline) flush() {
	p.t.Helper()
	if err := p.out.Flush(p.t.Context()); err != nil {
		p.t.Fatal(err)
	}
}

// worker is one aggregator process, as far as a test can make one in its own.
type worker struct {
	w    *aggregator.Worker
	stop func() error
	done chan error
}

func (p *pipeline) config(instance string, root statestore.Root) aggregator.Config {
	return aggregator.Config{
		Context: "bank", Codec: p.codec.Context("bank"), Schemas: p.codec, Kafka: p.cfg, Partitions: partitions, Instance: instance,
		Leases:     statestore.NewLeases(root, func(r statestore.Reader) (int64, error) { return engine.StoredPosition(r) }),
		FlushEvery: 50 * time.Millisecond,
	}
}

func (p *pipeline) start(cfg aggregator.Config) *worker {
	p.t.Helper()
	w, err := aggregator.New(p.t.Context(), cfg)
	if err != nil {
		p.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(p.t.Context())
	r := &worker{w: w, done: make(chan error, 1)}
	go func() { r.done <- w.Run(ctx) }()
	r.stop = sync.OnceValue(func() error {
		cancel()
		if err := <-r.done; !errors.Is(err, errBroken) { // whoever is told to stop while its last end is broken says so
			return err
		}
		return nil
	})
	p.t.Cleanup(func() {
		if err := r.stop(); err != nil {
			p.t.Error(err)
		}
	})
	return r
}

// log returns everything committed to a topic, waiting until it holds at least n records.
func (p *pipeline) log(topic string, n int) []*kafka.Record {
	p.t.Helper()
	deadline := time.Now().Add(2 * time.Minute)
	for {
		got := p.read(topic)
		if len(got) >= n {
			return got
		}
		if time.Now().After(deadline) {
			p.t.Fatalf("%s holds %d records, want %d", topic, len(got), n)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (p *pipeline) read(topic string) []*kafka.Record {
	p.t.Helper()
	found, err := kafka.Extents(p.t.Context(), p.cfg, topic)
	if err != nil {
		p.t.Fatal(err)
	}
	var spans []kafka.Span
	for n, e := range found[topic] {
		spans = append(spans, kafka.Span{Topic: topic, Partition: n, From: e.Start, Until: e.Stable})
	}
	var out []*kafka.Record
	if err := kafka.Replay(p.t.Context(), p.cfg, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		out = append(out, records...)
		return nil
	}); err != nil {
		p.t.Fatal(err)
	}
	return out
}

// events decodes the event topic and checks what must hold of any log: versions contiguous, no event twice, each in its partition.
func (p *pipeline) events(n int) []engine.Event {
	p.t.Helper()
	var out []engine.Event
	next := map[string]int64{}
	seen := map[es.ID]bool{}
	for _, r := range p.log("bank.events", n) {
		e, err := p.codec.Context("bank").DecodeEvent(r.Value)
		if err != nil {
			p.t.Fatal(err)
		}
		key := e.Aggregate.Name() + "/" + e.Meta.AggregateID
		next[key]++
		if e.Meta.Version != next[key] {
			p.t.Errorf("%s: version %d in place %d", key, e.Meta.Version, next[key])
		}
		if seen[e.Meta.EventID] {
			p.t.Errorf("%s: event %v twice", key, e.Meta.EventID)
		}
		seen[e.Meta.EventID] = true
		if r.Partition != partition.Of(e.Meta.AggregateID, partitions) {
			p.t.Errorf("%s lies in partition %d", key, r.Partition)
		}
		out = append(out, e)
	}
	return out
}

func (p *pipeline) openAccounts(n int) {
	for i := range n {
		p.send(-1, "open", fmt.Sprint("acct-", i), fmt.Sprint("open-", i), `{"customer_id":"ada","currency":"EUR"}`)
	}
}

// deposit sends count deposits of one cent to each of n accounts, with a retry of every tenth.
func (p *pipeline) deposit(n, count int, tag string) {
	for c := range count {
		for i := range n {
			id := fmt.Sprintf("%s-%d-%d", tag, i, c)
			p.send(-1, "deposit", fmt.Sprint("acct-", i), id, `{"amount":1,"currency":"EUR","reference":"x"}`)
			if (c+i)%10 == 0 {
				p.send(-1, "deposit", fmt.Sprint("acct-", i), id, `{"amount":1,"currency":"EUR","reference":"x"}`)
			}
		}
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within 30 s", what)
		}
	}
}

// replies collects answers.
type replies struct {
	mu  sync.Mutex
	got []answer
}

type answer struct {
	engine.Answer
	position string
	events   int
}

func (r *replies) Reply(a *engine.Answer, position string, events [][]byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, answer{*a, position, len(events)})
}

func (r *replies) all() []answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}
