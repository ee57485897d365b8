package engine

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"recount/internal/es"
)

// outcome is what the dedup window remembers of a command.
type outcome struct {
	hash    int64 // of the command's body
	version int64 // of the aggregate afterwards
	kind    es.Outcome
	code    string
}

// remembered is one command and its outcome.
type remembered struct {
	id   es.ID
	at   int64 // recorded, Unix milliseconds
	what outcome
}

// memory is one command as the window holds it: without pointers, so that a million of them cost the collector nothing.
type memory struct {
	id            es.ID
	at            int64
	hash, version int64
	kind          uint8 // place in outcomeKinds; its code, where it has one, stands in codes
}

// window remembers the outcomes of a partition's commands for a stated time and number, whichever ends first.
//
// They stand in a ring in the order in which they came, oldest first, each under the number of its coming; an index
// leads from an ID to that number. The newest may be unsure: what a step has decided and is not known to be committed.
// It is found like the rest, and rolled back before the next step if it never was.
type window struct {
	spanMillis int64 // how long an outcome is remembered
	entriesMax int

	ring  []memory // a power of two long; number n stands at n modulo that
	index index
	codes map[es.ID]string // of the refused
	head  uint64           // the oldest's number
	sure  uint64           // the first unsure one's
	tail  uint64           // the next one's

	newest    int64    // the latest recorded time seen
	evicted   int64    // forgotten for their number, before their time
	unflushed uint64   // from here on the store has none
	amended   []uint64 // of those that it has, these have changed since

	// A fold takes events and refusals in turns, and each begins where it likes: up to here times may fall.
	disordered uint64
	oldest     uint64 // the number with the earliest time …
	looked     uint64 // … when times fell up to here
}

// outcomeKinds are the outcomes that are remembered. Their places are part of the store's layout.
func outcomeKinds() [4]es.Outcome {
	return [...]es.Outcome{es.Accepted, es.Unchanged, es.Refused, es.Failed}
}

func kindOf(o es.Outcome) uint8 {
	kinds := outcomeKinds()
	return uint8(max(0, slices.Index(kinds[:], o)))
}

const ringLenMin = 1 << 10

func newWindow(spanMillis int64, entriesMax int) *window {
	return &window{
		spanMillis: spanMillis, entriesMax: max(entriesMax, 1),
		ring: make([]memory, ringLenMin), index: newIndex(ringLenMin), codes: map[es.ID]string{},
	}
}

func (w *window) at(number uint64) *memory { return &w.ring[w.place(number)] }

// len is how many outcomes are known for sure.
func (w *window) len() int { return int(w.sure - w.head) }

// place is where a number stands in the ring.
func (w *window) place(number uint64) uint32 { return uint32(number) & uint32(len(w.ring)-1) }

// find returns the outcome of a command that the window holds, be it unsure.
func (w *window) find(id *es.ID) (outcome, bool) {
	number, ok := w.number(id)
	if !ok {
		return outcome{}, false
	}
	return w.outcome(w.at(number)), true
}

func (w *window) number(id *es.ID) (uint64, bool) {
	hash, mask := hashOf(id), w.index.mask()
	for i := hash & mask; w.index[i].next != 0; i = (i + 1) & mask {
		if s := w.index[i]; s.hash == hash && w.ring[s.next-1].id == *id {
			return w.head + uint64((s.next-1-w.place(w.head))&uint32(len(w.ring)-1)), true
		}
	}
	return 0, false
}

func (w *window) outcome(m *memory) outcome {
	o := outcome{hash: m.hash, version: m.version, kind: outcomeKinds()[m.kind]}
	if o.kind == es.Refused {
		o.code = w.codes[m.id]
	}
	return o
}

// push remembers a command that find does not know, not yet for sure.
func (w *window) push(r *remembered) {
	if w.tail-w.head == uint64(len(w.ring)) {
		w.grow()
	}
	*w.at(w.tail) = memory{id: r.id, at: r.at, hash: r.what.hash, version: r.what.version, kind: kindOf(r.what.kind)}
	if r.what.code != "" {
		w.codes[r.id] = r.what.code
	}
	w.index.add(hashOf(&r.id), w.place(w.tail))
	w.tail++
	if n := w.tail - 1; n > w.head && r.at < w.at(n-1).at {
		w.disordered = w.tail
	}
}

// grow doubles the ring, and the index with it.
func (w *window) grow() {
	ring := make([]memory, 2*len(w.ring))
	index := newIndex(len(ring))
	for n := w.head; n != w.tail; n++ {
		m := w.at(n)
		place := uint32(n) & uint32(len(ring)-1)
		ring[place] = *m
		index.add(hashOf(&m.id), place)
	}
	w.ring, w.index = ring, index
}

// confirm makes what is unsure sure, and forgets what has left the window.
func (w *window) confirm() {
	for n := w.sure; n != w.tail; n++ {
		w.newest = max(w.newest, w.at(n).at)
	}
	w.sure = w.tail
	for w.head != w.sure && w.at(w.head).at <= w.newest-w.spanMillis {
		w.drop()
	}
	for w.len() > w.entriesMax {
		w.evicted++
		w.drop()
	}
	if w.unflushed < w.head {
		w.unflushed = w.head
	}
	if len(w.amended) > 0 {
		w.amended = slices.DeleteFunc(w.amended, func(n uint64) bool { return n < w.head })
	}
}

