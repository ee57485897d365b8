package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// SeedRanges makes the group of a generation that was filled without one stand at next in each partition, as if its
// ranges had ended there. A partition that the group is further in is left alone, so it can be done again. The group must
// have no members yet.
func SeedRanges(ctx context.Context, cfg Config, group, topic string, generation int, next map[int32]int64) error {
	err := administerGroup(ctx, cfg, func(admin *kadm.Client) error {
		there, err := admin.FetchOffsets(ctx, group)
		if err != nil && !errors.Is(err, kerr.GroupIDNotFound) {
			return err
		}
		var seeds kadm.Offsets
		for p, at := range next {
			if o, ok := there.Lookup(topic, p); ok && o.At >= at {
				continue
			}
			seeds.Add(kadm.Offset{Topic: topic, Partition: p, At: at, LeaderEpoch: -1, Metadata: declaration{generation: generation}.String()})
		}
		if len(seeds) == 0 {
			return nil
		}
		done, err := admin.CommitOffsets(ctx, group, seeds)
		return errors.Join(err, done.Error())
	})
	if err != nil {
		return fmt.Errorf("telling group %s where it stands: %w", group, err)
	}
	return nil
}

// GroupMembers returns how many members a consumer group has; none where there is no such group.
func GroupMembers(ctx context.Context, cfg Config, group string) (n int, err error) {
	err = administerGroup(ctx, cfg, func(admin *kadm.Client) error {
		g, err := describeGroup(ctx, admin, group)
		n = len(g.Members)
		return err
	})
	return n, err
}

const (
	coordinatorPatience = 30 * time.Second
	coordinatorPause    = 200 * time.Millisecond
)

// administerGroup repeats do while the group's coordinator is not there: a broker that has never had a group makes the
// topic for their offsets first.
func administerGroup(ctx context.Context, cfg Config, do func(*kadm.Client) error) error {
	for began := time.Now(); ; {
		err := administer(cfg, do)
		if err == nil || !kerr.IsRetriable(err) || time.Since(began) > coordinatorPatience {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(coordinatorPause):
		}
	}
}
