package engine_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/statestore"
)

// lose replaces the rig's disk and memory by empty ones.
func (r *rig) lose() {
	r.t.Helper()
	r.store = statestore.NewMemStore()
	r.open()
}

// load fills the empty rig from a snapshot log, without the events that follow.
func (r *rig) load(snapshots []engine.Stored) error {
	r.t.Helper()
	restoration := r.p.Restore()
	for len(snapshots) > 0 { // as they come: not all at once
		n := min(3, len(snapshots))
		r.write(restoration.Load(snapshots[:n]), nil)
		snapshots = snapshots[n:]
	}
	return restoration.Finish(int64(len(r.events)), int64(len(r.refusals)))
}

// restore loses everything and comes back from the snapshots.
func (r *rig) restore() {
	r.t.Helper()
	r.lose()
	if err := r.load(r.snapshots); err != nil {
		r.t.Fatal(err)
	}
	r.foldAll()
	r.flush()
}

// compacted is what compaction leaves of a log: the newest record of each key, in the old order.
func compacted(log []engine.Stored) (out []engine.Stored) {
	newest := map[string]int64{}
	for _, r := range log {
		newest[string(r.Key)] = r.Offset
	}
	for _, r := range log {
		if newest[string(r.Key)] == r.Offset {
			out = append(out, r)
		}
	}
	return out
}

func TestARestoreGoesOnFromTheCheckpoint(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(5)
	r.touch(ids[:4]...)
	r.checkpoint()
	r.touch(ids[3], ids[4])
	r.lose()
	if err := r.load(r.snapshots); err != nil {
		t.Fatal(err)
	}
	if events, refusals := r.p.Position(); events != 4 || refusals != 0 {
		t.Fatalf("the fold goes on at event %d and refusal %d", events, refusals)
	}
	if next := r.p.Next(engine.Commands); next != 4 {
		t.Errorf("commands decided up to %d, want 4", next)
	}
	r.foldAll()
	for _, id := range ids {
		want := int64(2)
		if id == ids[3] {
			want = 3
		}
		if got := r.decoded(r.step(9, r.command("add", id, "after-"+id, `{"by":0,"times":1}`)))[0].Meta.Version; got != want {
			t.Errorf("%s goes on at version %d, want %d", id, got, want)
		}
	}
	r.flush()
	if got := r.checkpoint(); len(got) != 3 { // and not the three that the snapshots have
		t.Errorf("the next checkpoint wrote %v", got)
	}
}

// The dedup window reaches further back than the checkpoint: what lies between is remembered, and not folded twice.
func TestARestoreRemembersWhatIsOlderThanTheCheckpoint(t *testing.T) {
	t.Parallel()
	retry := func(r *rig) engine.Counts {
		fx := r.step(9, r.command("add", "a", "c1", `{"by":10,"times":2}`), r.command("add", "a", "no", `{"by":1000,"times":1}`))
		if len(fx.Events) > 0 && r.decoded(fx)[0].Meta.Version != 3 {
			r.t.Errorf("the state is not that of the log: %+v", r.decoded(fx)[0].Meta)
		}
		return fx.Counts
	}
	for what, c := range map[string]struct {
		recall bool
		known  int
	}{"recalled": {true, 2}, "not recalled, the control": {false, 0}} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.commit(r.step(1, r.command("add", "a", "c1", `{"by":10,"times":2}`)))
			r.commit(r.step(1, r.command("add", "a", "no", `{"by":1000,"times":1}`)))
			r.checkpoint()
			r.lose()
			if err := r.load(r.snapshots); err != nil {
				t.Fatal(err)
			}
			if c.recall {
				r.p.Recall(0, 0)
			}
			r.foldAll()
			if got := retry(r); got.Duplicates != c.known {
				t.Fatalf("%d of 2 retries were recognised, want %d: %+v", got.Duplicates, c.known, got)
			}
		})
	}
}

func TestWhatIsOlderThanTheWindowIsFoldedAndNotRemembered(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.adds(6)
	r.lose()
	r.p.Recall(4, 0)
	r.foldAll()
	if got := r.p.Stats().DedupEntries; got != 2 {
		t.Errorf("%d commands are remembered, want 2", got)
	}
	if got := r.decoded(r.step(1, r.command("add", "a", "more", `{"by":0,"times":1}`)))[0].Meta.Version; got != 7 {
		t.Errorf("goes on at version %d", got)
	}
}

