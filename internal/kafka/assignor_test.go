package kafka

import (
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

var assignorTopics = []string{"x.commands", "x.dispatch"}

// claim is what a member says it owns, and since which generation.
type claim struct {
	numbers    []int32
	generation int32
}

func balance(t *testing.T, claims map[string]claim, n int32) map[string]map[string][]int32 {
	t.Helper()
	var members []kmsg.JoinGroupResponseMember
	for name, c := range claims {
		m := kmsg.NewJoinGroupResponseMember()
		m.MemberID, m.InstanceID = "id-"+name, &name
		m.ProtocolMetadata = assignor{}.JoinGroupMetadata(assignorTopics, topicPartitions(assignorTopics, c.numbers), c.generation)
		members = append(members, m)
	}
	slices.SortFunc(members, func(a, b kmsg.JoinGroupResponseMember) int { return strings.Compare(a.MemberID, b.MemberID) })
	b, topics, err := assignor{}.MemberBalancer(members)
	if err != nil {
		t.Fatal(err)
	}
	if len(topics) != 2 {
		t.Fatalf("topics %v", topics)
	}
	plan, err := b.(kgo.GroupMemberBalancerOrError).BalanceOrError(map[string]int32{"x.commands": n, "x.dispatch": n})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string][]int32{}
	for _, a := range plan.IntoSyncAssignment() {
		got, err := assignor{}.ParseSyncAssignment(a.MemberAssignment)
		if err != nil {
			t.Fatal(err)
		}
		out[strings.TrimPrefix(a.MemberID, "id-")] = got
	}
	return out
}

func TestAMemberOwnsTheSamePartitionsOfEveryTopic(t *testing.T) {
	t.Parallel()
	got := balance(t, map[string]claim{"a": {}, "b": {}, "c": {}}, 8)
	seen := map[int32]int{}
	for name, topics := range got {
		if !slices.Equal(topics["x.commands"], topics["x.dispatch"]) {
			t.Errorf("%s owns %v", name, topics)
		}
		for _, p := range topics["x.commands"] {
			seen[p]++
		}
	}
	if len(seen) != 8 {
		t.Errorf("assigned %v", seen)
	}
}

func TestWhatMovesIsRevokedFirst(t *testing.T) {
	t.Parallel()
	before := map[string]claim{"a": {[]int32{0, 1, 2, 3}, 5}, "b": {nil, 5}}
	first := balance(t, before, 4)
	if len(first["a"]["x.commands"]) != 2 || len(first["b"]["x.commands"]) != 0 {
		t.Fatalf("a partition was given before it was taken: %v", first)
	}
	second := balance(t, map[string]claim{"a": {first["a"]["x.commands"], 6}, "b": {nil, 6}}, 4)
	if !slices.Equal(second["a"]["x.commands"], first["a"]["x.commands"]) || len(second["b"]["x.commands"]) != 2 {
		t.Fatalf("the second rebalance gives what the first took: %v", second)
	}
}

func TestAStaleClaimDoesNotHold(t *testing.T) {
	t.Parallel()
	// b slept through two generations and still claims all; a has been given them meanwhile.
	got := balance(t, map[string]claim{"a": {[]int32{0, 1}, 7}, "b": {[]int32{0, 1, 2, 3}, 5}}, 4)
	if a := got["a"]["x.commands"]; !slices.Equal(a, []int32{0, 1}) {
		t.Fatalf("a keeps %v", a)
	}
}

func TestPositionsCompleteARequest(t *testing.T) {
	t.Parallel()
	req := kmsg.NewPtrTxnOffsetCommitRequest()
	raisePositions(req, []Position{{"x.commands", 1, 7}, {"x.commands", 2, 7}})
	raisePositions(req, []Position{{"x.commands", 1, 9}, {"x.commands", 2, 5}, {"x.dispatch", 1, 3}, {"x.dispatch", 2, 4}})
	got := map[string]map[int32]int64{}
	for _, t := range req.Topics {
		got[t.Topic] = map[int32]int64{}
		for _, p := range t.Partitions {
			got[t.Topic][p.Partition] = p.Offset
		}
	}
	if got["x.commands"][1] != 9 || got["x.commands"][2] != 7 || got["x.dispatch"][1] != 3 || got["x.dispatch"][2] != 4 || len(req.Topics) != 2 {
		t.Fatalf("%v: a position never falls, and what is missing is added", got)
	}
}
