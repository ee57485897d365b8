//go:build e2e

package e2e_test

import (
	"bytes"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"reflect"

	"recount/e2e/fleet"
	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore"
	"recount/internal/statestore/pebble"
)

// settle stops every worker that runs, in order.
func (w *world) settle() {
	w.t.Helper()
	for _, worker := range w.workers {
		w.must(worker.Stop(w.t.Context()))
	}
}

// stores compares every worker's store, as far as it reflects the log, with a fold of the log up to there. All workers
// must have ended. Some store must reflect each partition to its end.
func (w *world) stores() {
	w.t.Helper()
	extents, err := kafka.Extents(w.t.Context(), w.broker.Config(), eventsTopic)
	w.must(err)
	whole := map[int32]bool{}
	states := 0
	for _, worker := range w.workers {
		if worker.State == "" {
			continue
		}
		n, err := w.storesOf(worker, extents[eventsTopic], whole)
		w.must(err)
		states += n
	}
	if len(whole) != partitions {
		w.t.Errorf("only the partitions %v have a store that reflects all of their log", whole)
	}
	w.t.Logf("%d states in the stores of %d workers are those of the log's fold", states, len(w.workers))
}

func (w *world) storesOf(worker *fleet.Member, extents map[int32]kafka.Extent, whole map[int32]bool) (states int, err error) {
	root, err := pebble.Open(pebble.Config{Dir: filepath.Join(worker.State, "store")})
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	for p := range int32(partitions) {
		store, err := root.Open(fmt.Sprintf("bank.%d", p))
		if err != nil {
			return 0, err
		}
		until, err := engine.StoredPosition(store)
		if err == nil && until > 0 {
			var n int
			n, err = w.compare(store, p, until)
			states += n
			whole[p] = whole[p] || until >= lastRecord(w, p, extents[p])
		}
		if err = errors.Join(err, store.Close()); err != nil {
			return 0, fmt.Errorf("the store of %s, partition %d, up to offset %d: %w", worker.Name, p, until, err)
		}
	}
	return states, nil
}

// lastRecord is the offset after a partition's last event; behind it are marks of transactions alone.
func lastRecord(w *world, p int32, e kafka.Extent) (next int64) {
	w.t.Helper()
	span := kafka.Span{Topic: eventsTopic, Partition: p, From: e.Start, Until: e.Stable}
	w.must(kafka.Replay(w.t.Context(), w.broker.Config(), []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, _ int64) error {
		if n := len(records); n > 0 {
			next = records[n-1].Offset + 1
		}
		return nil
	}))
	return next
}

// compare folds a partition's log up to an offset, and compares every state with the store's.
func (w *world) compare(store statestore.Reader, p int32, until int64) (states int, err error) {
	want, err := w.fold(p, until)
	if err != nil {
		return 0, err
	}
	for pair, err := range store.Scan(nil, nil) {
		if err != nil {
			return 0, err
		}
		got, is, err := engine.ReadStored(pair)
		if err != nil {
			return 0, err
		}
		if !is {
			continue
		}
		if !reflect.DeepEqual(got, want[got.ID]) {
			return 0, fmt.Errorf("%q is %+v, the fold says %+v", pair.Key, got, want[got.ID])
		}
		delete(want, got.ID)
		states++
	}
	for key := range want {
		return 0, fmt.Errorf("%q is missing, one of %d", key, len(want))
	}
	return states, nil
}

// unread is the store of a fold that keeps everything in memory.
type unread struct{}

func (unread) Get([]byte) ([]byte, bool, error) { return nil, false, nil }
func (unread) Scan(_, _ []byte) iter.Seq2[engine.Pair, error] {
	return func(func(engine.Pair, error) bool) {}
}

// fold returns what the store of a partition must hold of its accounts, by ID.
func (w *world) fold(p int32, until int64) (map[string]engine.StoredAggregate, error) {
	folded, err := engine.Open(engine.Config{
		Context: "bank", Partition: p, Partitions: partitions, Codec: w.codec.Context("bank"),
		DedupMillis: 1, DedupEntries: 1, CacheBytes: engine.CacheBytesDefault,
	}, unread{})
	if err != nil {
		return nil, err
	}
	span := kafka.Span{Topic: eventsTopic, Partition: p, Until: until}
	err = kafka.Replay(w.t.Context(), w.broker.Config(), []kafka.Span{span}, func(_ kafka.Span, records []*kafka.Record, next int64) error {
		var batch []engine.Stored
		for _, r := range records {
			batch = append(batch, engine.Stored{Offset: r.Offset, Key: r.Key, Value: r.Value})
		}
		return folded.FoldEvents(batch, next)
	})
	if err != nil {
		return nil, err
	}
	writes, _, err := folded.Flush()
	if err != nil {
		return nil, err
	}
	states := map[string]engine.StoredAggregate{}
	for _, write := range writes {
		state, is, err := engine.ReadStored(engine.Pair{Key: bytes.Clone(write.Key), Value: bytes.Clone(write.Value)})
		if err != nil {
			return nil, err
		}
		if is {
			states[state.ID] = state
		}
	}
	return states, nil
}
