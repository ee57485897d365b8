package sim

import (
	"errors"

	"recount/internal/engine"
	"recount/internal/statestore"
)

// rawRoot is a disk in memory that also answers without a lease: what a mistaken write goes through, and the last look
// at what is there.
type rawRoot struct {
	*statestore.Mem
	stores map[string]statestore.Store // open ones
	blank  bool                        // nothing was ever on it
}

func newRawRoot() *rawRoot {
	return &rawRoot{statestore.NewMem(), map[string]statestore.Store{}, true}
}

func (r *rawRoot) Open(name string) (statestore.Store, error) {
	s, err := r.Mem.Open(name)
	if err == nil {
		r.stores[name] = s
	}
	return s, err
}

// restarted is the same disk as the next process finds it.
func (r *rawRoot) restarted() *rawRoot {
	return &rawRoot{r.Mem.Reopen(), map[string]statestore.Store{}, false}
}

// write is a flush on its way to the disk. Whoever made it may have lost its lease before it gets there.
type write struct {
	owner    *owner
	lease    *statestore.Lease // as it was then: a partition that is emptied gets another
	frozen   statestore.Frozen
	batch    *statestore.Batch
	position int64
}

// keep puts what is committed above o's store.
func (w *pureWorld) keep(o *owner, writes []engine.Write, deletes [][]byte) {
	for _, x := range writes {
		w.check(o.overlay.Set(x.Key, x.Value))
	}
	for _, key := range deletes {
		w.check(o.overlay.Delete(key))
	}
}

// flush begins to write what a partition's memory is ahead of its store; the disk takes its time.
func (w *pureWorld) flush(s *share) {
	if s.owner != nil {
		w.freeze(s.owner)
	}
}

// write is a flush that is done at once.
func (w *pureWorld) write(o *owner) {
	if o.flushing != nil {
		w.apply(o.flushing)
	}
	w.freeze(o)
	w.apply(o.flushing)
}

// freeze sets what is above o's store aside, for the disk to take. One flush is under way at a time.
func (w *pureWorld) freeze(o *owner) {
	if o.flushing != nil {
		return
	}
	writes, deletes, err := o.p.Flush()
	w.check(err)
	w.keep(o, writes, deletes)
	frozen, err := o.overlay.Freeze()
	if err != nil {
		w.fail(err)
		return
	}
	position, _ := o.p.Position()
	o.flushing = &write{owner: o, lease: o.lease, frozen: frozen, batch: &statestore.Batch{}, position: position}
	frozen.AppendTo(o.flushing.batch)
	w.landing = append(w.landing, o.flushing)
}

// land lets one of the writes under way reach its disk.
func (w *pureWorld) land() {
	if len(w.landing) > 0 {
		w.apply(w.landing[w.rng.IntN(len(w.landing))])
	}
}

func (w *pureWorld) apply(x *write) {
	w.landing = without(w.landing, func(other *write) bool { return other == x })
	lease := x.lease
	if w.mutation == leaseOfTheMoment {
		lease = x.owner.lease
	}
	outcome, err := lease.Apply(x.position, x.batch)
	if err != nil {
		w.fail(err)
		return
	}
	w.trace.add("%s, partition %d: a write up to %d: %s", x.owner.machine.name, x.owner.share.number, x.position, outcome)
	if outcome == statestore.StaleLease && w.mutation == staleWriteLands || outcome == statestore.LowerWatermark && w.mutation == olderWriteLands {
		if store := x.owner.machine.root.stores[storeName(x.owner.share.number)]; store != nil {
			if err := store.Apply(x.batch); !errors.Is(err, statestore.ErrClosed) {
				w.check(err)
			}
		}
	}
	if x.owner.flushing == x {
		x.owner.flushing = nil
		x.owner.overlay.Thaw(x.frozen, outcome == statestore.Applied)
	}
}

// prefixState is where the engine keeps states.
const prefixState = "s/"

// damage takes a state off the disk of a partition without an owner, one whose next event the store does not reflect
// yet: the fold then meets a version that does not follow.
func (w *pureWorld) damage(s *share) {
	if s.owner != nil {
		return
	}
	for _, m := range w.machines {
		if !w.sleeps(m, s) {
			w.check(w.tear(m, s))
		}
	}
}

func (w *pureWorld) tear(m *machine, s *share) error {
	store, err := m.root.Open(storeName(s.number))
	if err != nil {
		return err
	}
	defer func() { w.check(store.Close()) }()
	next, err := engine.StoredPosition(store)
	if err != nil {
		return err
	}
	for _, r := range s.log.events {
		e, err := w.history.frames.Context(contextName).DecodeEvent(r.value)
		if err != nil {
			return err
		}
		key := []byte(prefixState + e.Aggregate.Name() + "/" + e.Meta.AggregateID)
		_, found, err := store.Get(key)
		if err != nil {
			return err
		}
		if r.offset < next || !found {
			continue
		}
		w.trace.add("%s loses %s from its disk", m.name, key)
		var b statestore.Batch
		b.Delete(key)
		m.torn[s.number] = true
		return store.Apply(&b)
	}
	return nil
}

func (w *pureWorld) check(err error) {
	if err != nil {
		w.fail(err)
	}
}

// collectStores hands every disk's partitions to the history, but for those that were damaged and not taken over since.
func (w *pureWorld) collectStores() {
	for _, m := range w.machines {
		root := m.root.restarted()
		for _, s := range w.shares {
			if m.torn[s.number] {
				continue
			}
			store, err := root.Open(storeName(s.number))
			if err != nil {
				w.fail(err)
				return
			}
			w.history.stores = append(w.history.stores, storeCopy{m.name, s.number, store})
		}
	}
}
