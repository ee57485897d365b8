package partition

import (
	"slices"
	"testing"

	"pgregory.net/rapid"
)

// price is what an assignment costs by the measures in Assign's comment, counted afresh from the assignment itself.
func price(s situation, owner []string) (c cost) {
	for _, m := range s.eligible() {
		load := 0
		for p, id := range owner {
			if id != m.ID {
				continue
			}
			load++
			if slices.Contains(m.Owned, int32(p)) || s.isPinned(p) {
				continue
			}
			c.moves++
			if !slices.Contains(m.Warm, int32(p)) {
				c.cold++
			}
		}
		c.load += int32(load * (load - 1) / 2)
		if m.Capacity > 0 {
			c.over += int32(max(0, load-m.Capacity))
		}
	}
	return c
}

func (s situation) isPinned(p int) bool {
	_, pinned := s.pinnedTo(int32(p))
	return pinned
}

// cheapest tries every assignment that obeys the orders.
func cheapest(s situation) (best cost) {
	owner := make([]string, s.n)
	first := true
	var try func(p int)
	try = func(p int) {
		if p == len(owner) {
			if c := price(s, owner); first || c.less(best) {
				best, first = c, false
			}
			return
		}
		if member, pinned := s.pinnedTo(int32(p)); pinned {
			owner[p] = member
			try(p + 1)
			return
		}
		for _, m := range s.eligible() {
			owner[p] = m.ID
			try(p + 1)
		}
	}
	try(0)
	return best
}

func owners(s situation, assigned map[string][]int32) []string {
	owner := make([]string, s.n)
	for member, partitions := range assigned {
		for _, p := range partitions {
			owner[p] = member
		}
	}
	return owner
}

func TestNoAssignmentIsBetter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := drawSituation(t, 4, 5)
		if len(s.eligible()) == 0 {
			return
		}
		got := s.assign()
		if c, best := price(s, owners(s, got)), cheapest(s); c != best {
			t.Errorf("%v costs %+v, but %+v is possible", got, c, best)
		}
	})
}

// An assignment that forgets one measure is found out by a situation in which that measure decides.
func TestAWorseAssignmentCostsMore(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		members []Member
		worse   []string
	}{
		"forgets capacity":   {[]Member{{ID: "w0", Capacity: 1}, {ID: "w1"}}, []string{"w0", "w0", "w1", "w1"}},
		"forgets balance":    {[]Member{{ID: "w0", Owned: []int32{0, 1, 2, 3}}, {ID: "w1"}}, []string{"w0", "w0", "w0", "w0"}},
		"forgets who owns":   {[]Member{{ID: "w0", Owned: []int32{2, 3}}, {ID: "w1"}}, []string{"w0", "w0", "w1", "w1"}},
		"forgets who's warm": {[]Member{{ID: "w0", Warm: []int32{2, 3}}, {ID: "w1"}}, []string{"w0", "w0", "w1", "w1"}},
	} {
		s := situation{members: c.members, n: 4}
		if best := cheapest(s); !best.less(price(s, c.worse)) {
			t.Errorf("%s: %v costs no more than the best, %+v", name, c.worse, best)
		}
	}
}

func BenchmarkAssignAfterALoss(b *testing.B) {
	members := team(16)
	settled := settle(members, Assign(members, 256, Orders{}))[1:]
	for b.Loop() {
		Assign(settled, 256, Orders{})
	}
}
