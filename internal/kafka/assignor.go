package kafka

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"recount/internal/partition"
)

// assignor is the balancer of our groups: it assigns partition numbers, so that a member owns partition p of every
// topic it reads or of none (commands/p always with dispatch/p). The rules are those of package partition; this is their
// clothing in the classic group protocol, cooperative (KIP-429).
//
// Partitions go to workers first, and each worker's among its sessions.
//
// Why not the library's cooperative-sticky: it balances topic by topic, and would part commands/p from dispatch/p.
type assignor struct {
	// joins is told, where it is not nil, what this member owns whenever it joins the group.
	joins func(owned map[string][]int32)

	steering Steering
}

const assignorName = "recount"

func (assignor) ProtocolName() string { return assignorName }
func (assignor) IsCooperative() bool  { return true }

// JoinGroupMetadata tells the leader what this member owns, in the consumer protocol's own form, and in its user data
// what else there is to know.
func (a assignor) JoinGroupMetadata(topics []string, owned map[string][]int32, generation int32) []byte {
	if a.joins != nil {
		a.joins(owned)
	}
	meta := kmsg.NewConsumerMemberMetadata()
	meta.Version = 3 // owned partitions with their generation
	meta.Topics = topics
	for _, topic := range slices.Sorted(maps.Keys(owned)) {
		t := kmsg.NewConsumerMemberMetadataOwnedPartition()
		t.Topic, t.Partitions = topic, owned[topic]
		meta.OwnedPartitions = append(meta.OwnedPartitions, t)
	}
	meta.Generation = generation
	if words, err := a.steering.words(); err == nil { // else it stands for itself, as one that tells nothing
		meta.UserData = words
	}
	return meta.AppendTo(nil)
}

// ParseSyncAssignment returns what this member is to own, and passes on what it is to follow.
func (a assignor) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	topics, err := kgo.ParseConsumerSyncAssignment(assignment)
	if err != nil {
		return nil, err
	}
	var all kmsg.ConsumerMemberAssignment
	if err := all.ReadFrom(assignment); err != nil {
		return nil, err
	}
	a.steering.hear(all.UserData)
	return topics, nil
}

func (a assignor) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	b, err := kgo.NewConsumerBalancer(a, members)
	if err != nil {
		return nil, nil, err
	}
	return b, b.MemberTopics(), nil
}

// Balance runs on the group's leader. topics gives the partition count of each topic.
func (a assignor) Balance(b *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	count := int32(0)
	for _, n := range topics {
		count = max(count, n)
	}
	byName := map[string]*kmsg.JoinGroupResponseMember{}
	var members []groupMember
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		name := memberName(m)
		byName[name] = m
		members = append(members, readMember(name, meta))
	})
	orders := partition.Orders{}
	if a.steering.Orders != nil {
		ordered := a.steering.Orders()
		orders = partition.Orders{Pins: ordered.Pins, Drains: ordered.Drains}
	}
	workers, sessions := workersOf(members, claimsOf(b))
	owners := partition.Assign(workers, count, orders.Keeping(workers))

	plan := b.NewPlan()
	for worker, numbers := range owners {
		for name, share := range partition.Share(sessions[worker], numbers) {
			addPartitions(plan, byName[name], topics, share)
		}
	}
	plan.AdjustCooperative(b) // what moves is first revoked, and given out in the rebalance that follows
	told := plan.IntoSyncAssignment()
	if err := tell(told, b, workers, owners, partition.Standbys(workers, owners, count, orders.Drains)); err != nil {
		b.SetError(err)
		return nil
	}
	return assignments(told)
}

func addPartitions(plan *kgo.BalancePlan, m *kmsg.JoinGroupResponseMember, topics map[string]int32, numbers []int32) {
	for topic, n := range topics {
		for _, p := range numbers {
			if p < n {
				plan.AddPartition(m, topic, p)
			}
		}
	}
}

// assignments is a plan whose assignments are made.
type assignments []kmsg.SyncGroupRequestGroupAssignment

func (a assignments) IntoSyncAssignment() []kmsg.SyncGroupRequestGroupAssignment { return a }

// tell adds to each member's assignment what its worker is to follow: its standbys and, until it has them, the
// partitions that it is about to get. Otherwise it would let go of one just before, only to open it again.
func tell(told []kmsg.SyncGroupRequestGroupAssignment, b *kgo.ConsumerBalancer, workers []partition.Member, owners, standbys map[string][]int32) error {
	workerOf := map[string]string{}
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		workerOf[m.MemberID] = readMember(memberName(m), meta).words.Worker
	})
	follows := map[string][]int32{}
	for _, w := range workers {
		numbers := slices.Clone(standbys[w.ID])
		if w.Standbys > 0 {
			for _, p := range owners[w.ID] {
				if !slices.Contains(w.Owned, p) && slices.Contains(w.Warm, p) {
					numbers = append(numbers, p)
				}
			}
		}
		slices.Sort(numbers)
		follows[w.ID] = numbers
	}
	for i := range told {
		var assignment kmsg.ConsumerMemberAssignment
		if err := assignment.ReadFrom(told[i].MemberAssignment); err != nil {
			return fmt.Errorf("kafka: an assignment of our own: %w", err)
		}
		words, err := json.Marshal(leaderWords{Version: wordsVersion, Standbys: follows[workerOf[told[i].MemberID]]})
		if err != nil {
			return err
		}
		assignment.UserData = words
		told[i].MemberAssignment = assignment.AppendTo(nil)
	}
	return nil
}

// claimsOf returns the numbers each member owns. A member that comes back from a long pause may claim what another has
// been given meanwhile: the claim of the higher generation holds.
func claimsOf(b *kgo.ConsumerBalancer) map[string][]int32 {
	type claim struct {
		name       string
		generation int32
	}
	best := map[int32]claim{}
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, meta *kmsg.ConsumerMemberMetadata) {
		for _, t := range meta.OwnedPartitions {
			for _, p := range t.Partitions {
				c := claim{memberName(m), meta.Generation}
				if was, ok := best[p]; !ok || cmp.Or(cmp.Compare(was.generation, c.generation), cmp.Compare(c.name, was.name)) < 0 {
					best[p] = c
				}
			}
		}
	})
	out := map[string][]int32{}
	for p, c := range best {
		out[c.name] = append(out[c.name], p)
	}
	return out
}

// memberName is the same after a restart where a member has an instance ID.
func memberName(m *kmsg.JoinGroupResponseMember) string {
	if m.InstanceID != nil {
		return *m.InstanceID
	}
	return m.MemberID
}
