package kafka

import (
	"cmp"
	"maps"
	"slices"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"recount/internal/partition"
)

// assignor is the balancer of our groups: it assigns partition numbers, so that a member owns partition p of every
// topic it reads or of none (commands/p always with dispatch/p). The rule is partition.Assign; this is its clothing
// in the classic group protocol, cooperative (KIP-429).
//
// Why not the library's cooperative-sticky: it balances topic by topic, and would part commands/p from dispatch/p.
type assignor struct {
	// joins is told, where it is not nil, what this member owns whenever it joins the group.
	joins func(owned map[string][]int32)
}

const assignorName = "recount"

func (assignor) ProtocolName() string { return assignorName }
func (assignor) IsCooperative() bool  { return true }

// JoinGroupMetadata tells the leader what this member owns, in the consumer protocol's own form.
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
	return meta.AppendTo(nil)
}

func (assignor) ParseSyncAssignment(assignment []byte) (map[string][]int32, error) {
	return kgo.ParseConsumerSyncAssignment(assignment)
}

func (a assignor) MemberBalancer(members []kmsg.JoinGroupResponseMember) (kgo.GroupMemberBalancer, map[string]struct{}, error) {
	b, err := kgo.NewConsumerBalancer(a, members)
	if err != nil {
		return nil, nil, err
	}
	return b, b.MemberTopics(), nil
}

// Balance runs on the group's leader. topics gives the partition count of each topic.
func (assignor) Balance(b *kgo.ConsumerBalancer, topics map[string]int32) kgo.IntoSyncAssignment {
	count := int32(0)
	for _, n := range topics {
		count = max(count, n)
	}
	byName := map[string]*kmsg.JoinGroupResponseMember{}
	var members []partition.Member
	claims := claimsOf(b)
	b.EachMember(func(m *kmsg.JoinGroupResponseMember, _ *kmsg.ConsumerMemberMetadata) {
		name := memberName(m)
		byName[name] = m
		members = append(members, partition.Member{ID: name, Owned: claims[name]})
	})
	plan := b.NewPlan()
	for name, numbers := range partition.Assign(members, count, partition.Orders{}) {
		for topic, n := range topics {
			for _, p := range numbers {
				if p < n {
					plan.AddPartition(byName[name], topic, p)
				}
			}
		}
	}
	plan.AdjustCooperative(b) // what moves is first revoked, and given out in the rebalance that follows
	return plan
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
