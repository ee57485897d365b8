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