func TestSnapshotsThatDoNotGiveEveryStateAreRefused(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		spoil func(r *rig)
		says  string
	}{
		"no checkpoint":             {func(r *rig) { r.snapshots = r.snapshots[:len(r.snapshots)-1] }, "no checkpoint is complete"},
		"an unreadable marker":      {func(r *rig) { r.snapshots[len(r.snapshots)-1].Value = []byte("garbage") }, "can't be read"},
		"another partition count":   {func(r *rig) { r.remark(func(m *engine.Marker) { m.Partitions = 8 }) }, "8 partitions"},
		"another event topic":       {func(r *rig) { r.remark(func(m *engine.Marker) { m.EventsID = es.ID{9} }) }, "event topic that is gone"},
		"all of another topic":      {func(r *rig) { r.cfg.EventsID = es.ID{9} }, "event topic that is gone"},
		"a snapshot missing":        {func(r *rig) { r.snapshots = r.snapshots[1:] }, "1 of 4 aggregates are missing"},
		"a log cut short":           {func(r *rig) { r.events = r.events[:3] }, "an older copy"},
		"refusals cut short":        {func(r *rig) { r.remark(func(m *engine.Marker) { m.RefusalsNext = 1 }) }, "an older copy"},
		"another revision":          {func(r *rig) { r.cfg.Codec = newRig(r.t, 2).cfg.Codec }, "missing"},
		"a checkpoint of another":   {func(r *rig) { r.remark(func(m *engine.Marker) { m.Folds[0].Fold[0] ^= 1 }) }, "another revision of counter"},
		"one of another in between": {func(r *rig) { r.resnap(0, func(s *engine.Snapshot) { s.Fold[0] ^= 1 }) }, "missing"},
		"one ahead of its log":      {func(r *rig) { r.resnap(0, func(s *engine.Snapshot) { s.EventsNext = 5 }) }, "an older copy"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.touch(r.ids(4)...)
			r.checkpoint()
			r.lose()
			if err := r.load(r.snapshots); err != nil {
				t.Fatalf("before: %v", err)
			}
			c.spoil(r)
			r.lose()
			if err := r.load(r.snapshots); !errors.Is(err, engine.ErrSnapshots) || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("err = %v, want it to say %q", err, c.says)
			}
		})
	}
}

// remark alters the last marker.
func (r *rig) remark(alter func(*engine.Marker)) {
	r.t.Helper()
	last := &r.snapshots[len(r.snapshots)-1]
	m := r.marker(*last)
	alter(&m)
	var err error
	if last.Value, err = r.cfg.Codec.AppendMarker(nil, &m); err != nil {
		r.t.Fatal(err)
	}
}

// resnap alters a snapshot.
func (r *rig) resnap(i int, alter func(*engine.Snapshot)) {
	r.t.Helper()
	s := r.snapshot(engine.Record{Value: r.snapshots[i].Value})
	alter(&s)
	var err error
	if r.snapshots[i].Value, err = r.cfg.Codec.AppendSnapshot(nil, &s); err != nil {
		r.t.Fatal(err)
	}
}

// During a change of program two revisions may write snapshots in turns. The other's is no harm while one of ours is
// there, older though it is; where compaction has left the other's alone, an aggregate would be missing without a word.
func TestASnapshotOfAnotherRevisionInPlaceOfOurs(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(3)
	r.touch(ids...)
	r.checkpoint()
	theirs := r.snapshots[1]
	theirs.Offset = int64(len(r.snapshots))
	r.snapshots = append(r.snapshots, theirs)
	r.resnap(len(r.snapshots)-1, func(s *engine.Snapshot) { s.Fold[0] ^= 1 })
	r.lose()
	if err := r.load(r.snapshots); err != nil {
		t.Fatalf("beside ours: %v", err)
	}
	r.touch(r.ids(5)[3:]...) // two more, so that the number does not tell
	r.lose()
	for i, id := range r.ids(5)[3:] {
		fresh := theirs
		fresh.Key, fresh.Offset = []byte("counter/"+id), theirs.Offset+1+int64(i)
		r.snapshots = append(r.snapshots, fresh)
	}
	if err := r.load(compacted(r.snapshots)); !errors.Is(err, engine.ErrSnapshots) || !strings.Contains(err.Error(), "another revision") {
		t.Fatalf("in place of ours: %v", err)
	}
}

func TestAnEventMissingBetweenSnapshotAndLogIsAGap(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(2)
	r.touch(ids...)
	r.checkpoint()
	r.touch(ids...)
	r.resnap(0, func(s *engine.Snapshot) { s.Version = 0 }) // a snapshot that lags behind its marker
	r.lose()
	if err := r.load(r.snapshots); err != nil {
		t.Fatal(err)
	}
	if err := r.tryFold(r.events); !errors.Is(err, engine.ErrGap) {
		t.Fatalf("err = %v", err)
	}
}

func TestWhatIsOfNoConcernIsPassedOver(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(2)
	r.touch(ids...)
	r.checkpoint()
	stray := ""
	for i := 0; stray == ""; i++ {
		if id := fmt.Sprint("x", i); !strings.Contains(strings.Join(r.ids(40), " "), id) && partitionOf(id) != r.cfg.Partition {
			stray = id
		}
	}
	for _, key := range []string{"counter/" + stray, "gone/" + ids[0], "neither"} {
		r.snapshots = append(r.snapshots, engine.Stored{Offset: int64(len(r.snapshots)), Key: []byte(key), Value: []byte("whatever")})
	}
	r.restore()
	if got := r.p.Stats(); got.DedupEntries != 0 {
		t.Errorf("%+v", got)
	}
	if got := r.decoded(r.step(1, r.command("add", ids[0], "more", `{"by":0,"times":1}`)))[0].Meta.Version; got != 2 {
		t.Errorf("goes on at version %d", got)
	}
}
