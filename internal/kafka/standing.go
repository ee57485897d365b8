package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
)

// InputStanding is a group's place in one input's partition.
type InputStanding struct {
	Committed  int64 // the group's stable offset; -1: none
	Start, End int64 // of the log; End is the high watermark
}

// Standing is where a partition's inputs and outputs are, taken in the order that makes a takeover safe.
type Standing struct {
	Inputs  map[string]InputStanding
	Outputs map[string]Extent
}

// settlePoll is how often we look whether the transactions of a predecessor have ended.
const settlePoll = 10 * time.Millisecond

// Standings returns where the partitions are, once nothing a predecessor did can still change it. The order matters:
//
//  1. the group's stable offsets: a broker refuses them while a transaction that would change them is open;
//  2. only then the high watermarks of the outputs. Whatever a predecessor committed lies below them. Taken before 1, a
//     commit between the two would move the offset past commands whose events we then would not fold;
//  3. wait until the last stable offsets reach those watermarks: the markers of a fenced predecessor may still be on
//     their way, and a read_committed fold stops short of them.
func (s *Session) Standings(ctx context.Context, partitions []int32, outputs []string) (map[int32]Standing, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.cfg.TransactionTimeout)
	defer cancel()
	committed, err := s.stableOffsets(ctx, partitions)
	if err != nil {
		return nil, err
	}
	all := append(append([]string(nil), s.cfg.Inputs...), outputs...)
	found, err := extents(ctx, s.admin, all)
	if err != nil {
		return nil, err
	}
	if err := s.awaitStable(ctx, partitions, outputs, found); err != nil {
		return nil, err
	}
	out := map[int32]Standing{}
	for _, p := range partitions {
		st := Standing{Inputs: map[string]InputStanding{}, Outputs: map[string]Extent{}}
		for _, t := range s.cfg.Inputs {
			st.Inputs[t] = InputStanding{Committed: committed[topicPartition{t, p}], Start: found[t][p].Start, End: found[t][p].End}
		}
		for _, t := range outputs {
			st.Outputs[t] = found[t][p]
		}
		out[p] = st
	}
	return out, nil
}

func offsetOf(l kadm.ListedOffsets, topic string, partition int32) int64 {
	o, _ := l.Lookup(topic, partition)
	return o.Offset
}

func (s *Session) awaitStable(ctx context.Context, partitions []int32, outputs []string, found map[string]map[int32]Extent) error {
	for {
		stable, err := s.admin.ListCommittedOffsets(ctx, outputs...)
		if err = errors.Join(err, stable.Error()); err != nil {
			return fmt.Errorf("kafka: listing last stable offsets: %w", err)
		}
		behind := ""
		for _, t := range outputs {
			for _, p := range partitions {
				if at, end := offsetOf(stable, t, p), found[t][p].End; at < end {
					behind = fmt.Sprintf("%s/%d stands at %d of %d", t, p, at, end)
				}
			}
		}
		if behind == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("kafka: the last stable offset of %s: a transaction hangs, end it or wait for its timeout (%w)", behind, ctx.Err())
		case <-time.After(settlePoll):
		}
	}
}
