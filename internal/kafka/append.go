package kafka

import (
	"context"
	"fmt"

	"github.com/twmb/franz-go/pkg/kgo"
)

// Appender writes records as they are, times and headers included, each where it says: an idempotent producer without a
// transaction, so that the records of a partition without others have the offsets 0, 1, 2 … without a gap, and what is
// there after a death is a beginning of what was to be written.
type Appender struct{ cl *kgo.Client }

// NewAppender returns an appender with a connection of its own. Close it.
func NewAppender(cfg Config) (*Appender, error) {
	cl, err := kgo.NewClient(append(cfg.options(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.RequiredAcks(kgo.AllISRAcks()),
		kgo.ProducerBatchMaxBytes(RecordBytesMax),
		kgo.ProducerLinger(produceLinger),
	)...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	return &Appender{cl}, nil
}

// Append writes records, and returns once all in-sync replicas have them.
func (a *Appender) Append(ctx context.Context, records []*Record) error {
	if err := a.cl.ProduceSync(ctx, records...).FirstErr(); err != nil {
		return fmt.Errorf("kafka: writing records: %w", err)
	}
	return nil
}

// Close ends the connection.
func (a *Appender) Close() { a.cl.Close() }
