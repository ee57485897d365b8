package kafka

import (
	"context"
	"errors"
	"fmt"
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
	// Worker is the process it is a session of, as it says; its own name where it says nothing. Capacity and Standbys
	// are the worker's, as in Steering.
	Worker             string
	Capacity, Standbys int
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

// DescribeGroup returns who is in a group. A group that was never joined is dead, and has no members.
func DescribeGroup(ctx context.Context, cfg Config, group string) (out GroupState, err error) {
	err = administer(cfg, func(admin *kadm.Client) error {
		out, err = describeGroup(ctx, admin, group)
		return err
	})
	return out, err
}

func describeGroup(ctx context.Context, admin *kadm.Client, group string) (GroupState, error) {
	found, err := admin.DescribeGroups(ctx, group)
	g := found[group]
	if err = errors.Join(err, g.Err); errors.Is(err, kerr.GroupIDNotFound) { // newer brokers say so; older ones describe it as dead
		return GroupState{State: "Dead"}, nil
	}
	if err != nil {
		return GroupState{}, fmt.Errorf("describing group %s: %w", group, err)
	}
	out := GroupState{State: g.State}
	for _, m := range g.Members {
		member, err := memberOf(m)
		if err != nil {
			return out, fmt.Errorf("group %s: %w", group, err)
		}
		out.Members = append(out.Members, member)
	}
	return out, nil
}

func memberOf(m kadm.DescribedGroupMember) (Member, error) {
	name := m.MemberID
	if m.InstanceID != nil {
		name = *m.InstanceID
	}
	meta, joined := m.Join.AsConsumer()
	assigned, ok := m.Assigned.AsConsumer()
	if !joined || !ok {
		return Member{}, fmt.Errorf("member %s is not a consumer", name)
	}
	words := readMember(name, meta).words
	out := Member{Name: name, Worker: words.Worker, Capacity: words.Capacity, Standbys: words.Standbys}
	for _, t := range assigned.Topics {
		out.Partitions = append(out.Partitions, t.Partitions...)
	}
	slices.Sort(out.Partitions)
	out.Partitions = slices.Compact(out.Partitions)
	return out, nil
}
