package sim

import (
	"context"
	"errors"
	"fmt"

	"recount/internal/engine"
	"recount/internal/statestore"
)

// owner is a session that owns a partition, or believes so.
type owner struct {
	machine    *machine
	share      *share
	generation int
	lease      *statestore.Lease
	overlay    *statestore.Overlay // committed, and not yet in the store
	p          *engine.Partition
	flushing   *write // nil unless a flush is under way
}

func storeName(n int32) string { return fmt.Sprint(contextName, ".", n) }

// move gives a partition to another session, of the same machine or of another; the old owner learns of it at once, or
// sleeps through it.
func (w *pureWorld) move(s *share) {
	if s.owner == nil {
		return
	}
	if w.rng.IntN(2) == 0 {
		w.giveUp(s, w.rng.IntN(2) == 0)
		return
	}
	if w.sleeps(s.owner.machine, s) {
		return
	}
	w.trace.add("%s sleeps, and loses partition %d", s.owner.machine.name, s.number)
	w.asleep = append(w.asleep, s.owner)
	s.owner = nil
}

// sleeps reports whether m has a session that still holds the lease of s.
func (w *pureWorld) sleeps(m *machine, s *share) bool {
	for _, o := range w.asleep {
		if o.machine == m && o.share == s {
			return true
		}
	}
	return false
}

// giveUp passes a partition on: its memory is written to the store, in time or not.
func (w *pureWorld) giveUp(s *share, inTime bool) {
	o := s.owner
	s.owner = nil
	w.trace.add("%s gives partition %d up", o.machine.name, s.number)
	w.freeze(o)
	if inTime && o.flushing != nil {
		w.apply(o.flushing)
	}
	w.release(o)
}

func (w *pureWorld) release(o *owner) {
	w.check(o.lease.Release())
}

// takeOver gives an ownerless partition to some machine, in the order that makes it safe (see kafka.Session.Standings),
// and reports whether it is owned then: the machine may die on the way.
func (w *pureWorld) takeOver(s *share) bool {
	m := w.machines[w.rng.IntN(len(w.machines))]
	if s.last != nil && w.rng.IntN(2) == 0 { // another session of the process that had it
		m = s.last
	}
	if w.sleeps(m, s) {
		return false
	}
	s.last = m
	s.generation++
	w.counts.takeovers++
	end := s.ends
	w.resolve(s)
	if w.mutation != marksBeforeOffsets {
		end = s.ends
	}
	o := &owner{machine: m, share: s, generation: s.generation}
	w.trace.add("%s takes partition %d over, offsets %v, ends %v", m.name, s.number, s.committed, end)
	var err error
	if o.lease, err = m.leases.Acquire(context.Background(), storeName(s.number)); err == nil {
		s.owner = o
		err = w.open(o)
	}
	if err != nil {
		w.fail(err)
		return false
	}
	if w.mutation != noFold && !w.foldUpTo(o, end) {
		return false
	}
	for c, committed := range s.committed {
		o.p.Start(engine.Channel(c), committed)
		s.committed[c] = max(committed, 0)
		if committed < 0 && w.mutation != watermarksIgnored { // lost: after what the fold has seen decided
			s.committed[c] = o.p.Next(engine.Channel(c))
		}
	}
	if !w.calm && w.rng.IntN(20) == 0 {
		w.crash(m, takenOver)
	}
	return s.owner == o
}

// open makes o's memory anew from its store.
func (w *pureWorld) open(o *owner) (err error) {
	o.overlay, o.flushing = statestore.NewOverlay(o.lease), nil
	o.p, err = engine.Open(w.config(o.share.number), o.overlay)
	return err
}

// catchUp is the takeover of a partition that its owner keeps. It reports false where the machine died on the way.
func (w *pureWorld) catchUp(o *owner) bool {
	if !w.foldUpTo(o, o.share.ends) {
		return false
	}
	for c, committed := range o.share.committed {
		o.p.Start(engine.Channel(c), committed)
	}
	return true
}

