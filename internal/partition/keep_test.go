package partition

import (
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func TestAnOrderMovesWhatItNamesAlone(t *testing.T) {
	t.Parallel()
	two := func() []Member {
		return []Member{{ID: "a", Owned: []int32{0, 1, 2}}, {ID: "b", Owned: []int32{3, 4, 5}}}
	}
	for _, tc := range []struct {
		name    string
		members []Member
		n       int32
		orders  Orders
		want    map[string][]int32

		balances bool
	}{
		{"a pin", two(), 6, Orders{Pins: map[int32]string{1: "b"}},
			map[string][]int32{"a": {0, 2}, "b": {1, 3, 4, 5}}, false},
		{"a second pin", []Member{{ID: "a", Owned: []int32{0, 2}}, {ID: "b", Owned: []int32{1, 3, 4, 5}}}, 6,
			Orders{Pins: map[int32]string{1: "b", 2: "b"}}, map[string][]int32{"a": {0}, "b": {1, 2, 3, 4, 5}}, false},
		{"a pin to one who is gone", two(), 6, Orders{Pins: map[int32]string{1: "z"}},
			map[string][]int32{"a": {0, 1, 2}, "b": {3, 4, 5}}, false},
		{"a pin whose partition nobody owns", []Member{{ID: "a", Owned: []int32{0}}, {ID: "b", Owned: []int32{2}}}, 3,
			Orders{Pins: map[int32]string{1: "z"}}, map[string][]int32{"a": {0, 1}, "b": {2}}, false},
		{"the second phase of a pin", []Member{{ID: "a", Owned: []int32{0, 2}}, {ID: "b", Owned: []int32{3, 4, 5}}}, 6,
			Orders{Pins: map[int32]string{1: "b"}}, map[string][]int32{"a": {0, 2}, "b": {1, 3, 4, 5}}, false},
		{"a drain", two(), 6, Orders{Drains: map[string]bool{"a": true}},
			map[string][]int32{"a": nil, "b": {0, 1, 2, 3, 4, 5}}, false},
		{"a drain beats a pin", two(), 6, Orders{Pins: map[int32]string{5: "a"}, Drains: map[string]bool{"a": true}},
			map[string][]int32{"a": nil, "b": {0, 1, 2, 3, 4, 5}}, false},
		{"a drain undone", []Member{{ID: "a"}, {ID: "b", Owned: []int32{0, 1, 2, 3}}}, 4, Orders{},
			map[string][]int32{"a": {0, 1}, "b": {2, 3}}, true},
		{"somebody comes", append(two(), Member{ID: "c"}), 6, Orders{Pins: map[int32]string{5: "b"}},
			map[string][]int32{"a": {0, 1}, "b": {4, 5}, "c": {2, 3}}, true},
		{"somebody has more than its capacity", []Member{{ID: "a", Owned: []int32{0, 1, 2}, Capacity: 1}, {ID: "b", Owned: []int32{3}}}, 4,
			Orders{}, map[string][]int32{"a": {0}, "b": {1, 2, 3}}, true},
		{"two claim one", []Member{{ID: "a", Owned: []int32{0, 1}}, {ID: "b", Owned: []int32{1}}}, 2, Orders{},
			map[string][]int32{"a": {0, 1}, "b": nil}, false},
	} {
		got := Assign(tc.members, tc.n, tc.orders.Keeping(tc.members))
		same := slices.Equal[[]int32]
		if tc.balances { // who gets what is then for Assign to choose
			same = func(a, b []int32) bool { return len(a) == len(b) }
		}
		if !maps.EqualFunc(got, tc.want, same) {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestAPinWithoutKeepingMovesAnother shows what Keeping is for.
func TestAPinWithoutKeepingMovesAnother(t *testing.T) {
	t.Parallel()
	members := []Member{{ID: "a", Owned: []int32{0, 1, 2}}, {ID: "b", Owned: []int32{3, 4, 5}}}
	got := Assign(members, 6, Orders{Pins: map[int32]string{1: "b"}})
	if len(got["b"]) != 3 || !slices.Contains(got["b"], 1) {
		t.Errorf("%v: this is not what it was thought to be", got)
	}
}

func TestKeepingBreaksNoLaw(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t, 6, 16)
		kept := s
		kept.orders = s.orders.Keeping(s.members)
		got := kept.assign()
		for _, law := range laws() {
			if law.name == "loads are equal within one" {
				continue
			}
			if err := law.check(s, got); err != nil {
				t.Errorf("%s: %v in %v", law.name, err, got)
			}
		}
	})
}

func TestSharesAreOfTheGivenPartitions(t *testing.T) {
	t.Parallel()
	got := Share([]Member{{ID: "x", Owned: []int32{7, 8}}, {ID: "y", Owned: []int32{3}}}, []int32{3, 5, 7, 9})
	if !slices.Contains(got["x"], 7) || !slices.Contains(got["y"], 3) || len(got["x"]) != 2 || len(got["y"]) != 2 {
		t.Errorf("%v", got)
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(got["x"]), got["y"]...)))
	if !slices.Equal(all, []int32{3, 5, 7, 9}) {
		t.Errorf("%v", got)
	}
}
