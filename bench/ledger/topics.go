package ledger

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"recount/internal/kafka"
)

// Spans returns all that a topic holds, partition by partition.
func Spans(ctx context.Context, address, topic string) ([]kafka.Span, error) {
	cl, err := kgo.NewClient(kgo.SeedBrokers(address))
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	defer cl.Close()
	ends, err := kadm.NewClient(cl).ListEndOffsets(ctx, topic)
	if err == nil {
		err = ends.Error()
	}
	if err != nil {
		return nil, fmt.Errorf("ledger: the ends of %s: %w", topic, err)
	}
	var spans []kafka.Span
	for _, end := range ends[topic] {
		spans = append(spans, kafka.Span{Topic: topic, Partition: end.Partition, Until: end.Offset})
	}
	slices.SortFunc(spans, func(a, b kafka.Span) int { return cmp.Compare(a.Partition, b.Partition) })
	return spans, nil
}

// Empty returns an error that names a record, unless the topics hold none that is committed.
func Empty(ctx context.Context, address string, topics ...string) error {
	for _, topic := range topics {
		spans, err := Spans(ctx, address, topic)
		if err != nil {
			return err
		}
		err = kafka.Replay(ctx, kafka.Config{Brokers: []string{address}}, spans, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
			if len(records) > 0 {
				return fmt.Errorf("%s must be empty, and has %q at offset %d", topic, records[0].Key, records[0].Offset)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("ledger: %w", err)
		}
	}
	return nil
}
