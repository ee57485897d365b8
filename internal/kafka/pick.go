package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// ErrNoRecord says that a log holds no record at an offset: it was removed, or belongs to no committed transaction.
var ErrNoRecord = errors.New("there is no record")

// Pick reads the records at some offsets of a partition, which are in order, and returns them in that order. It reads what
// lies between two of them only where one answer of the broker holds both. One that is not there is ErrNoRecord.
func Pick(ctx context.Context, cfg Config, topic string, partition int32, offsets []int64) ([]*Record, error) {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	topics, err := kadm.NewClient(cl).ListTopics(ctx, topic)
	if err != nil {
		return nil, fmt.Errorf("kafka: asking who leads %s: %w", topic, err)
	}
	var out []*Record
	for len(offsets) > 0 {
		asked := offsets[0]
		got, next, err := fetchFrom(ctx, cl, topics[topic], partition, asked, fetchAtBytes)
		if err != nil {
			return out, fmt.Errorf("kafka: reading %s/%d@%d: %w", topic, partition, asked, cut(err))
		}
		for _, rec := range got.Records {
			if len(offsets) > 0 && rec.Offset == offsets[0] && !rec.Attrs.IsControl() {
				out, offsets = append(out, rec), offsets[1:]
			}
		}
		if next <= asked || len(offsets) > 0 && offsets[0] < next { // nothing is there, or it was passed
			return out, fmt.Errorf("kafka: %s/%d@%d: %w", topic, partition, offsets[0], ErrNoRecord)
		}
	}
	return out, nil
}
