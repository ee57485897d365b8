package engine

import (
	"encoding/binary"
	"testing"

	"recount/internal/es"
)

func idOf(n int) (id es.ID) {
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func entryAt(n int, at int64) remembered {
	return remembered{id: idOf(n), at: at, what: outcome{hash: int64(n), version: int64(n), kind: es.Refused, code: "x/y"}}
}

func TestTheWindowIsBoundedInTime(t *testing.T) {
	t.Parallel()
	w := newWindow(1600, 1000)
	for i := range 100 {
		w.add(entryAt(i, int64(i*50)))
	}
	for i := range 100 {
		_, found := w.find(idOf(i))
		age := int64(99*50 - i*50)
		if age < 1500 && !found {
			t.Errorf("an outcome of %d ms ago is forgotten", age)
		}
		if age >= 1600+1600/bucketsPerWindow+50 && found {
			t.Errorf("an outcome of %d ms ago is still known", age)
		}
	}
	if w.evicted != 0 {
		t.Errorf("evicted %d: leaving the window for its age is no eviction", w.evicted)
	}
}

func TestTheWindowIsBoundedInNumber(t *testing.T) {
	t.Parallel()
	w := newWindow(1<<40, 160)
	for i := range 10_000 {
		w.add(entryAt(i, int64(i)))
		if len(w.known) > 160 {
			t.Fatalf("%d outcomes are known, the limit is 160", len(w.known))
		}
		listed := 0
		for _, b := range w.buckets {
			listed += len(b.ids)
		}
		if listed != len(w.known) {
			t.Fatalf("%d listed, %d known", listed, len(w.known))
		}
	}
	if w.evicted != int64(10_000-len(w.known)) {
		t.Errorf("evicted %d, known %d", w.evicted, len(w.known))
	}
	if _, found := w.find(idOf(9_999)); !found {
		t.Error("the newest is forgotten")
	}
}

func TestABlockBringsTheWindowBack(t *testing.T) {
	t.Parallel()
	w := newWindow(1_000, 1_000)
	for i := range 10 {
		w.add(entryAt(i, int64(100+i)))
	}
	block, newest := w.block()
	if again, _ := w.block(); len(again) != 0 || newest != 109 {
		t.Fatalf("a second block has %d bytes, newest %d", len(again), newest)
	}
	r := newWindow(1_000, 1_000)
	if err := r.load(block); err != nil {
		t.Fatal(err)
	}
	for i := range 10 {
		if got, ok := r.find(idOf(i)); !ok || got != entryAt(i, 0).what {
			t.Errorf("%d: %+v, %v", i, got, ok)
		}
	}
	for cut := 1; cut < len(block); cut++ {
		if err := newWindow(1_000, 1_000).load(block[:cut]); err == nil && cut%(len(block)/10) != 0 {
			t.Fatalf("a block cut at %d of %d was taken for whole", cut, len(block))
		}
	}
}

func TestManyEntriesMakeSeveralBlocks(t *testing.T) {
	t.Parallel()
	const n = 2*blockEntriesMax + 7
	w, again := newWindow(1_000, n), newWindow(1_000, n)
	for i := range n {
		w.add(entryAt(i, 500))
	}
	blocks := 0
	for block, _ := w.block(); len(block) > 0; block, _ = w.block() {
		blocks++
		if len(block) > 16<<20 {
			t.Errorf("a block of %d bytes is no value that a store takes", len(block))
		}
		if err := again.load(block); err != nil {
			t.Fatal(err)
		}
	}
	if blocks != 3 || len(again.known) != n {
		t.Errorf("%d blocks, %d of %d entries came back", blocks, len(again.known), n)
	}
}

// TestTheWindowBeginsWithTheEarliestRemembered: a fold meets refusals after events, with earlier times.
func TestTheWindowBeginsWithTheEarliestRemembered(t *testing.T) {
	t.Parallel()
	w := newWindow(1_000, 1_000)
	for i, at := range []int64{1_500, 1_600, 900, 2_000} {
		w.add(entryAt(i, at))
	}
	if got := w.begins(); got != 1_000 {
		t.Errorf("the window begins at %d, want its span before the newest", got)
	}
	w = newWindow(1<<40, 160)
	for i := range 1_000 {
		w.add(entryAt(i, int64(2_000+i)))
	}
	w.add(entryAt(1_000, 2_500))
	if got := w.begins(); got != 2_500 {
		t.Errorf("the window begins at %d, and remembers a time of 2500", got)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache(10)
	for i := range 1000 {
		c.put(aggregateKey{id: string(rune(i))}, &entry{version: int64(i)})
		if c.len() > 20 {
			t.Fatalf("%d entries, the limit is 10 in each generation", c.len())
		}
	}
	if e, ok := c.get(aggregateKey{id: string(rune(999))}); !ok || e.version != 999 {
		t.Error("the newest is gone")
	}
}
