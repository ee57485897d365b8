package verify

import (
	"context"
	"fmt"
	"slices"

	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/proof"
)

// Stream is one topic of events: its name is "<context>.<stream>".
type Stream struct {
	Context string
	Name    string // "events" or "processes"
}

// Topic is the stream's topic.
func (s Stream) Topic() string { return s.Context + "." + s.Name }

// Streams of events.
const (
	Events    = "events"
	Processes = "processes"
)

// StreamsOf are the topics of contexts that hold events: of aggregates, and of processes where there are any.
func StreamsOf(contexts []es.Context) (out []Stream) {
	for _, c := range contexts {
		out = append(out, Stream{c.Name, Events})
		if len(c.Processes) > 0 {
			out = append(out, Stream{c.Name, Processes})
		}
	}
	return out
}

// Part is a partition of a stream, as far as it is read: From ≤ offset < Until.
type Part struct {
	Stream
	Partition   int32
	From, Until int64
}

// Source is where events are read from. Its methods may be called from several goroutines.
type Source interface {
	// Parts returns what there is of streams: the same partitions of each.
	Parts(ctx context.Context, streams []Stream) ([]Part, error)
	// Read hands over the records of a part in their order, with the offset after the last of them. They are valid until
	// deliver returns.
	Read(ctx context.Context, p Part, deliver func(records []proof.Record, next int64) error) error
}

// Kafka is the Source of a cluster's log, up to the last stable offset.
type Kafka struct {
	Config     kafka.Config
	Partitions int32
}

// Parts asks how far the logs reach. A topic whose first records are gone is an error: events are kept for ever.
func (k Kafka) Parts(ctx context.Context, streams []Stream) (out []Part, err error) {
	topics := make([]string, len(streams))
	for i, s := range streams {
		topics[i] = s.Topic()
	}
	info, err := kafka.DescribeTopics(ctx, k.Config, topics...)
	if err != nil {
		return nil, err
	}
	extents, err := kafka.Extents(ctx, k.Config, topics...)
	if err != nil {
		return nil, err
	}
	for _, s := range streams {
		topic := s.Topic()
		if n := info[topic].Partitions; n != k.Partitions {
			return nil, fmt.Errorf("topic %s has %d partitions, --partitions says %d", topic, n, k.Partitions)
		}
		for p := range k.Partitions {
			at := extents[topic][p]
			if at.Start > 0 {
				return nil, fmt.Errorf("%s/%d begins at offset %d: the events before it were deleted, and no chain can be shown without them. Import the newest archive into an empty cluster", topic, p, at.Start)
			}
			out = append(out, Part{Stream: s, Partition: p, From: at.Start, Until: at.Stable})
		}
	}
	return out, nil
}

// Read reads a part with a connection of its own.
func (k Kafka) Read(ctx context.Context, p Part, deliver func([]proof.Record, int64) error) error {
	span := kafka.Span{Topic: p.Topic(), Partition: p.Partition, From: p.From, Until: p.Until}
	var batch []proof.Record
	return kafka.Replay(ctx, k.Config, []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, next int64) error {
		batch = slices.Grow(batch[:0], len(records))
		for _, r := range records {
			batch = append(batch, proof.Record{Offset: r.Offset, Key: r.Key, Value: r.Value})
		}
		return deliver(batch, next)
	})
}
