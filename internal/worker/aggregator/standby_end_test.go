package aggregator

import (
	"context"
	"testing"
)

// TestStandbysLetGoOfWhatASessionClaimedAndNeverTook: a worker is stopped after the group gave a session a partition, and
// before the session took it from the standbys. Its store would stay open, and no other process could open it.
func TestStandbysLetGoOfWhatASessionClaimedAndNeverTook(t *testing.T) {
	t.Parallel()
	m, root := flying(t)
	close(root.may)
	m.happen(t, "a")
	w := m.w
	w.cfg.Sessions = 1
	w.standbys = newStandbys(w)
	r := &standbyRun{standbys: w.standbys}
	r.held[0] = &held{number: 0, stop: func() {}, owned: m.owned[0], filled: true, passed: make(chan *owned, 1)}
	r.claim(0, []int32{0})
	stopped, stop := context.WithCancel(t.Context())
	stop()

	// A claim alone ends nothing: the session takes the partition when it knows up to where.
	r.held[0].following = true
	r.reconcile(stopped)
	if r.held[0] == nil {
		t.Fatal("what a session claims was let go of before it was taken")
	}
	r.held[0].following = false // nothing is read in this test
	r.end()
	r.reconcile(stopped)
	if len(r.held) != 0 {
		t.Error("the partition is still held")
	}
	if root.applied.Load() != 1 {
		t.Errorf("its memory was written %d times", root.applied.Load())
	}
	lease, err := w.cfg.Leases.Acquire(t.Context(), "bank.0")
	if err != nil {
		t.Fatal(err)
	}
	if err := lease.Release(); err != nil {
		t.Error(err)
	}
}
