package partition

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// settle returns the members as they are once they own what was assigned.
func settle(members []Member, assigned map[string][]int32) []Member {
	settled := slices.Clone(members)
	for i, m := range settled {
		settled[i].Owned = assigned[m.ID]
	}
	return settled
}

// moved counts the partitions that are not where they were.
func moved(before, after map[string][]int32) (n int) {
	for member, partitions := range after {
		for _, p := range partitions {
			if !slices.Contains(before[member], p) {
				n++
			}
		}
	}
	return n
}

func team(size int) (members []Member) {
	for i := range size {
		members = append(members, Member{ID: fmt.Sprintf("w%02d", i)})
	}
	return members
}

func TestNothingMovesWhenNothingChanges(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t, 6, 24)
		before := s.assign()
		s.members = settle(s.members, before)
		if after := s.assign(); !maps.EqualFunc(before, after, slices.Equal) {
			t.Errorf("%v became %v", before, after)
		}
	})
}

func TestAMemberThatLeavesMovesOnlyWhatItOwned(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members := team(rapid.IntRange(2, 8).Draw(t, "members"))
		n := rapid.Int32Range(1, 48).Draw(t, "n")
		before := Assign(members, n, Orders{})
		gone := rapid.SampledFrom(members).Draw(t, "gone").ID
		stayed := slices.DeleteFunc(settle(members, before), func(m Member) bool { return m.ID == gone })
		if got, want := moved(before, Assign(stayed, n, Orders{})), len(before[gone]); got != want {
			t.Errorf("%d partitions moved, but %s owned %d", got, gone, want)
		}
	})
}

func TestAMemberThatJoinsIsGivenItsShareAndNothingElseMoves(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		members := team(rapid.IntRange(1, 8).Draw(t, "members"))
		n := rapid.Int32Range(1, 48).Draw(t, "n")
		before := Assign(members, n, Orders{})
		joined := append(settle(members, before), Member{ID: "newcomer"})
		after := Assign(joined, n, Orders{})
		if got, want := moved(before, after), int(n)/len(joined); got != want || len(after["newcomer"]) != want {
			t.Errorf("%d partitions moved, %d of them to the newcomer, want %d", got, len(after["newcomer"]), want)
		}
	})
}

func TestADrainMovesOnlyWhatTheMemberOwned(t *testing.T) {
	t.Parallel()
	members := team(3)
	before := Assign(members, 12, Orders{})
	after := Assign(settle(members, before), 12, Orders{Drains: map[string]bool{"w01": true}})
	if got := moved(before, after); got != 4 || len(after["w01"]) != 0 {
		t.Errorf("%d partitions moved and %v stayed, want 4 and none", got, after["w01"])
	}
}

func TestTakingOverPrefersWhoeverIsWarm(t *testing.T) {
	t.Parallel()
	members := []Member{
		{ID: "w0", Owned: []int32{0, 1}, Warm: []int32{4, 5}}, // warm for both, but must leave 4
		{ID: "w1", Owned: []int32{2, 3}, Warm: []int32{4}},    // to w1, which is cold for 5
	}
	got := Assign(members, 6, Orders{})
	if want := (map[string][]int32{"w0": {0, 1, 5}, "w1": {2, 3, 4}}); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAMemberGivesUpWhatTheNewcomerIsWarmFor(t *testing.T) {
	t.Parallel()
	got := Assign([]Member{{ID: "w0", Owned: []int32{0, 1, 2, 3}}, {ID: "w1", Warm: []int32{0, 2}}}, 4, Orders{})
	if want := (map[string][]int32{"w0": {1, 3}, "w1": {0, 2}}); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestAPinWaitsForItsMember(t *testing.T) {
	t.Parallel()
	pins := map[int32]string{0: "w09", 1: "w01"}
	for name, c := range map[string]struct {
		drains map[string]bool
		want   map[string][]int32
	}{
		"absent":             {nil, map[string][]int32{"w00": {0}, "w01": {1}}},
		"absent and drained": {map[string]bool{"w01": true}, map[string][]int32{"w00": {0, 1}, "w01": nil}},
	} {
		if got := Assign(team(2), 2, Orders{Pins: pins, Drains: c.drains}); !maps.EqualFunc(got, c.want, slices.Equal) {
			t.Errorf("%s: %v, want %v", name, got, c.want)
		}
	}
}

func TestCapacityYieldsOnlyWhenEveryoneIsFull(t *testing.T) {
	t.Parallel()
	members := []Member{{ID: "w0", Capacity: 1}, {ID: "w1", Capacity: 2}, {ID: "w2", Capacity: 3}}
	for n, want := range map[int32][3]int{4: {1, 2, 1}, 6: {1, 2, 3}, 8: {3, 2, 3}} {
		got := Assign(members, n, Orders{})
		if loads := [3]int{len(got["w0"]), len(got["w1"]), len(got["w2"])}; loads != want {
			t.Errorf("%d partitions are shared out as %v, want %v", n, loads, want)
		}
	}
}
