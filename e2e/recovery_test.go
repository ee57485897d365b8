//go:build e2e

package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"recount/e2e/fleet"
	"recount/internal/engine"
	"recount/internal/kafka"
	"recount/internal/statestore/pebble"
)

// TestAKilledWorkerGoesOnFromItsDisk kills the only worker under load, starts it again, and looks at what it had to do:
// nothing is wiped, and of the log it reads no more than its store did not have yet.
func TestAKilledWorkerGoesOnFromItsDisk(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	only := w.worker("only")
	w.ready(only)
	f := w.feed(rateUsual)
	const times = 3
	for range times {
		w.progress()
		w.awaitEvents(20_000)
		w.must(only.Kill())
		w.counts.Kills++
		w.counts.Faults++
		tail, all := w.tail(only)
		began := time.Now()
		w.must(only.Start())
		w.ready(only)
		took := time.Since(began)
		replayed, err := only.Metric(t.Context(), "recount_aggregator_replayed_records_total")
		w.must(err)
		restores, err := only.Metric(t.Context(), "recount_aggregator_restores_total")
		w.must(err)
		t.Logf("ready %v after its start (session timeout %v); replayed %.0f of %d records that its store did not have, of a log of %d; filled %.0f partitions anew",
			took.Round(time.Millisecond), sessionTimeout, replayed, tail, all, restores)
		if restores > 0 {
			t.Errorf("%v partitions were filled from the log: their stores were wiped", restores)
		}
		if int(replayed) > tail {
			t.Errorf("%v records were replayed, where its store lacked %d", replayed, tail)
		}
		if tail == all {
			t.Errorf("its store lacked all of %d records: that none is wiped says nothing", all)
		}
	}
	f.end()
	w.decided()
	w.settle()
	w.audit()
	w.stores()
}

// tail counts the events and refusals that the store of a killed worker does not have, and all there are. How many it lacks is
// the machine's doing: flushes take a tenth of the time at most, so a slow one is followed by a long pause.
func (w *world) tail(worker *fleet.Member) (tail, all int) {
	w.t.Helper()
	root, err := pebble.Open(pebble.Config{Dir: filepath.Join(worker.State, "store")})
	w.must(err)
	defer func() { w.must(root.Close()) }()
	has := map[string][]int64{eventsTopic: make([]int64, partitions), refusalsTopic: make([]int64, partitions)}
	for p := range int32(partitions) {
		store, err := root.Open(fmt.Sprintf("bank.%d", p))
		w.must(err)
		has[eventsTopic][p], has[refusalsTopic][p], err = engine.StoredPositions(store)
		w.must(errors.Join(err, store.Close()))
	}
	for topic, next := range has {
		w.must(w.read(w.t.Context(), topic, func(r *kafka.Record) {
			all++
			if r.Offset >= next[r.Partition] {
				tail++
			}
		}))
	}
	return tail, all
}

// awaitEvents waits until the log has so many offsets.
func (w *world) awaitEvents(n int64) {
	w.t.Helper()
	w.eventually("enough is recorded", func(ctx context.Context) error {
		got, err := w.events(ctx)
		if err == nil && got < n {
			err = fmt.Errorf("%d of %d offsets", got, n)
		}
		return err
	})
}
