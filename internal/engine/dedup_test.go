package engine

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"

	"recount/internal/es"
)

// idOf is the ID of command n. Its first bytes, which the window's index goes by, are those of two others, too.
func idOf(n int) *es.ID {
	id := new(es.ID)
	binary.LittleEndian.PutUint32(id[:], uint32(n/3)*2654435761) // spread out, as hashes are
	binary.BigEndian.PutUint64(id[8:], uint64(n))
	return id
}

func entryAt(n int, at int64) *remembered {
	return &remembered{id: *idOf(n), at: at, what: outcome{hash: int64(n), version: int64(n), kind: es.Refused, code: "x/y"}}
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
		if age >= 1600 && found {
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
		if w.len() > 160 {
			t.Fatalf("%d outcomes are known, the limit is 160", w.len())
		}
	}
	if w.evicted != int64(10_000-w.len()) || len(w.codes) != w.len() {
		t.Errorf("evicted %d, known %d, codes of %d", w.evicted, w.len(), len(w.codes))
	}
	if _, found := w.find(idOf(9_999)); !found {
		t.Error("the newest is forgotten")
	}
	if _, found := w.find(idOf(9_999 - 160)); found {
		t.Error("what was evicted is found")
	}
}

// TestTheWindowIsAMapThatForgets has it do whatever it may, in any order, beside a map that does the same.
func TestTheWindowIsAMapThatForgets(t *testing.T) {
	t.Parallel()
	for seed := range uint64(20) {
		rng := rand.New(rand.NewPCG(seed, seed))
		w, known, unsure := newWindow(1<<40, 1<<20), map[int]outcome{}, map[int]outcome{}
		for i := range 5_000 {
			n := rng.IntN(6_000)
			r := entryAt(n, int64(i))
			r.what.version = int64(i)
			_, found := w.find(&r.id)
			_, isUnsure := unsure[n]
			switch {
			case rng.IntN(50) == 0:
				w.rollBack()
				clear(unsure)
			case rng.IntN(50) == 0:
				w.confirm()
				maps.Copy(known, unsure)
				clear(unsure)
			case rng.IntN(100) == 0 && w.len() > 0:
				delete(known, int(w.at(w.head).hash))
				w.drop()
			case !found:
				w.push(r)
				unsure[n] = r.what
			case !isUnsure:
				w.add(r)
				known[n] = r.what
			}
			for range 10 {
				m := rng.IntN(6_000)
				want, is := known[m]
				if o, ok := unsure[m]; ok {
					want, is = o, true
				}
				if got, ok := w.find(idOf(m)); ok != is || got != want {
					t.Fatalf("seed %d, turn %d: %d is %+v, %v; want %+v, %v", seed, i, m, got, ok, want, is)
				}
			}
		}
		if w.len() != len(known) || int(w.tail-w.sure) != len(unsure) {
			t.Fatalf("seed %d: %d sure and %d not, want %d and %d", seed, w.len(), w.tail-w.sure, len(known), len(unsure))
		}
	}
}

// TestAGapInTheIndexIsClosed is a negative control of the one above: a slot that is emptied and nothing else loses others.
func TestAGapInTheIndexIsClosed(t *testing.T) {
	t.Parallel()
	for _, close := range []bool{true, false} {
		w := newWindow(1<<40, 1<<20)
		first, second := entryAt(1, 1), entryAt(2, 2) // of the same hash
		w.push(first)
		w.push(second)
		if close {
			w.forget(0)
		} else {
			w.index[0] = slot{}
		}
		if _, found := w.find(&second.id); found != close {
			t.Errorf("behind a gap that was closed: %v, it is found: %v", close, found)
		}
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
	one := newWindow(1_000, 1_000)
	one.add(entryAt(0, 100))
	first, _ := one.block()
	rest := (len(block) - len(first)) / 9 // an outcome's time is told as the distance from the one before
	for cut := 1; cut < len(block); cut++ {
		if err := newWindow(1_000, 1_000).load(block[:cut]); err == nil && (cut < len(first) || (cut-len(first))%rest != 0) {
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
	if blocks != 3 || again.len() != n {
		t.Errorf("%d blocks, %d of %d entries came back", blocks, again.len(), n)
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

// TestABlockTellsOfWhatHasChanged: a fold may meet the second event of a command after the first was written.
func TestABlockTellsOfWhatHasChanged(t *testing.T) {
	t.Parallel()
	w := newWindow(1_000, 1_000)
	w.add(entryAt(1, 1))
	written, _ := w.block()
	r := newWindow(1_000, 1_000)
	if err := r.load(written); err != nil {
		t.Fatal(err)
	}
	again := entryAt(1, 1)
	again.what.version = 7
	w.add(again)
	if w.pending() != 1 {
		t.Fatalf("%d are pending", w.pending())
	}
	written, _ = w.block()
	if err := r.load(written); err != nil {
		t.Fatal(err)
	}
	if got, _ := r.find(&again.id); got.version != 7 {
		t.Errorf("the store says %+v", got)
	}
}

func TestTheCacheIsBounded(t *testing.T) {
	t.Parallel()
	a := es.Declare(es.Type[nothing, nothing, nothing]{Name: "nothing"})
	c := newCache(10*cellBytes, []es.AggregateType{a})
	k := c.kinds["nothing"]
	kept := c.put(k, "kept", entry{}, 0)
	for i := range 1000 {
		c.put(k, fmt.Sprint(i), entry{version: int64(i)}, 0)
		c.trim([]*cell{kept})
		held := len(k.young)
		for id := range k.old {
			if _, both := k.young[id]; !both {
				held++
			}
		}
		if held != c.len() {
			t.Fatalf("%d aggregates are held, it counts %d", held, c.len())
		}
		if i%5 == 0 {
			c.get(k, fmt.Sprint(i-3))
		}
		if held > 12 {
			t.Fatalf("%d aggregates of %d bytes, the limit is %d", c.len(), cellBytes, c.bytesMax)
		}
	}
	if x, ok := c.get(k, "999"); !ok || x.entry.version != 999 {
		t.Error("the newest is gone")
	}
	if x, ok := c.get(k, "kept"); !ok || x != kept {
		t.Error("what must be kept is gone")
	}
	if _, ok := c.get(k, "1"); ok {
		t.Error("what was not asked for is still there")
	}
	before := c.bytes
	c.weigh(kept, 100)
	if c.bytes != before+100 {
		t.Errorf("a cell that has grown by 100 bytes counts for %d more", c.bytes-before)
	}
}

// nothing is an aggregate to which nothing happens.
type nothing struct{}

func (nothing) Decide(nothing) ([]nothing, error) { return nil, nil }
func (n nothing) Evolve(nothing) nothing          { return n }
