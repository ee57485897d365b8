package workload

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"

	"github.com/twmb/franz-go/pkg/kgo"
	"golang.org/x/sync/errgroup"

	"recount/domain/bank/account"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
	"recount/internal/serde"
)

// EventLog writes the events that follow from the stream straight into a topic, as the aggregator would have: one event a
// command, versions and chains unbroken, each account in its partition. It is for whoever reads events and needs many.
type EventLog struct {
	codec  engine.Codec
	script *script
	chains []es.Hash // by account
	client *kgo.Client
	failed atomic.Pointer[error]
}

// NewEventLog returns a log that writes the events of a plan into a topic, from its first command on.
func NewEventLog(p Plan, codec *serde.Codec, broker, topic string) (*EventLog, error) {
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("workload: %w", err)
	}
	cl, err := kgo.NewClient(
		kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MaxBufferedRecords(bufferedRecordsMax), kgo.ProducerLinger(loadLinger),
		kgo.ProducerBatchMaxBytes(batchBytesMax), kgo.ProducerBatchCompression(kgo.NoCompression()),
	)
	if err != nil {
		return nil, fmt.Errorf("workload: %w", err)
	}
	return &EventLog{codec: codec.Context("bank"), script: newScript(p), chains: make([]es.Hash, p.Accounts), client: cl}, nil
}

// Close closes the connection.
func (l *EventLog) Close() { l.client.Close() }

// Expected is what every account has come to by the events written so far, by its number.
func (l *EventLog) Expected() []Account { return slices.Clone(l.script.state) }

// Append writes the next n events and waits until they are there. acknowledged, if given, is told the place of each.
func (l *EventLog) Append(ctx context.Context, n int, acknowledged func(partition int32, offset int64)) error {
	for n > 0 {
		steps := make([]step, 0, min(n, chunkCommands))
		for len(steps) < cap(steps) {
			steps = append(steps, l.script.step())
		}
		n -= len(steps)
		records, err := l.encode(steps)
		if err != nil {
			return fmt.Errorf("workload: %w", err)
		}
		for _, r := range records {
			l.client.Produce(ctx, r, func(r *kgo.Record, err error) {
				if err != nil {
					l.failed.CompareAndSwap(nil, &err)
				} else if acknowledged != nil {
					acknowledged(r.Partition, r.Offset)
				}
			})
		}
	}
	err := l.client.Flush(ctx)
	if cause := l.failed.Load(); cause != nil {
		err = errors.Join(err, *cause)
	}
	if err != nil {
		return fmt.Errorf("workload: write events: %w", err)
	}
	return nil
}

// encode encodes steps on all cores. An account's events are one goroutine's, because each is linked to the one before.
func (l *EventLog) encode(steps []step) ([]*kgo.Record, error) {
	out := make([]*kgo.Record, len(steps))
	shares := runtime.GOMAXPROCS(0)
	var g errgroup.Group
	for share := range shares {
		g.Go(func() error {
			for i := range steps {
				if steps[i].account%shares != share {
					continue
				}
				r, err := l.record(&steps[i])
				if err != nil {
					return fmt.Errorf("the event after command %d: %w", steps[i].number, err)
				}
				out[i] = r
			}
			return nil
		})
	}
	return out, g.Wait()
}

func (l *EventLog) record(s *step) (*kgo.Record, error) {
	m, id := &s.meta, AccountID(s.account)
	meta := es.Meta{
		AggregateID: id, Version: s.after.Version, CommandID: m.CommandID, CorrelationID: m.CorrelationID, CausationID: m.CommandID, Actor: m.Actor,
		EventID:     engine.EventID("account", id, m.CommandID, 0),
		Source:      es.Source{Topic: "bank.commands", Partition: partition.Of(id, l.script.plan.Partitions), Offset: int64(s.number)},
		CommandHash: int64(s.number), ValidAt: *m.ValidAt, RecordedAt: *m.ValidAt,
	}
	frame, body, fingerprint, err := l.codec.AppendEvent(nil, account.Type(), &meta, eventAfter(s))
	if err != nil {
		return nil, err
	}
	link := engine.Link(l.chains[s.account], fingerprint, frame[body:])
	copy(frame[body:], link[:]) // the chain is the first of a body's fields
	l.chains[s.account] = link
	return &kgo.Record{Key: []byte(EventKey(id, s.after.Version)), Value: frame, Partition: meta.Source.Partition}, nil
}
