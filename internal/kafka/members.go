package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// GroupState is who is in a consumer group, as its coordinator tells it.
type GroupState struct {
	// State is the coordinator's word: Stable, PreparingRebalance, CompletingRebalance, Empty, Dead.
	State   string
	Members []Member
}

// Member is one member of a group.
type Member struct {
	// Name is the member's instance ID, or the ID the coordinator gave it.
	Name string
	// Host is where it runs, as the broker sees it.
	Host string
	// Partitions are the numbers assigned to it, over all topics, each once and in order.
	Partitions []int32
}

// Owners returns the names of the members by the partition they have.
func (g GroupState) Owners() map[int32]string {
	out := map[int32]string{}
	for _, m := range g.Members {
		for _, p := range m.Partitions {
			out[p] = m.Name
		}
	}
	return out
}

// DescribeGroup returns who is in a group. A group that was never joined has no members.
func DescribeGroup(ctx context.Context, cfg Config, group string) (GroupState, error) {
	var out GroupState
	err := administer(cfg, func(admin *kadm.Client) error {
		found, err := admin.DescribeGroups(ctx, group)
		if err == nil {
			err = found[group].Err
		}
		if errors.Is(err, kerr.GroupIDNotFound) { // newer brokers say so; older ones describe it as dead
			out.State = "Dead"
			return nil
		}
		if err != nil {
			return fmt.Errorf("describing group %s: %w", group, err)
		}
		out, err = groupState(found[group])
		return err
	})
	return out, err
}

func groupState(g kadm.DescribedGroup) (GroupState, error) {
	out := GroupState{State: g.State}
	var faults []error
	for _, m := range g.Members {
		member := Member{Name: m.MemberID, Host: m.ClientHost}
		if m.InstanceID != nil {
			member.Name = *m.InstanceID
		}
		assigned, ok := m.Assigned.AsConsumer()
		if !ok {
			faults = append(faults, errors.New("group "+g.Group+": the assignment of member "+member.Name+" is not a consumer's"))
			continue
		}
		numbers := map[int32]bool{}
		for _, t := range assigned.Topics {
			for _, p := range t.Partitions {
				numbers[p] = true
			}
		}
		member.Partitions = slices.Sorted(maps.Keys(numbers))
		out.Members = append(out.Members, member)
	}
	return out, errors.Join(faults...)
}
