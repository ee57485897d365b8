package engine

import (
	"fmt"

	"recount/internal/es"
)

// change is what a step, a fold or a part of a checkpoint alters in memory. Nothing of it is seen by others before take:
// its entries stand in a list of its own, and a cell's number says whether its place in a list is in this one. So a
// change that is dropped needs no undoing: the next one has another number.
type change struct {
	number     uint64
	touched    []touched
	remember   []remembered // by a fold; what a step remembers stands in the window, not yet sure
	recordedAt int64
	born       int64       // aggregates that had no event before
	checkpoint *checkpoint // how far it has come
	fired      []fired     // timers it has seen to

	hits, misses int // of the cache
}

// touched is an aggregate as the change leaves it.
type touched struct {
	cell  *cell
	entry entry
}

// begin starts a change, in the memory of an earlier one that nobody needs any more. What a step before it remembered,
// and was not committed, is forgotten.
func (p *Partition) begin(memory change) change {
	p.changes++
	p.window.rollBack()
	clear(memory.touched)
	return change{number: p.changes, touched: memory.touched[:0], remember: memory.remember[:0]}
}

// at returns what the change holds of a cell: valid until the next set.
func (c *change) at(x *cell) *entry {
	if x.number == c.number {
		return &c.touched[x.place].entry
	}
	return &x.entry
}

func (c *change) set(x *cell, e *entry) {
	if x.number == c.number {
		c.touched[x.place].entry = *e
		return
	}
	x.number, x.place = c.number, len(c.touched)
	c.touched = append(c.touched, touched{x, *e})
}

// load returns an aggregate's cell, from the cache or from the store; one that is not there yet begins at its zero state.
func (p *Partition) load(c *change, k *kind, id string) (*cell, error) {
	if x, ok := p.cache.get(k, id); ok {
		c.hits++
		return x, nil
	}
	c.misses++
	if p.vacant {
		return p.cache.put(k, id, entry{state: k.aggregate.Zero()}, 0), nil
	}
	value, found, err := p.store.Get(aggregateKey{k.name, id}.stored())
	if err != nil {
		return nil, fmt.Errorf("reading %s %s from the store: %w", k.name, id, err)
	}
	if !found {
		return p.cache.put(k, id, entry{state: k.aggregate.Zero()}, 0), nil
	}
	e, err := decodeEntry(value, p.cfg.Codec, k.aggregate)
	if err != nil {
		return nil, fmt.Errorf("decoding %s %s from the store: %w", k.name, id, err)
	}
	x := p.cache.put(k, id, e, len(value))
	x.stored = x.timersOf(e.state)
	return x, nil
}

// take makes what c altered the truth.
func (p *Partition) take(c *change) {
	for i := range c.touched {
		x := c.touched[i].cell
		if x.kind.process != nil {
			p.reschedule(x, x.entry.state, c.touched[i].entry.state)
		}
		x.entry = c.touched[i].entry
		if c.checkpoint == nil { // whose states are written as they are committed
			p.soil(x)
		}
	}
	for i := range c.remember {
		p.window.add(&c.remember[i])
	}
	for _, f := range c.fired {
		p.agenda.remove(f.alarm)
		if f.stale {
			p.stale = append(p.stale, f.stored())
		}
	}
	p.window.confirm()
	p.marks.recordedAt = max(p.marks.recordedAt, c.recordedAt)
	p.marks.aggregates += c.born
	p.cache.trim(p.dirty)
}

// soil notes that the store does not have a cell's entry.
func (p *Partition) soil(x *cell) {
	if !x.dirty {
		x.dirty = true
		p.dirty = append(p.dirty, x)
	}
}

// States returns what the store needs of the aggregates that have changed since the last call: one write for each,
// however often it changed, and one more where it came onto the list of the changed or left it. They are valid until
// the next call.
//
// It is not called between a step and its commit.
func (p *Partition) States() (writes []Write, deletes [][]byte, err error) {
	out := &p.states
	out.reset()
	for _, x := range p.dirty {
		if err := out.add(p, x); err != nil {
			return nil, nil, err
		}
	}
	out.deletes = append(out.deletes, p.stale...)
	p.stale = nil
	for _, x := range p.dirty {
		x.dirty, x.entry.listed = false, x.entry.changed() && (x.entry.listed || p.listing())
	}
	p.vacant = p.vacant && len(p.dirty) == 0
	clear(p.dirty)
	p.dirty = p.dirty[:0]
	return out.writes, out.deletes, nil
}

// stateWriter encodes cells for the store, in memory that is used again and again.
type stateWriter struct {
	buf     []byte
	writes  []Write
	deletes [][]byte
}

func (w *stateWriter) reset() {
	w.buf, w.writes, w.deletes = w.buf[:0], w.writes[:0], w.deletes[:0]
}

func (w *stateWriter) add(p *Partition, x *cell) (err error) {
	key := w.key(prefixState, x)
	start := len(w.buf)
	if w.buf, err = appendEntry(w.buf, p.cfg.Codec, x.kind.aggregate, &x.entry); err != nil {
		return err
	}
	value := w.buf[start:len(w.buf):len(w.buf)]
	w.writes = append(w.writes, Write{key, value})
	p.cache.weigh(x, len(value))
	if x.kind.process != nil {
		w.timers(x)
	}
	switch changed := x.entry.changed(); {
	case changed && !x.entry.listed && p.listing():
		w.writes = append(w.writes, Write{Key: w.key(prefixChanged, x)})
	case !changed && x.entry.listed:
		w.deletes = append(w.deletes, w.key(prefixChanged, x))
	}
	return nil
}

// key appends a cell's key. What was appended before stays where it is, also when the buffer grows.
func (w *stateWriter) key(prefix string, x *cell) []byte {
	start := len(w.buf)
	w.buf = append(append(append(append(w.buf, prefix...), x.kind.name...), '/'), x.id...)
	return w.buf[start:len(w.buf):len(w.buf)]
}

// kind holds the aggregates of a type.
func (p *Partition) kind(a es.AggregateType) *kind { return p.cache.kinds[a.Name()] }
