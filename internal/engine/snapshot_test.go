package engine_test

import (
	"fmt"
	"slices"
	"testing"

	"recount/internal/engine"
)

// snapshot decodes a record of the snapshot topic.
func (r *rig) snapshot(rec engine.Record) engine.Snapshot {
	r.t.Helper()
	s, err := r.cfg.Codec.DecodeSnapshot(rec.Value)
	if err != nil {
		r.t.Fatal(err)
	}
	return s
}

// adds decides and commits n commands of one event each on aggregate a, each in a batch of its own, and returns the
// versions of the snapshots they left.
func (r *rig) adds(n int) (versions []int64) {
	r.t.Helper()
	for range n {
		fx := r.step(1, r.command("add", "a", fmt.Sprint("c", r.next[engine.Commands]), `{"by":0,"times":1}`))
		for _, s := range fx.Snapshots {
			versions = append(versions, r.snapshot(s).Version)
		}
		r.commit(fx)
	}
	return versions
}

func TestASnapshotIsPartOfTheBatchThatMakesItDue(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.cfg.SnapshotEvery = 3
	r.open()
	r.commit(r.step(1, r.command("add", "a", "c1", `{"by":1,"times":2}`)))
	fx := r.step(50, r.command("add", "a", "c2", `{"by":10,"times":2}`), r.command("add", "a", "c3", `{"by":20,"times":3}`))
	if len(fx.Snapshots) != 1 || string(fx.Snapshots[0].Key) != "counter/a" || fx.Snapshots[0].Partition != r.cfg.Partition {
		t.Fatalf("snapshots %+v", fx.Snapshots)
	}
	s := r.snapshot(fx.Snapshots[0])
	a := r.cfg.Codec.Aggregates()[0]
	state, err := r.cfg.Codec.DecodeState(a, s.State)
	if err != nil {
		t.Fatal(err)
	}
	last := r.decoded(fx)[4].Meta
	if s.Version != 7 || state != (counter{Total: 82}) || s.Chain != last.Chain || s.RecordedAt != 50 || s.EventsNext != 2 ||
		s.EventsID != r.cfg.EventsID || s.Fold != r.cfg.Codec.Fold(a) {
		t.Errorf("%+v of state %+v", s, state)
	}
}

func TestEventsSinceTheLastSnapshotAreCountedOverRestarts(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.cfg.SnapshotEvery = 3
	r.open()
	got := r.adds(4) // at 3
	r.open()         // from the store
	got = append(got, r.adds(1)...)
	r.open()
	if got = append(got, r.adds(3)...); !slices.Equal(got, []int64{3, 6}) {
		t.Fatalf("snapshots at versions %v, want 3 and 6", got)
	}
}

func TestWithoutAnIntervalNoBatchHasSnapshots(t *testing.T) {
	t.Parallel()
	if got := newRig(t, 1).adds(300); len(got) != 0 {
		t.Fatalf("snapshots at versions %v", got)
	}
}

// grow makes a's state larger than a record may be, by events that are not.
func (r *rig) grow() {
	r.t.Helper()
	for i := range 3 {
		r.commit(r.step(1, r.command("grow", "a", fmt.Sprint("grow", i), `{"bytes":4000}`)))
	}
}

func TestAStateTooLargeForARecordGetsNoSnapshot(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.cfg.SnapshotEvery = 6 // of the six events that grow leaves
	r.open()
	r.grow()
	if len(r.snapshots) != 0 {
		t.Fatalf("a snapshot of %d bytes", len(r.snapshots[0].Value))
	}
	if n := len(r.decoded(r.step(1, r.command("add", "a", "more", `{"by":1,"times":1}`)))); n != 1 {
		t.Fatalf("%d events: the aggregate goes on", n)
	}
}
