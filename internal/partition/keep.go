package partition

// Keeping returns orders under which a partition stays with whoever owns it, unless o says otherwise. An order of an
// operator then moves what it names and nothing else: without that, a pin that makes loads unequal would have some other
// partition move the other way for balance, and stand still meanwhile.
//
// It returns o unchanged, so that Assign balances, where a member that may own partitions has none, as one that has just
// come, or has more than its capacity. Who leaves needs no balance: what it owned goes where the load is least.
func (o Orders) Keeping(members []Member) Orders {
	pins := map[int32]string{}
	for _, m := range members {
		if o.Drains[m.ID] {
			continue
		}
		if len(m.Owned) == 0 || m.Capacity > 0 && len(m.Owned) > m.Capacity {
			return o
		}
		for _, p := range m.Owned {
			if other, claimed := pins[p]; !claimed || m.ID < other {
				pins[p] = m.ID
			}
		}
	}
	present := map[string]bool{}
	for _, m := range members {
		present[m.ID] = !o.Drains[m.ID]
	}
	for p, member := range o.Pins {
		if present[member] { // else it waits, and who owns p keeps it
			pins[p] = member
		}
	}
	return Orders{Pins: pins, Drains: o.Drains}
}

// Share gives each of some partitions to one of the members, by the measures of Assign and without orders: a worker's
// among its sessions.
func Share(members []Member, partitions []int32) map[string][]int32 {
	place := make(map[int32]int32, len(partitions))
	for i, p := range partitions {
		place[p] = int32(i)
	}
	places := func(of []int32) (out []int32) {
		for _, p := range of {
			if i, ok := place[p]; ok {
				out = append(out, i)
			}
		}
		return out
	}
	inside := make([]Member, len(members))
	for i, m := range members {
		inside[i] = Member{ID: m.ID, Owned: places(m.Owned), Warm: places(m.Warm), Capacity: m.Capacity}
	}
	shares := Assign(inside, int32(len(partitions)), Orders{})
	for _, share := range shares {
		for i, at := range share {
			share[i] = partitions[at]
		}
	}
	return shares
}
