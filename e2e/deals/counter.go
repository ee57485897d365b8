package deals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/serde"
)

// Counter is where deals are handed in, and where people answer what the shop asks of them.
type Counter struct {
	cfg        kafka.Config
	codec      *serde.Codec
	partitions int32
	producer   *kafka.Producer

	mu    sync.Mutex
	fault error // the first record that no broker took
}

// NewCounter returns one on brokers whose topics have so many partitions. Close it.
func NewCounter(cfg kafka.Config, codec *serde.Codec, partitions int) (*Counter, error) {
	p, err := kafka.NewProducer(cfg, kafka.ProducerConfig{})
	if err != nil {
		return nil, err
	}
	return &Counter{cfg: cfg, codec: codec, partitions: int32(partitions), producer: p}, nil
}

// Close ends it, when all that was handed in is acknowledged.
func (c *Counter) Close(ctx context.Context) error {
	err := c.producer.Flush(ctx)
	c.producer.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	return errors.Join(err, c.fault)
}

// Send hands lines in, in order, in the name of actor. That one was not taken is told by a later call, or by Close.
func (c *Counter) Send(ctx context.Context, actor string, lines ...Line) error {
	c.mu.Lock()
	err := c.fault
	c.mu.Unlock()
	for _, l := range lines {
		if err == nil {
			err = c.send(ctx, actor, l)
		}
	}
	return err
}

func (c *Counter) send(ctx context.Context, actor string, l Line) error {
	data, err := json.Marshal(l.Data)
	if err != nil {
		return err
	}
	frame, err := c.codec.CommandFromJSON(l.Type, es.CommandMeta{AggregateID: l.ID, CommandID: l.CommandID, CorrelationID: l.CommandID, Actor: actor}, data)
	if err != nil {
		return fmt.Errorf("%s to %s: %w", l.Type, l.ID, err)
	}
	of, _, _ := strings.Cut(l.Type, ".")
	command := kafka.Command{
		Topic: of + kafka.CommandsSuffix, Partition: partition.Of(l.ID, c.partitions), Key: []byte(l.ID), Value: frame,
	}
	return c.producer.Produce(ctx, command, func(_ int32, _ int64, err error) {
		if err != nil {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.fault = errors.Join(c.fault, err)
		}
	})
}

// recordsAtOnce bounds what is read of the shop's events before it is answered.
const recordsAtOnce = 1_000

// Answer reads the shop's events from the first on, and hands in what people answer to them, until ctx ends. What was
// answered before is answered again, under the same command IDs.
func (c *Counter) Answer(ctx context.Context, w Workload) error {
	f, err := kafka.NewFollower(c.cfg)
	if err != nil {
		return err
	}
	defer f.Close()
	for p := range c.partitions {
		f.Follow(Shop+kafka.EventsSuffix, p, 0)
	}
	for ctx.Err() == nil && err == nil {
		f.Poll(ctx, recordsAtOnce, func(_ kafka.Span, records []*kafka.Record, _ int64) {
			for _, r := range records {
				if err == nil {
					err = c.answer(ctx, w, r)
				}
			}
		}, func(_ kafka.Span, cause error) { err = cause })
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

func (c *Counter) answer(ctx context.Context, w Workload, r *kafka.Record) error {
	recorded, err := c.codec.Recorded(Shop, es.FromEvents, r.Partition, r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value, []engine.Header(nil))
	if err != nil {
		return err
	}
	return c.Send(ctx, "people", w.Answer(recorded)...)
}
