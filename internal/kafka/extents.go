package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Extent is what a partition's log holds: Start ≤ offset < Stable can be read with read_committed; between Stable and
// End lie open transactions, or markers just written.
type Extent struct {
	Start, Stable, End int64
}

// Extents returns the extents of the topics' partitions.
func Extents(ctx context.Context, cfg Config, topics ...string) (map[string]map[int32]Extent, error) {
	cl, err := kgo.NewClient(cfg.options()...)
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	defer cl.Close()
	return extents(ctx, kadm.NewClient(cl), topics)
}

func extents(ctx context.Context, admin *kadm.Client, topics []string) (map[string]map[int32]Extent, error) {
	starts, err1 := admin.ListStartOffsets(ctx, topics...)
	stable, err2 := admin.ListCommittedOffsets(ctx, topics...)
	ends, err3 := admin.ListEndOffsets(ctx, topics...)
	if err := errors.Join(err1, err2, err3, starts.Error(), stable.Error(), ends.Error()); err != nil {
		return nil, fmt.Errorf("kafka: listing offsets: %w", err)
	}
	out := map[string]map[int32]Extent{}
	for _, t := range topics {
		out[t] = map[int32]Extent{}
		for p := range ends[t] {
			out[t][p] = Extent{Start: offsetOf(starts, t, p), Stable: offsetOf(stable, t, p), End: offsetOf(ends, t, p)}
		}
	}
	return out, nil
}

// OffsetsSince returns, by topic and partition, the offset of the first record that its producer stamped at a time or
// later, Unix milliseconds; the log's end where there is none. Stamps may run backwards: give yourself a margin.
func OffsetsSince(ctx context.Context, cfg Config, millis int64, topics ...string) (map[string]map[int32]int64, error) {
	out := map[string]map[int32]int64{}
	err := administer(cfg, func(admin *kadm.Client) error {
		found, err := admin.ListOffsetsAfterMilli(ctx, millis, topics...)
		if err = errors.Join(err, found.Error()); err != nil {
			return fmt.Errorf("listing offsets by time: %w", err)
		}
		found.Each(func(o kadm.ListedOffset) {
			if out[o.Topic] == nil {
				out[o.Topic] = map[int32]int64{}
			}
			out[o.Topic][o.Partition] = o.Offset
		})
		return nil
	})
	return out, err
}
