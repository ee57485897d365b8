package sim

import (
	"fmt"

	"recount/internal/engine"
	"recount/internal/statestore"
)

// checkpoint writes the next part of a partition's checkpoint, or the first of a new one.
func (w *pureWorld) checkpoint(s *share) {
	if s.owner == nil {
		return
	}
	writes, deletes, err := s.owner.p.States()
	w.check(err)
	w.keep(s.owner, writes, deletes)
	fx, last, err := s.owner.p.Checkpoint(pureCheckpointPart)
	if err != nil {
		w.fail(err)
		return
	}
	if fx == nil {
		return
	}
	if last && w.mutation == markerAtEnd {
		w.check(w.moveMarker(s.owner, fx))
	}
	w.trace.add("%s, partition %d: %d snapshots of a checkpoint, the last %t", s.owner.machine.name, s.number, len(fx.Writes), last)
	w.counts.checkpoints++
	w.publish(s.owner, fx)
}

// moveMarker makes the marker say where its checkpoint ends.
func (w *pureWorld) moveMarker(o *owner, fx *engine.Effects) error {
	marker := &fx.Snapshots[len(fx.Snapshots)-1]
	m, err := w.codec.DecodeMarker(marker.Value)
	if err != nil {
		return err
	}
	m.EventsNext, m.RefusalsNext = o.p.Position()
	marker.Value, err = w.codec.AppendMarker(nil, &m)
	return err
}

// compact does to the snapshots what the broker's log cleaner does.
func (w *pureWorld) compact(s *share) {
	before := len(s.log.snapshots)
	s.log.snapshots = newestOfEach(s.log.snapshots)
	w.trace.add("partition %d: %d of %d snapshots are compacted away", s.number, before-len(s.log.snapshots), before)
}

// standby is a restore beside the partition's owner: something happens between its steps.
type standby struct {
	share *share
	end   ends // how far it is to read
	read  int64
	store statestore.Store
	p     *engine.Partition
	r     *engine.Restoration // nil: nothing was read yet
}

// restoreBeside takes the next step of the restore under way, or begins one: it asks for the logs' ends, reads the
// snapshots up to there, reads those that were written meanwhile, and folds.
func (w *pureWorld) restoreBeside(s *share) {
	b := w.standby
	switch {
	case b == nil:
		w.standby = &standby{share: s, end: s.ends}
		return
	case b.share.open != nil: // it waits for the transaction's end
		return
	case w.rng.IntN(2) == 0:
		w.compact(b.share)
	}
	if b.r == nil {
		w.check(w.begin(b))
		return
	}
	w.standby = nil
	b.end = b.share.ends
	err := w.finish(b)
	if unusable(err) { // it would begin again, or fold from zero
		w.trace.add("a restore of partition %d is of no use: %v", b.share.number, err)
		return
	}
	if err != nil {
		w.fail(fmt.Errorf("restoring partition %d beside its owner: %w", b.share.number, err))
		return
	}
	w.counts.restores++
	w.history.stores = append(w.history.stores, storeCopy{"a restore beside the owner", b.share.number, b.store})
}

func (w *pureWorld) begin(b *standby) (err error) {
	b.store = statestore.NewMemStore()
	if b.p, err = engine.Open(w.config(b.share.number), b.store); err != nil {
		return err
	}
	b.r = b.p.Restore()
	return w.readOn(b)
}

// readOn loads the snapshots between what was read and the end.
func (w *pureWorld) readOn(b *standby) error {
	writes := b.r.Load(between(b.share.log.snapshots, b.read, b.end.snapshots))
	b.read = b.end.snapshots
	return keep(b.store, writes)
}

func (w *pureWorld) finish(b *standby) error {
	if err := w.readOn(b); err != nil {
		return err
	}
	if err := b.r.Finish(b.end.events, b.end.refusals); err != nil {
		return err
	}
	from, _ := b.p.Position()
	return foldInto(b.store, b.p, between(b.share.log.events, from, b.end.events), b.end.events)
}
