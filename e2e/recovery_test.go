//go:build e2e

package e2e_test

import (
	"context"
	"fmt"
	"testing"
	"time"
)

// TestAKilledWorkerGoesOnFromItsDisk kills the only worker under load, starts it again, and looks at what it had to do:
// nothing is wiped, and only the log's tail is read.
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
		events, err := w.events(t.Context())
		w.must(err)
		began := time.Now()
		w.must(only.Start())
		w.ready(only)
		took := time.Since(began)
		replayed, err := only.Metric(t.Context(), "recount_aggregator_replayed_records_total")
		w.must(err)
		restores, err := only.Metric(t.Context(), "recount_aggregator_restores_total")
		w.must(err)
		t.Logf("ready %v after its start (session timeout %v); replayed %.0f records, of a log of %d offsets; filled %.0f partitions anew",
			took.Round(time.Millisecond), sessionTimeout, replayed, events, restores)
		if restores > 0 {
			t.Errorf("%v partitions were filled from the log: their stores were wiped", restores)
		}
		if replayed > float64(events)/2 {
			t.Errorf("%v of %d offsets were replayed: more than a tail", replayed, events)
		}
	}
	f.end()
	w.decided()
	w.settle()
	w.audit()
	w.stores()
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
