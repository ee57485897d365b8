package statestore

import "iter"

// Scan merges what is above with the base: the newest write of a key wins, and deleted keys are left out. What is above
// is copied when the loop begins, so the loop may write to the overlay.
func (o *Overlay) Scan(start, end []byte) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		m := merge{above: o.above(start, end), yield: yield}
		for p, err := range o.base.Scan(start, end) {
			if err != nil {
				yield(Pair{}, err)
				return
			}
			if !m.pass(p) {
				return
			}
		}
		m.rest()
	}
}

// above returns copies of the newest writes in a range, sorted.
func (o *Overlay) above(start, end []byte) []write {
	writes := o.top.appendRange(nil, start, end, nil)
	if o.frozen != nil {
		writes = o.frozen.appendRange(writes, start, end, o.top)
	}
	sortWrites(writes)
	return writes
}

// merge weaves sorted writes into sorted pairs from the base. Its methods report whether the loop goes on.
type merge struct {
	above []write // not yielded yet
	yield func(Pair, error) bool
}

// pass yields what comes before p, then p, or what overrides it.
func (m *merge) pass(p Pair) bool {
	for len(m.above) > 0 && m.above[0].key < string(p.Key) {
		if !m.rise() {
			return false
		}
	}
	if len(m.above) > 0 && m.above[0].key == string(p.Key) {
		return m.rise()
	}
	return m.yield(p, nil)
}

// rest yields what lies past the base's last pair.
func (m *merge) rest() {
	for len(m.above) > 0 {
		if !m.rise() {
			return
		}
	}
}

// rise takes the first write from above and yields it, unless it is a deletion.
func (m *merge) rise() bool {
	w := m.above[0]
	m.above = m.above[1:]
	return w.deletes || m.yield(Pair{Key: []byte(w.key), Value: w.value}, nil)
}
