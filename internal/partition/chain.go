package partition

import "slices"

// link is the end of a chain of moves: partition carry comes to this link's seat from seat from, which in turn receives
// what its own link carries, and so on back to a partition that comes from outside.
type link struct {
	carry int32
	from  int  // outside, or a seat
	cost  cost // of the whole chain
}

const outside = -1

// place adds partition p along the cheapest chain of moves: p goes to one seat, which may pass another partition on.
func (s *seating) place(p int32) {
	chains := s.chains(p)
	end, best := 0, chains[0].cost.plus(s.seats[0].next())
	for i := 1; i < len(chains); i++ {
		if c := chains[i].cost.plus(s.seats[i].next()); c.less(best) {
			end, best = i, c
		}
	}
	for to := end; to != outside; to = chains[to].from {
		s.move(chains[to], to)
	}
}

// chains returns for each seat the cheapest chain that brings p in and leaves that seat with one partition more
// (Bellman–Ford: a chain visits a seat once at most, so there is nothing to gain after as many rounds as seats).
func (s *seating) chains(p int32) []link {
	chains := make([]link, len(s.seats))
	for i, seat := range s.seats {
		chains[i] = link{carry: p, from: outside, cost: seat.fit[p]}
	}
	for range s.seats {
		changed := false
		for i := range s.seats {
			changed = s.extend(chains, i) || changed
		}
		if !changed {
			break
		}
	}
	return chains
}

// extend lets one seat pass a partition on to each other seat, and reports whether a chain became cheaper.
func (s *seating) extend(chains []link, from int) (changed bool) {
	for to, hop := range s.seats[from].hops {
		if c := chains[from].cost.plus(hop.cost); c.less(chains[to].cost) {
			chains[to] = link{carry: hop.carry, from: from, cost: c}
			changed = true
		}
	}
	return changed
}

// move carries out one link. Only the taker plans anew: a giver is the taker of the link before.
func (s *seating) move(l link, to int) {
	if l.from != outside {
		giver := &s.seats[l.from]
		giver.held = slices.DeleteFunc(giver.held, func(p int32) bool { return p == l.carry })
	}
	s.seats[to].held = append(s.seats[to].held, l.carry)
	s.plan(to)
}

// plan finds which partition a seat would best pass on to each other seat, whenever what it holds has changed.
func (s *seating) plan(from int) {
	giver := &s.seats[from]
	giver.hops = giver.hops[:0]
	if len(giver.held) == 0 {
		return
	}
	for _, taker := range s.seats {
		var best link
		for i, p := range giver.held {
			if c := taker.fit[p].minus(giver.fit[p]); i == 0 || c.less(best.cost) {
				best = link{carry: p, from: from, cost: c}
			}
		}
		giver.hops = append(giver.hops, best)
	}
}