func (w *window) drop() {
	w.forget(w.head)
	w.head++
}

func (w *window) forget(number uint64) {
	m := w.at(number)
	w.index.remove(hashOf(&m.id), w.place(number))
	if outcomeKinds()[m.kind] == es.Refused {
		delete(w.codes, m.id)
	}
}

// rollBack forgets what is unsure.
func (w *window) rollBack() {
	for w.tail != w.sure {
		w.tail--
		w.forget(w.tail)
	}
}

// add remembers r for sure, replacing what is known of it. What lies before the window is passed over: a fold meets such.
func (w *window) add(r *remembered) {
	w.newest = max(w.newest, r.at)
	if r.at <= w.newest-w.spanMillis {
		return
	}
	number, again := w.number(&r.id)
	if !again {
		w.push(r)
		w.confirm()
		return
	}
	m := w.at(number)
	if r.what.version < m.version {
		return // the first of several events, again
	}
	m.hash, m.version, m.kind = r.what.hash, r.what.version, kindOf(r.what.kind)
	if r.what.code != "" {
		w.codes[r.id] = r.what.code
	}
	if number < w.unflushed {
		w.amended = append(w.amended, number)
	}
}

// pending is how many outcomes the store does not have.
func (w *window) pending() int { return int(w.sure-w.unflushed) + len(w.amended) }

// begins is when the earliest of the remembered was recorded. A stored block that ends before it is of no use.
func (w *window) begins() int64 {
	begins := w.newest - w.spanMillis
	switch {
	case w.head == w.sure:
		return begins
	case w.head >= w.disordered:
		w.oldest = w.head
	case w.oldest < w.head || w.looked != w.disordered:
		w.oldest, w.looked = w.head, w.disordered
		for n := w.head; n != w.sure; n++ {
			if w.at(n).at < w.at(w.oldest).at {
				w.oldest = n
			}
		}
	}
	return max(begins, w.at(w.oldest).at)
}

// blockEntriesMax bounds a stored block: some 5 MB, well below what a store takes as one value.
const blockEntriesMax = 100_000

// outcomeBytes is what an outcome takes in a block, as a rule.
const outcomeBytes = 32

// block encodes outcomes that came or changed since the last block, for the store, and when the newest of them was
// recorded. It is to be called until there is none.
func (w *window) block() (b []byte, newest int64) {
	n := min(w.pending(), blockEntriesMax)
	b = make([]byte, 0, n*outcomeBytes)
	before := int64(0)
	for range n {
		m := w.at(w.take())
		newest = max(newest, m.at)
		b = append(b, m.id[:]...)
		b = binary.AppendVarint(b, m.at-before)
		b = binary.LittleEndian.AppendUint64(b, uint64(m.hash))
		b = binary.AppendVarint(b, m.version)
		b = append(b, m.kind)
		if outcomeKinds()[m.kind] == es.Refused {
			b = appendString(b, w.codes[m.id])
		}
		before = m.at
	}
	return b, newest
}

// take returns the next that the store is to have, first of those that it has otherwise.
func (w *window) take() (number uint64) {
	if n := len(w.amended); n > 0 {
		number, w.amended = w.amended[n-1], w.amended[:n-1]
		return number
	}
	w.unflushed++
	return w.unflushed - 1
}

// load remembers the outcomes of a stored block.
func (w *window) load(b []byte) error {
	kinds := outcomeKinds()
	d := decoder{b: b}
	var r remembered
	for len(d.b) > 0 {
		d.id(&r.id)
		r.at += d.varint()
		if hash := d.take(8); hash != nil {
			r.what.hash = int64(binary.LittleEndian.Uint64(hash))
		}
		r.what.version, r.what.code = d.varint(), ""
		if kind := d.take(1); kind != nil {
			r.what.kind = kinds[kind[0]&3]
			if r.what.kind == es.Refused {
				r.what.code = d.string()
			}
		}
		if d.err != nil {
			return fmt.Errorf("reading a dedup block: %w", d.err)
		}
		w.add(&r)
	}
	w.amended, w.unflushed = w.amended[:0], w.sure
	w.evicted = 0 // whoever remembered them before has counted them
	return nil
}

var errShort = errors.New("value is cut short")

// decoder reads the store's own small values; the first error sticks.
type decoder struct {
	b   []byte
	err error
}

func (d *decoder) varint() int64 {
	v, n := binary.Varint(d.b)
	if n <= 0 {
		d.b, d.err = nil, errShort
		return 0
	}
	d.b = d.b[n:]
	return v
}

func (d *decoder) take(n int) []byte {
	if n < 0 || n > len(d.b) {
		d.b, d.err = nil, errShort
		return nil
	}
	out := d.b[:n]
	d.b = d.b[n:]
	return out
}

func (d *decoder) id(to *es.ID) { copy(to[:], d.take(len(to))) }
func (d *decoder) string() string {
	return string(d.take(int(d.varint())))
}

func appendString(b []byte, s string) []byte {
	return append(binary.AppendVarint(b, int64(len(s))), s...)
}
