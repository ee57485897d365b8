package partition

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Member is a worker among which partitions are shared out.
type Member struct {
	ID       string  // unique, and the same after a restart, so that pins and drains keep their meaning
	Owned    []int32 // partitions it looks after now
	Warm     []int32 // partitions it does not own but follows, so that taking one over is quick
	Capacity int     // how many it should own at most; zero or less sets no limit
	Standbys int     // how many it is ready to follow without owning them; zero or less: none
}

// Orders are an operator's wishes, which come before balance and before what members own. A drain beats a pin, and a pin
// to a member that is absent or drained waits until the member is there.
type Orders struct {
	Pins   map[int32]string // partition → ID of the member to own it
	Drains map[string]bool  // IDs of members to own nothing
}

// Assign gives each of n partitions to one member, and returns every member's partitions in rising order. Only the
// numbers are assigned: whoever owns p reads partition p of every input topic and writes partition p of every output.
//
// Among all the assignments that obey the orders it returns one that is best by these measures, the earlier ones first:
// as few partitions above a capacity as can be (somebody has to own each); loads as equal as can be; as few partitions
// moved from a member that owns them; as many of the moved ones as can be to members that are warm. The result does not
// depend on the order of the arguments. If no member may own anything, nobody does.
func Assign(members []Member, n int32, orders Orders) map[string][]int32 {
	assigned := make(map[string][]int32, len(members))
	s := seating{}
	for _, m := range members {
		if _, twice := assigned[m.ID]; twice {
			panic(fmt.Sprintf("partition: two members are called %q", m.ID))
		}
		assigned[m.ID] = nil
		if !orders.Drains[m.ID] {
			s.seats = append(s.seats, newSeat(m, n))
		}
	}
	if len(s.seats) == 0 {
		return assigned
	}
	slices.SortFunc(s.seats, func(a, b seat) int { return strings.Compare(a.member, b.member) })
	for _, p := range s.pin(n, orders.Pins) {
		s.place(p)
	}
	for _, seat := range s.seats {
		assigned[seat.member] = slices.Sorted(slices.Values(append(seat.pinned, seat.held...)))
	}
	return assigned
}

// seating is an assignment being built: a minimum-cost flow of partitions to seats. Adding partition after partition,
// each along the cheapest chain of moves, keeps it the cheapest of all for the partitions placed so far.
type seating struct {
	seats []seat // by member, so that ties always fall the same way
}

// seat is one member's place in a seating.
type seat struct {
	member   string
	capacity int
	pinned   []int32 // there by order: never part of a chain of moves
	held     []int32 // there by cost
	hops     []link  // per seat: the cheapest way to pass on one of those held
	fit      []cost  // per partition: what having it here costs, whatever the load
}

// cost compares like a number whose most significant digit comes first.
type cost struct {
	over  int32 // partitions above a capacity
	load  int32 // sum over partitions of how many were there before; least when loads are equal
	moves int32 // partitions taken from a member that owns them, or that nobody owned
	cold  int32 // of those, how many went to a member that is not warm
}

func (c cost) plus(d cost) cost {
	return cost{c.over + d.over, c.load + d.load, c.moves + d.moves, c.cold + d.cold}
}

func (c cost) minus(d cost) cost {
	return cost{c.over - d.over, c.load - d.load, c.moves - d.moves, c.cold - d.cold}
}

func (c cost) less(d cost) bool {
	return cmp.Or(cmp.Compare(c.over, d.over), cmp.Compare(c.load, d.load),
		cmp.Compare(c.moves, d.moves), cmp.Compare(c.cold, d.cold)) < 0
}

func newSeat(m Member, n int32) seat {
	s := seat{member: m.ID, capacity: m.Capacity, fit: make([]cost, n)}
	for p := range s.fit {
		s.fit[p] = cost{moves: 1, cold: 1}
	}
	s.rate(m.Warm, cost{moves: 1})
	s.rate(m.Owned, cost{})
	return s
}

// rate sets what having each of these partitions costs. Numbers that do not exist (any more) are passed over: a member
// may report what it knew under another number of partitions.
func (s *seat) rate(partitions []int32, c cost) {
	for _, p := range partitions {
		if p >= 0 && int(p) < len(s.fit) {
			s.fit[p] = c
		}
	}
}

// next is what one more partition costs here, whichever it is.
func (s *seat) next() cost {
	load := len(s.pinned) + len(s.held)
	c := cost{load: int32(load)}
	if s.capacity > 0 && load >= s.capacity {
		c.over = 1
	}
	return c
}

// pin seats the partitions whose member is chosen by order, and returns the others.
func (s *seating) pin(n int32, pins map[int32]string) (free []int32) {
	for p := range n {
		member, ordered := pins[p]
		i, present := slices.BinarySearchFunc(s.seats, member, func(s seat, id string) int {
			return strings.Compare(s.member, id)
		})
		if ordered && present {
			s.seats[i].pinned = append(s.seats[i].pinned, p)
		} else {
			free = append(free, p)
		}
	}
	return free
}
