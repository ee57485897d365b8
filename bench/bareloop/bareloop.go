// Package bareloop reads, writes and commits, and does nothing else: the ceiling for whatever decides on the way.
//
// For each record it reads it writes one of the size of an event, to the same partition, in transactions that commit its
// place in the input. It looks into no record, keeps nothing and gives no guarantee but Kafka's own exactly-once.
package bareloop

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"recount/bench/ledger"
	"recount/internal/kafka"
)

// Config describes a loop.
type Config struct {
	// Address is the broker's. The loop reads Input as Group and writes to Output.
	Address, Group, Input, Output string
	// KeyBytes and ValueBytes are the size of what it writes.
	KeyBytes, ValueBytes int
	// Batch is how many records a transaction has at most.
	Batch int
}

const (
	// placeBytes of each value are the input's offset, so that Check can tell a copy from another.
	placeBytes = 8

	transactionTimeout = time.Minute
	fetchBytesMax      = 16 << 20
	fetchPartitionMax  = 2 << 20
	bufferedRecordsMax = 400_000
	batchBytesMax      = 1 << 20
	linger             = 5 * time.Millisecond
	fetchWait          = 250 * time.Millisecond
)

// Run copies until ctx ends.
func (c Config) Run(ctx context.Context) error {
	if c.ValueBytes < placeBytes {
		return fmt.Errorf("bare loop: values of %d bytes have no room for their place, which takes %d", c.ValueBytes, placeBytes)
	}
	s, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(c.Address), kgo.ConsumerGroup(c.Group), kgo.ConsumeTopics(c.Input), kgo.TransactionalID(c.Group),
		kgo.ConsumeStartOffset(kgo.NewOffset().AtStart()), kgo.ConsumeResetOffset(kgo.NoResetOffset()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.Balancers(kgo.CooperativeStickyBalancer()),
		kgo.FetchMaxBytes(fetchBytesMax), kgo.FetchMaxPartitionBytes(fetchPartitionMax), kgo.FetchMaxWait(fetchWait),
		kgo.TransactionTimeout(transactionTimeout), kgo.MaxBufferedRecords(bufferedRecordsMax),
		kgo.ProducerLinger(linger), kgo.ProducerBatchMaxBytes(batchBytesMax), kgo.ProducerBatchCompression(kgo.NoCompression()),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.WithPools(&recordPool{}),
	)
	if err != nil {
		return fmt.Errorf("bare loop: %w", err)
	}
	defer s.Close()
	out := outgoing{cfg: c}
	for ctx.Err() == nil {
		if err := c.turn(ctx, s, &out); err != nil && ctx.Err() == nil {
			return fmt.Errorf("bare loop: %w", err)
		}
	}
	return nil
}

// turn is one transaction. Once it has read, it ends it, whatever becomes of ctx.
func (c Config) turn(ctx context.Context, s *kgo.GroupTransactSession, out *outgoing) error {
	fetches := s.PollRecords(ctx, c.Batch)
	if err := fetches.Err(); err != nil || fetches.NumRecords() == 0 {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.Begin(); err != nil {
		return err
	}
	out.reset(fetches.NumRecords())
	var failed atomic.Pointer[error]
	sent := func(_ *kgo.Record, err error) {
		if err != nil {
			failed.CompareAndSwap(nil, &err)
		}
	}
	for in := range fetches.RecordsAll() {
		s.Produce(ctx, out.copy(in), sent)
	}
	if err := s.Client().Flush(ctx); err != nil {
		return err
	}
	if err := failed.Load(); err != nil {
		return *err
	}
	committed, err := s.End(ctx, kgo.TryCommit)
	if err == nil && !committed {
		err = errors.New("a transaction was not committed; with one member and no rebalance it must be")
	}
	for in := range fetches.RecordsAll() {
		in.Recycle()
	}
	return err
}

// recordPool lends the client the memory of records that were copied.
type recordPool struct{ pool sync.Pool }

func (p *recordPool) GetRecords(n int) []kgo.Record {
	if lent, ok := p.pool.Get().(*[]kgo.Record); ok && cap(*lent) >= n {
		return (*lent)[:0]
	}
	return make([]kgo.Record, 0, n)
}

func (p *recordPool) PutRecords(records []kgo.Record) { p.pool.Put(&records) }

// outgoing is the memory of a transaction's records, used again by the next.
type outgoing struct {
	cfg     Config
	records []kgo.Record
	bytes   []byte
}

func (o *outgoing) reset(n int) {
	if cap(o.records) < n {
		o.records = make([]kgo.Record, 0, n)
		o.bytes = make([]byte, n*(o.cfg.KeyBytes+o.cfg.ValueBytes))
	}
	o.records = o.records[:0]
}

// copy returns the record that answers in, with its place in the input and else nothing.
func (o *outgoing) copy(in *kgo.Record) *kgo.Record {
	size := o.cfg.KeyBytes + o.cfg.ValueBytes
	from := len(o.records) * size
	key, value := o.bytes[from:from+o.cfg.KeyBytes], o.bytes[from+o.cfg.KeyBytes:from+size]
	binary.BigEndian.PutUint64(value, uint64(in.Offset))
	o.records = append(o.records, kgo.Record{Topic: o.cfg.Output, Partition: in.Partition, Key: key, Value: value})
	return &o.records[len(o.records)-1]
}

// Check returns nil if the output has one copy of each of so many records, in their order and of the right size.
func (c Config) Check(ctx context.Context, records int) error {
	spans, err := ledger.Spans(ctx, c.Address, c.Output)
	if err != nil {
		return err
	}
	next, copies := map[int32]uint64{}, 0
	err = kafka.Replay(ctx, kafka.Config{Brokers: []string{c.Address}}, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		for _, r := range records {
			if len(r.Key) != c.KeyBytes || len(r.Value) != c.ValueBytes {
				return fmt.Errorf("%s/%d@%d has %d and %d bytes", r.Topic, r.Partition, r.Offset, len(r.Key), len(r.Value))
			}
			if place := binary.BigEndian.Uint64(r.Value); place != next[r.Partition] {
				return fmt.Errorf("%s/%d@%d is a copy of offset %d, not of %d", r.Topic, r.Partition, r.Offset, place, next[r.Partition])
			}
			next[r.Partition]++
			copies++
		}
		return nil
	})
	if err == nil && copies != records {
		err = fmt.Errorf("%d records were copied %d times", records, copies)
	}
	if err != nil {
		return fmt.Errorf("bare loop: %w", err)
	}
	return nil
}
