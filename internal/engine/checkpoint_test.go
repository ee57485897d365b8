package engine_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/partition"
)

// ids returns n aggregate IDs of the rig's partition, in order.
func (r *rig) ids(n int) (ids []string) {
	for i := 0; len(ids) < n; i++ {
		if id := fmt.Sprintf("id%04d", i); partition.Of(id, r.cfg.Partitions) == r.cfg.Partition {
			ids = append(ids, id)
		}
	}
	return ids
}

// touch gives each aggregate one event.
func (r *rig) touch(ids ...string) {
	r.t.Helper()
	var batch []engine.Input
	for _, id := range ids {
		batch = append(batch, r.command("add", id, fmt.Sprint("c", r.next[engine.Commands]), `{"by":1,"times":1}`))
	}
	r.commit(r.step(1, batch...))
}

// checkpointPart makes the next part of a checkpoint and returns the keys it wrote.
func (r *rig) checkpointPart(limit int) (keys []string, last bool) {
	r.t.Helper()
	fx, last, err := r.p.Checkpoint(limit)
	if err != nil {
		r.t.Fatal(err)
	}
	if fx == nil {
		return nil, last
	}
	if len(fx.Events)+len(fx.Refusals)+len(fx.Dispatch)+len(fx.Inbox)+len(fx.Replies) > 0 || fx.Next != [2]int64{-1, -1} {
		r.t.Errorf("a checkpoint decides: %+v", fx)
	}
	for _, s := range fx.Snapshots {
		keys = append(keys, string(s.Key))
	}
	r.commit(fx)
	return keys, last
}

// checkpoint makes a whole one.
func (r *rig) checkpoint() (keys []string) {
	r.t.Helper()
	for {
		part, last := r.checkpointPart(3)
		if keys = append(keys, part...); last {
			return keys
		}
	}
}

func counters(ids ...string) (keys []string) {
	for _, id := range ids {
		keys = append(keys, "counter/"+id)
	}
	return keys
}

func (r *rig) marker(rec engine.Stored) engine.Marker {
	r.t.Helper()
	m, err := r.cfg.Codec.DecodeMarker(rec.Value)
	if err != nil {
		r.t.Fatal(err)
	}
	return m
}

func TestACheckpointWritesWhatHasChanged(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(8)
	r.touch(ids...)
	if got, want := r.checkpoint(), append(counters(ids...), engine.MarkerKey); !slices.Equal(got, want) {
		t.Fatalf("the first wrote %v", got)
	}
	if got := r.checkpoint(); got != nil {
		t.Fatalf("nothing has changed, and %v was written", got)
	}
	r.touch(ids[2], ids[5])
	r.open() // what has changed is known after a restart
	r.touch(ids[5], ids[6])
	if got, want := r.checkpoint(), append(counters(ids[2], ids[5], ids[6]), engine.MarkerKey); !slices.Equal(got, want) {
		t.Fatalf("the second wrote %v, want %v", got, want)
	}
}

func TestACheckpointLeavesOutWhatABatchHasJustWritten(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.cfg.SnapshotEvery = 2
	r.open()
	ids := r.ids(3)
	r.touch(ids...)
	r.touch(ids[1])
	if got, want := r.checkpoint(), append(counters(ids[0], ids[2]), engine.MarkerKey); !slices.Equal(got, want) {
		t.Fatalf("wrote %v, want %v", got, want)
	}
}

func TestTheMarkerTellsWhereTheCheckpointStarted(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(6)
	r.touch(ids[:5]...)
	r.commit(r.step(7, r.command("add", ids[0], "no", `{"by":1000,"times":1}`)))
	if got, last := r.checkpointPart(2); last || !slices.Equal(got, counters(ids[:2]...)) {
		t.Fatalf("part 1: %v, %v", got, last)
	}
	r.touch(ids[0], ids[4], ids[5]) // one whose turn is over, one whose turn comes, a new one
	if got := r.checkpoint(); !slices.Equal(got, append(counters(ids[2:]...), engine.MarkerKey)) {
		t.Fatalf("the rest: %v", got)
	}
	m := r.marker(r.snapshots[len(r.snapshots)-1])
	if m.EventsNext != 5 || m.RefusalsNext != 1 || m.RecordedAt != 7 || m.Aggregates != 5 || m.Partitions != rigPartitions || m.EventsID != r.cfg.EventsID {
		t.Errorf("marker %+v", m)
	}
	if want := []engine.Consumed{{Topic: "lab.commands", Incarnation: es.ID{1}, Next: 6}, {Topic: "lab.dispatch", Incarnation: es.ID{2}}}; !slices.Equal(m.Sources, want) {
		t.Errorf("sources %+v", m.Sources)
	}
	if got := r.checkpoint(); !slices.Equal(got, append(counters(ids[0]), engine.MarkerKey)) {
		t.Errorf("the next checkpoint wrote %v: what came meanwhile is its", got)
	}
}

func TestAPartOfUnknownOutcomeIsMadeAgain(t *testing.T) {
	t.Parallel()
	for _, arrived := range []bool{true, false} {
		r := newRig(t, 1)
		ids := r.ids(4)
		r.touch(ids...)
		fx, _, err := r.p.Checkpoint(2)
		if err != nil {
			t.Fatal(err)
		}
		if arrived {
			r.publish(fx)
		}
		if got, want := r.checkpoint(), append(counters(ids...), engine.MarkerKey); !slices.Equal(got, want) {
			t.Errorf("arrived %v: wrote %v", arrived, got)
		}
	}
}

// What a step remembers of an aggregate must learn of its snapshot, or the next one would take it off no list.
func TestStepsGoOnAfterACheckpoint(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.cfg.SnapshotEvery = 4
	r.open()
	r.adds(3)
	r.checkpoint()
	if got := r.adds(4); !slices.Equal(got, []int64{7}) {
		t.Fatalf("snapshots at %v: the checkpoint wrote version 3, so the next is due at 7", got)
	}
	if got := r.checkpoint(); !slices.Equal(got, []string{engine.MarkerKey}) {
		t.Fatalf("the batch had a snapshot of its own, and the checkpoint wrote %v", got)
	}
}

func TestACheckpointOfAStateTooLargeIsNeverComplete(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.grow()
	if _, _, err := r.p.Checkpoint(10); !errors.Is(err, engine.ErrSnapshotTooLarge) {
		t.Fatalf("err = %v", err)
	}
}
