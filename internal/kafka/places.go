package kafka

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// Places are a group's next offsets, by topic and partition.
type Places map[string]map[int32]int64

// Set sets one.
func (p Places) Set(topic string, partition int32, next int64) {
	if p[topic] == nil {
		p[topic] = map[int32]int64{}
	}
	p[topic][partition] = next
}

// GroupPlaces returns where a group stands in topics. What it has committed nothing of is left out.
func GroupPlaces(ctx context.Context, cfg Config, group string, topics ...string) (Places, error) {
	out := Places{}
	err := administerGroup(ctx, cfg, func(admin *kadm.Client) error {
		found, err := admin.FetchOffsetsForTopics(ctx, group, topics...)
		if errors.Is(err, kerr.GroupIDNotFound) { // nobody has ever been in it
			return nil
		}
		if err = errors.Join(err, found.Error()); err != nil {
			return err
		}
		found.Each(func(o kadm.OffsetResponse) {
			if o.At >= 0 {
				out.Set(o.Topic, o.Partition, o.At)
			}
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("asking where group %s stands: %w", group, err)
	}
	return out, nil
}

// SetGroupPlaces has a group without members stand at places, all of them in one request.
func SetGroupPlaces(ctx context.Context, cfg Config, group string, places Places) error {
	var offsets kadm.Offsets
	for topic, partitions := range places {
		for p, next := range partitions {
			offsets.Add(kadm.Offset{Topic: topic, Partition: p, At: next, LeaderEpoch: -1})
		}
	}
	if len(offsets) == 0 {
		return nil
	}
	err := administerGroup(ctx, cfg, func(admin *kadm.Client) error {
		done, err := admin.CommitOffsets(ctx, group, offsets)
		return errors.Join(err, done.Error())
	})
	if err != nil {
		return fmt.Errorf("telling group %s where it stands: %w", group, err)
	}
	return nil
}
