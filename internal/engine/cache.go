package engine

import (
	"strings"

	"recount/internal/es"
)

// cell is one aggregate in memory: what the log says of it, and in the middle of a change which place that has for it.
type cell struct {
	kind  *kind
	id    string
	entry entry

	number     uint64     // of the change that touched it last …
	place      int        // … and where in that change's list it stands
	dirty      bool       // the store does not have entry yet
	stored     []es.Timer // of a process: what the store has of them
	bytes      int        // an estimate of the memory it takes
	generation uint64     // of the cache, in which it was used last
}

// cellBytes is what a cell takes beside its ID and its state, its places in maps included.
const cellBytes = 256

// kind is the aggregates of one type.
type kind struct {
	aggregate  es.AggregateType
	process    es.Process // nil where it is none
	name       string
	young, old map[string]*cell
}

// cache keeps decoded aggregates in two generations: when the young one is full it becomes the old one, and what was
// not asked for since is forgotten. That bounds it without a list to maintain on every hit.
//
// What the store does not have yet is never forgotten, and nothing is in the middle of a change: a change goes by its
// cells, and would not find again what it made of one that was forgotten and read anew.
type cache struct {
	bytesMax   int // of both generations
	kinds      map[string]*kind
	generation uint64
	bytes      int // of the young generation
	// How many there are in each generation; those in both count as young.
	young, old int
}

// firstGeneration leaves room below it for cells that were in none yet.
const firstGeneration = 2

func newCache(bytesMax int, types []es.AggregateType) cache {
	c := cache{bytesMax: bytesMax, kinds: map[string]*kind{}, generation: firstGeneration}
	for _, a := range types {
		process, _ := a.(es.Process)
		c.kinds[a.Name()] = &kind{aggregate: a, process: process, name: a.Name(), young: map[string]*cell{}}
	}
	return c
}

func (c *cache) get(k *kind, id string) (*cell, bool) {
	if found, ok := k.young[id]; ok {
		return found, true
	}
	found, ok := k.old[id]
	if ok {
		c.rejuvenate(found)
	}
	return found, ok
}

// put adds a cell that get did not find. id may be part of something larger: it is copied.
func (c *cache) put(k *kind, id string, e entry, stateBytes int) *cell {
	added := &cell{kind: k, id: strings.Clone(id), entry: e}
	added.bytes = cellBytes + 2*len(id) + stateBytes
	c.rejuvenate(added)
	return added
}

func (c *cache) rejuvenate(x *cell) {
	x.kind.young[x.id] = x
	c.young++
	if x.generation+1 == c.generation {
		c.old--
	}
	x.generation = c.generation
	c.bytes += x.bytes
}

// weigh corrects what is known of a cell's size.
func (c *cache) weigh(x *cell, stateBytes int) {
	bytes := cellBytes + 2*len(x.id) + stateBytes
	if x.generation == c.generation {
		c.bytes += bytes - x.bytes
	}
	x.bytes = bytes
}

// trim forgets the old generation if the young one is full, but for the cells in keep.
func (c *cache) trim(keep []*cell) {
	if c.bytes <= c.bytesMax/2 {
		return
	}
	c.generation++
	c.bytes, c.old, c.young = 0, c.young, 0
	for _, k := range c.kinds {
		k.old, k.young = k.young, make(map[string]*cell, len(k.young))
	}
	for _, x := range keep {
		c.rejuvenate(x)
	}
}

// len is how many aggregates are held.
func (c *cache) len() int { return c.young + c.old }
