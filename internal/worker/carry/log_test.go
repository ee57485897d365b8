package carry_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"recount/domain"
	"recount/domain/bank/account"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
	"recount/internal/serde/serdetest"
	"recount/internal/worker/carry"
	"recount/internal/worker/verify"
)

const partitions = 3

// cluster is a broker with topics, and perhaps with events of accounts.
type cluster struct {
	t      *testing.T
	cfg    kafka.Config
	codec  *serde.Codec
	out    *kafka.Appender
	chains map[string]es.Hash
	events map[string]int64
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	c := &cluster{t: t, cfg: kafka.Config{Brokers: []string{broker.Addr()}}, codec: serdetest.Codec(t), chains: map[string]es.Hash{}, events: map[string]int64{}}
	var names []string
	for _, context := range domain.Contexts() {
		names = append(names, context.Name)
	}
	if err := kafka.EnsureTopics(t.Context(), c.cfg, names, partitions, kafka.Replication{Factor: 1}); err != nil {
		t.Fatal(err)
	}
	var err error
	if c.out, err = kafka.NewAppender(c.cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.out.Close)
	return c
}

// history is when the events were recorded.
func history() time.Time { return time.Date(2020, 2, 29, 12, 0, 0, 0, time.UTC) }

// deposit writes the next event of an account, which alter may change after it was linked.
func (c *cluster) deposit(id string, alter func(value []byte)) {
	c.t.Helper()
	c.events[id]++
	at := history().Add(time.Duration(c.events[id]) * time.Hour) // of the record, which is nobody's business but its own
	meta := es.Meta{AggregateID: id, Version: c.events[id], CommandID: fmt.Sprint("c", c.events[id]), RecordedAt: history().UnixMilli(), ValidAt: 7}
	value, body, schema, err := c.codec.Context("bank").AppendEvent(nil, account.Type(), &meta, account.FundsDeposited{Amount: 5, Currency: "EUR", StatusAfter: "open"})
	if err != nil {
		c.t.Fatal(err)
	}
	link := engine.Link(c.chains[id], schema, value[body:])
	copy(value[body:], link[:])
	c.chains[id] = link
	if alter != nil {
		alter(value)
	}
	c.write(&kafka.Record{
		Topic: "bank.events", Partition: partition.Of(id, partitions), Key: fmt.Appendf(nil, "account/%s/%d", id, meta.Version), Value: value,
		Timestamp: at, Headers: []kafka.Header{{Key: "traceparent", Value: []byte(id)}},
	})
}

func (c *cluster) write(r *kafka.Record) {
	c.t.Helper()
	if err := c.out.Append(c.t.Context(), []*kafka.Record{r}); err != nil {
		c.t.Fatal(err)
	}
}

// fill gives accounts so many events each.
func (c *cluster) fill(accounts, each int) {
	c.t.Helper()
	for range each {
		for n := range accounts {
			c.deposit(fmt.Sprint("acct-", n), nil)
		}
	}
}

func (c *cluster) export(dir string) (*carry.Exported, error) {
	return c.exporting(dir).Run(c.t.Context())
}

func (c *cluster) exporting(dir string) carry.Export {
	return carry.Export{Dir: dir, Kafka: c.cfg, Codec: c.codec, Contexts: domain.Contexts(), Partitions: partitions, FileEvents: 7}
}

func (c *cluster) importing(dir string) carry.Import {
	return carry.Import{Dir: dir, Kafka: c.cfg, Codec: c.codec, Contexts: domain.Contexts(), Partitions: partitions}
}

func (c *cluster) heads() verify.Anchor {
	c.t.Helper()
	r, err := verify.Run(c.t.Context(), verify.Request{
		Source: verify.Kafka{Config: c.cfg, Partitions: partitions}, Streams: verify.StreamsOf(domain.Contexts()), Codec: c.codec, Partitions: partitions,
	})
	if err != nil || r.Broken > 0 {
		c.t.Fatalf("%+v, %v", r, err)
	}
	return r.Heads
}

// records are those of the bank's events, in the order of their partitions, without offsets.
func (c *cluster) records() (out []string) {
	c.t.Helper()
	extents, err := kafka.Extents(c.t.Context(), c.cfg, "bank.events")
	if err != nil {
		c.t.Fatal(err)
	}
	all := make([][]string, partitions)
	var spans []kafka.Span
	for p, e := range extents["bank.events"] {
		spans = append(spans, kafka.Span{Topic: "bank.events", Partition: p, Until: e.Stable})
	}
	err = kafka.Replay(c.t.Context(), c.cfg, spans, func(s kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			all[s.Partition] = append(all[s.Partition], fmt.Sprintf("%s %x %v %s", r.Key, r.Value, r.Timestamp.UnixMilli(), r.Headers[0].Value))
		}
		return nil
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return slices.Concat(all...)
}

// untouched demands that no topic has anything and no group a place.
func (c *cluster) untouched(what string) {
	c.t.Helper()
	for _, context := range domain.Contexts() {
		extents, err := kafka.Extents(c.t.Context(), c.cfg, kafka.ContextTopics(context.Name)...)
		if err != nil {
			c.t.Fatal(err)
		}
		for topic, partitions := range extents {
			for p, e := range partitions {
				if e.End > 0 {
					c.t.Errorf("%s: %s/%d has records", what, topic, p)
				}
			}
		}
		places, err := c.places(context.Name, "aggregator", kafka.CommandsSuffix)
		if err != nil || len(places) > 0 {
			c.t.Errorf("%s: places %v, %v", what, places, err)
		}
	}
}

func (c *cluster) places(context, group, suffix string) (map[int32]int64, error) {
	found, err := kafka.GroupPlaces(c.t.Context(), c.cfg, "recount."+context+"."+group, context+suffix)
	return found[context+suffix], err
}

func mustBe(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want %v", err, want)
	}
}