// foldUpTo makes o reflect the log up to end: the tail behind its store, in pieces, or all of it where the store has
// nothing to go on from. It reports false where the machine died in the middle.
func (w *pureWorld) foldUpTo(o *owner, end ends) bool {
	var err error
	if o.lease.Watermark() < 0 {
		err = w.refill(o, end)
	} else {
		err = w.foldEvents(o, end.events)
	}
	if errors.Is(err, engine.ErrGap) {
		w.trace.add("%s, partition %d: %v", o.machine.name, o.share.number, err)
		if w.mutation == gapPassedOver {
			err = o.p.FoldEvents(nil, end.events)
		} else {
			err = w.refill(o, end)
		}
	}
	if err == nil && w.mutation != refusalsNotFolded {
		_, from := o.p.Position()
		err = o.p.FoldRefusals(between(o.share.log.refusals, from, end.refusals), end.refusals)
	}
	if err != nil {
		w.fail(err)
		return false
	}
	if !w.calm && w.rng.IntN(20) == 0 {
		w.crash(o.machine, folding)
		return false
	}
	return true
}

// refill fills o's store from the snapshots, else from zero.
func (w *pureWorld) refill(o *owner, end ends) error {
	err := w.openEmpty(o)
	if err == nil {
		err = w.load(o, end)
	}
	if err == nil {
		err = w.foldEvents(o, end.events)
	}
	if unusable(err) {
		w.trace.add("%s, partition %d: %v", o.machine.name, o.share.number, err)
		if err = w.openEmpty(o); err == nil {
			err = w.foldEvents(o, end.events)
		}
	}
	return err
}

func unusable(err error) bool {
	return errors.Is(err, engine.ErrSnapshots) || errors.Is(err, engine.ErrGap)
}

// load fills o's empty store from the snapshots. The dedup window is longer than the log: it is remembered from its
// beginning.
func (w *pureWorld) load(o *owner, end ends) error {
	r := o.p.Restore()
	var b statestore.Batch
	for _, x := range r.Load(between(o.share.log.snapshots, 0, end.snapshots)) {
		b.Set(x.Key, x.Value)
	}
	if _, err := o.lease.Apply(0, &b); err != nil {
		return err
	}
	if err := r.Finish(end.events, end.refusals); err != nil {
		return err
	}
	w.counts.restores++
	o.p.Recall(0, 0)
	return nil
}

// foldPiece is how many offsets one piece covers.
const foldPiece = 40

func (w *pureWorld) foldEvents(o *owner, end int64) error {
	for {
		from, _ := o.p.Position()
		until := min(from+foldPiece, end)
		if err := o.p.FoldEvents(between(o.share.log.events, from, until), until); err != nil {
			return err
		}
		if until >= end {
			return nil
		}
	}
}

func (w *pureWorld) openEmpty(o *owner) (err error) {
	w.release(o)
	if o.lease, err = o.machine.leases.AcquireEmpty(context.Background(), storeName(o.share.number)); err != nil {
		return err
	}
	delete(o.machine.torn, o.share.number)
	return w.open(o)
}

// crash ends a process: everything in memory is gone, and the store's writes that were on their way. The disk stays, as
// a rule.
func (w *pureWorld) crash(m *machine, at point) {
	w.trace.add("%s dies where %s", m.name, either(at == nowhere, "it stands", at))
	w.counts.crash(at)
	w.stop(m)
}

// stop forgets everything that a process has in memory, and starts another on its disk, or on a new one.
func (w *pureWorld) stop(m *machine) {
	for _, s := range w.shares {
		if s.owner != nil && s.owner.machine == m {
			s.owner = nil
		}
	}
	w.asleep = without(w.asleep, func(o *owner) bool { return o.machine == m })
	w.landing = without(w.landing, func(x *write) bool { return x.owner.machine == m })
	if w.rng.IntN(8) == 0 {
		w.trace.add("%s comes back with an empty disk", m.name)
		m.insert(newRawRoot())
		return
	}
	m.insert(m.root.restarted())
}

func without[T any](list []T, drop func(T) bool) (out []T) {
	for _, v := range list {
		if !drop(v) {
			out = append(out, v)
		}
	}
	return out
}
