package partition

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestStandbys(t *testing.T) {
	t.Parallel()
	three := func(k int) ([]Member, map[string][]int32) {
		return []Member{{ID: "a", Standbys: k}, {ID: "b", Standbys: k}, {ID: "c", Standbys: k}},
			map[string][]int32{"a": {0, 1}, "b": {2, 3}, "c": {4, 5}}
	}
	members, owners := three(2)
	got := Standbys(members, owners, 6, nil)
	if err := followersEach(got, owners, 6, 1); err != nil {
		t.Errorf("as many places as partitions: %v in %v", err, got)
	}
	members, owners = three(4)
	if err := followersEach(Standbys(members, owners, 6, nil), owners, 6, 2); err != nil {
		t.Error(err)
	}
	// Whoever is warm goes on.
	members, owners = three(1)
	members[0].Warm, members[1].Warm, members[2].Warm = []int32{4}, []int32{0}, []int32{3}
	want := map[string][]int32{"a": {4}, "b": {0}, "c": {3}}
	if got := Standbys(members, owners, 6, nil); !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := Standbys(members, owners, 6, map[string]bool{"b": true}); len(got["b"]) != 0 || len(got["a"]) != 1 {
		t.Errorf("with b drained: %v", got)
	}
	if got := Standbys([]Member{{ID: "a", Standbys: 3}}, map[string][]int32{"a": {0, 1}}, 2, nil); len(got["a"]) != 0 {
		t.Errorf("alone it follows itself: %v", got)
	}
	if got := Standbys([]Member{{ID: "a"}, {ID: "b"}}, map[string][]int32{"a": {0}}, 1, nil); len(got) != 0 {
		t.Errorf("nobody is ready to follow: %v", got)
	}
}

type failure string

func (f failure) Error() string { return string(f) }

// followersEach checks that nobody follows its own, and that each partition has so many followers.
func followersEach(got, owners map[string][]int32, n int32, want int) error {
	count := make([]int, n)
	for member, ps := range got {
		for i, p := range ps {
			if slices.Contains(owners[member], p) {
				return failure(member + " follows its own")
			}
			if i > 0 && ps[i-1] >= p {
				return failure(member + " follows one twice, or out of order")
			}
			count[p]++
		}
	}
	for _, c := range count {
		if want >= 0 && c != want {
			return failure("a partition has the wrong number of followers")
		}
	}
	return nil
}

func TestEveryChoiceOfStandbysKeepsTheLaws(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t, 5, 12)
		for i := range s.members {
			s.members[i].Standbys = rapid.IntRange(-1, 4).Draw(t, "standbys")
		}
		owners := s.assign()
		got := Standbys(s.members, owners, s.n, s.orders.Drains)
		if err := followersEach(got, owners, s.n, -1); err != nil {
			t.Errorf("%v in %v", err, got)
		}
		followers := make([]int, s.n)
		for _, m := range s.members {
			if len(got[m.ID]) > max(0, m.Standbys) || s.orders.Drains[m.ID] && len(got[m.ID]) > 0 {
				t.Errorf("%s follows %v with %d places", m.ID, got[m.ID], m.Standbys)
			}
			for _, p := range got[m.ID] {
				followers[p]++
			}
		}
		for _, m := range s.members { // nobody is idle that could follow a partition without followers
			if s.orders.Drains[m.ID] || len(got[m.ID]) >= m.Standbys {
				continue
			}
			for p := range s.n {
				if followers[p] == 0 && !slices.Contains(owners[m.ID], p) {
					t.Errorf("nobody follows %d, and %s could: %v", p, m.ID, got)
				}
			}
		}
	})
}

// TestTheChecksOfStandbysCatchABreach is the control of followersEach.
func TestTheChecksOfStandbysCatchABreach(t *testing.T) {
	t.Parallel()
	owners := map[string][]int32{"a": {0}, "b": {1}}
	for _, bad := range []map[string][]int32{{"a": {0}}, {"a": {1, 1}}, {"a": {1}}, {}} {
		if followersEach(bad, owners, 2, 1) == nil {
			t.Errorf("%v passes", bad)
		}
	}
}
