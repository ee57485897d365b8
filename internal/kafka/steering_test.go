package kafka

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// seat is a member of a steered group, and what it says.
type seat struct {
	session, worker string
	owned           []int32
	capacity        int
	standbys        int
	stores          map[int32]int64
	silent          bool // a version that says nothing
}

// given is what a member is given.
type given struct {
	owned   []int32
	follows []int32
}

func steered(t *testing.T, n int32, orders Orders, seats ...seat) map[string]given {
	t.Helper()
	var members []kmsg.JoinGroupResponseMember
	for _, s := range seats {
		m := kmsg.NewJoinGroupResponseMember()
		m.MemberID, m.InstanceID = "id-"+s.session, &s.session
		a := assignor{steering: Steering{Worker: s.worker, Capacity: s.capacity, Standbys: s.standbys, Stores: func() map[int32]int64 { return s.stores }}}
		if s.silent {
			a = assignor{}
		}
		m.ProtocolMetadata = a.JoinGroupMetadata(assignorTopics, topicPartitions(assignorTopics, s.owned), 5)
		members = append(members, m)
	}
	leader := assignor{steering: Steering{Worker: "leader", Orders: func() Orders { return orders }}}
	b, _, err := leader.MemberBalancer(members)
	if err != nil {
		t.Fatal(err)
	}
	plan, err := b.(kgo.GroupMemberBalancerOrError).BalanceOrError(map[string]int32{"x.commands": n, "x.dispatch": n})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]given{}
	for _, a := range plan.IntoSyncAssignment() {
		var g given
		topics, err := assignor{steering: Steering{StandBy: func(ps []int32) { g.follows = ps }}}.ParseSyncAssignment(a.MemberAssignment)
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(topics["x.commands"], topics["x.dispatch"]) {
			t.Errorf("%s owns %v", a.MemberID, topics)
		}
		g.owned = topics["x.commands"]
		out[strings.TrimPrefix(a.MemberID, "id-")] = g
	}
	return out
}

func TestSteeredAssignments(t *testing.T) {
	t.Parallel()
	far := map[int32]int64{0: 1_000_000, 1: 1_000_000, 2: 1_000_000, 3: 1_000_000}
	for _, tc := range []struct {
		name   string
		orders Orders
		seats  []seat
		want   map[string]given
	}{
		{
			"sessions of one worker count together", Orders{},
			[]seat{{session: "a0", worker: "a", owned: []int32{0}}, {session: "a1", worker: "a", owned: []int32{1}}, {session: "b0", worker: "b", owned: []int32{2, 3}}},
			map[string]given{"a0": {owned: []int32{0}}, "a1": {owned: []int32{1}}, "b0": {owned: []int32{2, 3}}},
		},
		{
			"a pin is to a worker, and first taken away", Orders{Pins: map[int32]string{0: "b"}},
			[]seat{{session: "a0", worker: "a", owned: []int32{0, 1}}, {session: "b0", worker: "b", owned: []int32{2, 3}}},
			map[string]given{"a0": {owned: []int32{1}}, "b0": {owned: []int32{2, 3}}},
		},
		{
			"and then given", Orders{Pins: map[int32]string{0: "b"}},
			[]seat{{session: "a0", worker: "a", owned: []int32{1}}, {session: "b0", worker: "b", owned: []int32{2, 3}}},
			map[string]given{"a0": {owned: []int32{1}}, "b0": {owned: []int32{0, 2, 3}}},
		},
		{
			"a pin to one who is gone leaves nobody without an owner", Orders{Pins: map[int32]string{0: "z"}},
			[]seat{{session: "a0", worker: "a", owned: []int32{1}}, {session: "b0", worker: "b", owned: []int32{2, 3}}},
			map[string]given{"a0": {owned: []int32{0, 1}}, "b0": {owned: []int32{2, 3}}},
		},
		{
			"a drained worker follows nothing either", Orders{Drains: map[string]bool{"a": true}},
			[]seat{{session: "a0", worker: "a", standbys: 2}, {session: "b0", worker: "b", owned: []int32{0, 1}, standbys: 2}, {session: "c0", worker: "c", owned: []int32{2, 3}, standbys: 2}},
			map[string]given{"a0": {}, "b0": {owned: []int32{0, 1}, follows: []int32{2, 3}}, "c0": {owned: []int32{2, 3}, follows: []int32{0, 1}}},
		},
		{
			"what nobody owns goes to the warm", Orders{},
			[]seat{{session: "a0", worker: "a", owned: []int32{0}, stores: map[int32]int64{0: 9, 1: 5}}, {session: "b0", worker: "b", owned: []int32{3}, stores: map[int32]int64{2: 7}}},
			map[string]given{"a0": {owned: []int32{0, 1}}, "b0": {owned: []int32{2, 3}}},
		},
		{
			"far behind is not warm", Orders{},
			[]seat{{session: "a0", worker: "a", owned: []int32{0}, stores: map[int32]int64{1: 1_000_000 - warmGapMax - 1, 2: 1_000_000}}, {session: "b0", worker: "b", owned: []int32{3}, stores: map[int32]int64{1: 1_000_000}}},
			map[string]given{"a0": {owned: []int32{0, 2}}, "b0": {owned: []int32{1, 3}}},
		},
		{
			"who is about to get a partition goes on following it", Orders{Pins: map[int32]string{0: "b"}},
			[]seat{{session: "a0", worker: "a", owned: []int32{0, 1}, stores: far, standbys: 1}, {session: "b0", worker: "b", owned: []int32{2, 3}, stores: far, standbys: 1}},
			map[string]given{"a0": {owned: []int32{1}, follows: []int32{0}}, "b0": {owned: []int32{2, 3}, follows: []int32{0, 1}}},
		},
		{
			"a member that says nothing stands for itself", Orders{},
			[]seat{{session: "a0", silent: true, owned: []int32{0, 1}}, {session: "b0", worker: "b", owned: []int32{2, 3}}},
			map[string]given{"a0": {owned: []int32{0, 1}}, "b0": {owned: []int32{2, 3}}},
		},
		{
			"a capacity bounds a worker, not a session", Orders{},
			[]seat{{session: "a0", worker: "a", capacity: 1}, {session: "a1", worker: "a", capacity: 1}, {session: "b0", worker: "b", owned: []int32{0, 1, 2, 3}}},
			map[string]given{"a0": {}, "a1": {}, "b0": {owned: []int32{0, 2, 3}}},
		},
	} {
		got := steered(t, 4, tc.orders, tc.seats...)
		if !maps.EqualFunc(got, tc.want, func(a, b given) bool { return slices.Equal(a.owned, b.owned) && slices.Equal(a.follows, b.follows) }) {
			t.Errorf("%s:\n got %v\nwant %v", tc.name, got, tc.want)
		}
	}
}

func TestWordsThatAreNotKnownAreNoWords(t *testing.T) {
	t.Parallel()
	for _, data := range []string{"", "{", `{"v":2,"worker":"a"}`, `{"v":1}`, "\x00\x01"} {
		m := readMember("s", &kmsg.ConsumerMemberMetadata{UserData: []byte(data)})
		if m.words.Worker != "s" || m.words.Standbys != 0 {
			t.Errorf("%q: %+v", data, m)
		}
		heard := []int32{1}
		Steering{StandBy: func(ps []int32) { heard = ps }}.hear([]byte(data))
		if len(heard) != 0 {
			t.Errorf("%q: follows %v", data, heard)
		}
	}
}
