package aggregator

import (
	"context"
	"errors"
	"fmt"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/statestore"
)

// owned is one partition in somebody's hands: a session's, or a restore's.
type owned struct {
	number  int32
	lease   *statestore.Lease   // nil: it was lost while the store was to be emptied
	overlay *statestore.Overlay // committed, and not yet in the store
	p       *engine.Partition
	// empty says that the store has nothing to go on from: it is to be filled from the log.
	empty bool
	// checkpoint is the one under way.
	checkpoint *Checkpoint
	// evicted are those commands forgotten before their time of which the observer knows.
	evicted int64

	memory memory           // for its share of the next transaction
	batch  statestore.Batch // for its next flush
}

func (w *Worker) storeName(n int32) string { return fmt.Sprintf("%s.%d", w.cfg.part(), n) }

// take is a way to get a lease: with what the store holds, or with the store emptied.
type take func(ctx context.Context, name string) (*statestore.Lease, error)

// lease takes the lease of a partition. How long it waits is its own matter.
type lease func(n int32, take take) (*statestore.Lease, error)

// acquire takes a partition's lease and opens its store, however far that reflects the log. A store that was made under
// other conditions counts as empty.
func (w *Worker) acquire(n int32, from lease) (*owned, error) {
	lease, err := from(n, w.cfg.Leases.Acquire)
	if err != nil {
		return nil, err
	}
	o := &owned{number: n, lease: lease, empty: lease.Watermark() < 0}
	if err := w.engine(o); err != nil {
		if !errors.Is(err, engine.ErrForeignStore) {
			return nil, errors.Join(err, lease.Release())
		}
		w.cfg.Log.Info("the store was made under other conditions and is filled again", "context", w.cfg.Context, "partition", n)
		o.empty = true
	}
	return o, nil
}

// clear throws away what o's store holds, and opens it empty. The lease is given back and taken again, so that a write
// still on its way is stale; somebody else may get it in between.
func (w *Worker) clear(o *owned, from lease) (err error) {
	before := o.lease
	o.lease = nil
	if err := before.Release(); err != nil {
		return err
	}
	if o.lease, err = from(o.number, w.cfg.Leases.AcquireEmpty); err != nil {
		o.lease = nil
		return err
	}
	o.empty = true
	w.holds.reached(o.number, 0)
	return w.engine(o)
}

// engine opens o's engine over its store.
func (w *Worker) engine(o *owned) (err error) {
	o.overlay, o.checkpoint, o.evicted = statestore.NewOverlay(o.lease), nil, 0
	t := w.topics
	cfg := engine.Config{
		Context: w.cfg.Context, Partition: o.number, Partitions: w.cfg.Partitions,
		EventsID: es.ID(t.ids[t.events].ID), SnapshotsID: es.ID(t.ids[t.snapshots].ID),
		Codec: w.cfg.Codec, Outbox: w.cfg.Outbox,
		DedupMillis: w.cfg.DedupWindow.Milliseconds(), DedupEntries: w.cfg.DedupEntries,
		CacheBytes: w.cfg.CacheBytes, RecordBytesMax: engine.RecordBytesMaxDefault,
		SnapshotEvery: w.cfg.SnapshotEvery,
	}
	for c, name := range t.inputs {
		cfg.Topics[c] = engine.Topic{Name: name, ID: es.ID(t.ids[name].ID)}
	}
	o.p, err = engine.Open(cfg, o.overlay)
	return err
}

// keep writes to the overlay: what is committed and not yet in the store.
func (o *owned) keep(writes []engine.Write, deletes [][]byte) error {
	for _, w := range writes {
		if err := o.overlay.Set(w.Key, w.Value); err != nil {
			return err
		}
	}
	for _, key := range deletes {
		if err := o.overlay.Delete(key); err != nil {
			return err
		}
	}
	return nil
}

// learn asks the registry for a schema that was not met before, so that the engine itself never has to.
func (w *Worker) learn(ctx context.Context, frame []byte) error {
	if w.cfg.Schemas == nil {
		return nil
	}
	id, unknown := w.cfg.Schemas.Unknown(frame)
	if !unknown {
		return nil
	}
	return w.cfg.Schemas.Learn(ctx, id)
}

// stored are records as the engine takes them.
func (w *Worker) stored(ctx context.Context, records []*kafka.Record) ([]engine.Stored, error) {
	out := make([]engine.Stored, len(records))
	for i, r := range records {
		if err := w.learn(ctx, r.Value); err != nil {
			return nil, err
		}
		out[i] = engine.Stored{Offset: r.Offset, Key: r.Key, Value: r.Value}
	}
	return out, nil
}
