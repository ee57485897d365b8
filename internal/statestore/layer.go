package statestore

import (
	"slices"
	"strings"
)

// layerRetainWrites is how large a layer may have grown and still be reused: emptying a map costs its capacity, so a
// layer that held a whole recovery once must not make every later, small batch pay for it.
const layerRetainWrites = 1 << 16

// layer is a set of writes, the newest for each key. It remembers the order in which keys first came, so that what is
// built from it does not depend on a map's order.
type layer struct {
	index  map[string]int // key → position in writes
	writes []write
	bytes  int
}

// write is one key's newest write. Its value is overwritten in place by the next one, so it never leaves the package
// uncopied.
type write struct {
	key     string
	value   []byte
	deletes bool
}

func newLayer() *layer { return &layer{index: map[string]int{}} }

// newLayerLike returns an empty layer with room for as much as l holds, within reason: what was written since the last
// flush tells best how much will be until the next.
func newLayerLike(l *layer) *layer {
	room := min(len(l.writes), layerRetainWrites)
	return &layer{index: make(map[string]int, room), writes: make([]write, 0, room)}
}

func (l *layer) find(key []byte) (*write, bool) {
	i, ok := l.index[string(key)]
	if !ok {
		return nil, false
	}
	return &l.writes[i], true
}

// put is for the hot path, where the key is known as a rule and must not be copied to find that out.
func (l *layer) put(key, value []byte, deletes bool) {
	i, ok := l.index[string(key)]
	if !ok {
		i = l.add(string(key))
	}
	l.replace(i, value, deletes)
}

// absorb writes all of other over what is here.
func (l *layer) absorb(other *layer) {
	for _, w := range other.writes {
		i, ok := l.index[w.key]
		if !ok {
			i = l.add(w.key)
		}
		l.replace(i, w.value, w.deletes)
	}
}

func (l *layer) add(key string) int {
	i := len(l.writes)
	l.index[key] = i
	l.writes = append(l.writes, write{key: key})
	l.bytes += len(key)
	return i
}

func (l *layer) replace(i int, value []byte, deletes bool) {
	w := &l.writes[i]
	l.bytes += len(value) - len(w.value)
	w.value, w.deletes = append(w.value[:0], value...), deletes
}

func (l *layer) reset() {
	if len(l.writes) > layerRetainWrites {
		*l = *newLayer()
		return
	}
	clear(l.index)
	clear(l.writes)
	l.writes, l.bytes = l.writes[:0], 0
}

// appendRange appends copies of the writes with start <= key < end that skip does not hold already.
func (l *layer) appendRange(to []write, start, end []byte, skip *layer) []write {
	for _, w := range l.writes {
		if !inRange(w.key, start, end) {
			continue
		}
		if skip != nil {
			if _, newer := skip.index[w.key]; newer {
				continue
			}
		}
		to = append(to, write{key: w.key, value: append([]byte{}, w.value...), deletes: w.deletes})
	}
	return to
}

func sortWrites(writes []write) {
	slices.SortFunc(writes, func(a, b write) int { return strings.Compare(a.key, b.key) })
}
