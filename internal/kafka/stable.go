package kafka

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// stableOffsets fetches the group's offsets in every input, -1 where there is none, waiting for transactions that are
// about to change them.
//
// It asks for each partition by name. Asked for everything a group has, a broker tells of those offsets alone that were
// committed before, and says nothing of a partition whose first commit of all is still on its way.
func (s *Session) stableOffsets(ctx context.Context, partitions []int32) (map[topicPartition]int64, error) {
	for {
		got, err := s.fetchOffsets(ctx, partitions)
		switch {
		case err == nil:
			return got, nil
		case !errors.Is(err, kerr.UnstableOffsetCommit) && !kerr.IsRetriable(err):
			return nil, fmt.Errorf("kafka: fetching the offsets of group %s: %w", s.cfg.Group, err)
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("kafka: the offsets of group %s stay unstable: a transaction hangs (%w, %w)", s.cfg.Group, err, ctx.Err())
		case <-time.After(settlePoll):
		}
	}
}

func (s *Session) fetchOffsets(ctx context.Context, partitions []int32) (map[topicPartition]int64, error) {
	group := kmsg.NewOffsetFetchRequestGroup()
	group.Group = s.cfg.Group
	for _, name := range s.cfg.Inputs {
		topic := kmsg.NewOffsetFetchRequestGroupTopic()
		topic.Topic, topic.Partitions = name, slices.Clone(partitions)
		group.Topics = append(group.Topics, topic)
	}
	req := kmsg.NewPtrOffsetFetchRequest()
	req.RequireStable, req.Groups = true, append(req.Groups, group)
	resp, err := req.RequestWith(ctx, s.session.Client())
	if err != nil {
		return nil, err
	}
	if len(resp.Groups) != 1 {
		return nil, errors.New("the broker answered for other groups")
	}
	out := map[topicPartition]int64{}
	faults := []error{kerr.ErrorForCode(resp.ErrorCode), kerr.ErrorForCode(resp.Groups[0].ErrorCode)}
	for _, topic := range resp.Groups[0].Topics {
		for _, p := range topic.Partitions {
			faults = append(faults, kerr.ErrorForCode(p.ErrorCode))
			out[topicPartition{topic.Topic, p.Partition}] = p.Offset
		}
	}
	for _, err := range faults {
		if err != nil { // the first: whether all can be tried again is asked of one
			return nil, err
		}
	}
	if want := len(partitions) * len(s.cfg.Inputs); len(out) != want {
		return nil, fmt.Errorf("the broker answered for %d partitions of %d", len(out), want)
	}
	return out, nil
}
