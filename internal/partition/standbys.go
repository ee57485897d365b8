package partition

import (
	"slices"
	"strings"
)

// forbidden is what following a partition costs whoever owns it, or follows it already: more than one above capacity,
// which is no answer either.
func forbidden() cost { return cost{over: 2} }

// Standbys returns which partitions each member is to follow without owning them, in rising order: up to its Standbys,
// and none that owners gives it. No partition gets a second follower while another could get its first. Among those
// choices it takes one with loads as equal as can be, and then with as few new followers as can be: whoever is warm goes
// on. A member in drains follows nothing: it is about to go.
func Standbys(members []Member, owners map[string][]int32, n int32, drains map[string]bool) map[string][]int32 {
	followed := map[string][]int32{}
	for {
		s := seating{}
		for _, m := range members {
			if m.Standbys > len(followed[m.ID]) && !drains[m.ID] {
				s.seats = append(s.seats, standbySeat(m, owners[m.ID], followed[m.ID], n))
			}
		}
		slices.SortFunc(s.seats, func(a, b seat) int { return strings.Compare(a.member, b.member) })
		if len(s.seats) > 0 {
			for p := range n {
				s.place(p)
			}
		}
		more := false
		for _, seat := range s.seats {
			chosen := seat.allowed()
			more = more || len(chosen) > 0
			followed[seat.member] = slices.Sorted(slices.Values(append(followed[seat.member], chosen...)))
		}
		if !more {
			return followed
		}
	}
}

// standbySeat is a member's place in one round, in which each partition gets one follower more.
func standbySeat(m Member, owned, followed []int32, n int32) seat {
	s := seat{member: m.ID, capacity: m.Standbys, pinned: followed, fit: make([]cost, n)}
	for p := range s.fit {
		s.fit[p] = cost{moves: 1}
	}
	s.rate(m.Warm, cost{})
	s.rate(owned, forbidden())
	s.rate(followed, forbidden())
	return s
}

// allowed are the partitions of those held that the member can follow, within its capacity: the warm ones first.
func (s *seat) allowed() []int32 {
	held := slices.DeleteFunc(slices.Clone(s.held), func(p int32) bool { return s.fit[p] == forbidden() })
	slices.SortFunc(held, func(a, b int32) int {
		if c := s.fit[a].moves - s.fit[b].moves; c != 0 {
			return int(c)
		}
		return int(a - b)
	})
	return held[:min(len(held), s.capacity-len(s.pinned))]
}
