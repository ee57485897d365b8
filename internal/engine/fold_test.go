package engine_test

import (
	"errors"
	"testing"

	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/statestore"
)

func newMemStore() statestore.Store { return statestore.NewMemStore() }

// foldAll folds everything the partition does not reflect yet.
func (r *rig) foldAll() {
	r.t.Helper()
	if err := r.tryFold(r.events); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) tryFold(events []engine.Stored) error {
	from, fromRefusals := r.p.Position()
	if err := r.p.FoldEvents(events[from:], int64(len(r.events))); err != nil {
		return err
	}
	r.settle()
	return r.p.FoldRefusals(r.refusals[fromRefusals:], int64(len(r.refusals)))
}

func TestAFoldContinuesWhereTheCrashWas(t *testing.T) {
	t.Parallel()
	for _, crash := range []string{"after the commit, before the store", "store lost", "nothing"} {
		t.Run(crash, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.commit(r.step(1, r.command("add", "a", "c1", `{"by":10,"times":2}`)))
			r.publish(r.step(2, r.command("add", "a", "c2", `{"by":30,"times":1}`), r.command("add", "a", "c3", `{"by":90,"times":1}`)))
			if crash == "store lost" {
				r.store = newMemStore()
			}
			if crash == "nothing" { // negative control: without the fold the aggregate is at an old version
				r.open()
				if v := r.decoded(r.step(3, r.command("add", "a", "c4", `{"by":1,"times":1}`)))[0].Meta.Version; v != 3 {
					t.Fatalf("version %d", v)
				}
				return
			}
			r.open()
			r.foldAll()
			fx := r.step(3, r.command("add", "a", "c4", `{"by":50,"times":1}`), r.command("add", "a", "c5", `{"by":51,"times":1}`))
			events := r.decoded(fx)
			if len(events) != 1 || events[0].Meta.Version != 4 || len(fx.Refusals) != 1 {
				t.Fatalf("events %+v, %d refusals", events, len(fx.Refusals))
			}
			if next := r.p.Next(engine.Commands); next != 3 {
				t.Errorf("the fold knows of commands up to %d, decided were 3", next)
			}
		})
	}
}

func TestAFoldPassesOverWhatItHas(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.commit(r.step(1, r.command("add", "a", "c1", `{"by":10,"times":2}`)))
	if err := r.p.FoldEvents(r.events, int64(len(r.events))); err != nil {
		t.Fatal(err)
	}
	if e := r.decoded(r.step(2, r.command("add", "a", "c2", `{"by":1,"times":1}`)))[0]; e.Meta.Version != 3 {
		t.Fatalf("version %d after folding the same events again", e.Meta.Version)
	}
}

func TestAGapIsNeverFolded(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.publish(r.step(1, r.command("add", "a", "c1", `{"by":10,"times":3}`)))
	if err := r.tryFold([]engine.Stored{r.events[0], r.events[2]}); !errors.Is(err, engine.ErrGap) {
		t.Fatalf("err = %v, want ErrGap", err)
	}
	if events, _ := r.p.Position(); events != 0 {
		t.Fatalf("a failed fold moved the position to %d", events)
	}
}

func TestAnUnreadableEventIsAnErrorNotSkipped(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	if err := r.p.FoldEvents([]engine.Stored{{Offset: 0, Value: []byte("garbage")}}, 1); err == nil {
		t.Fatal("a fact was passed over")
	}
}

func TestAForeignStoreIsRefused(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]func(*rig){
		"another evolve revision":    func(r *rig) { r.cfg.Codec = newRig(r.t, 2).cfg.Codec },
		"another partition count":    func(r *rig) { r.cfg.Partitions *= 2 },
		"a command topic made again": func(r *rig) { r.cfg.Topics[0].ID = es.ID{9} },
		"an event topic made again":  func(r *rig) { r.cfg.EventsID = es.ID{9} },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, 1)
			r.commit(r.step(1, r.command("add", "a", "c1", `{"by":10,"times":2}`)))
			if _, err := engine.Open(r.cfg, r.store); err != nil {
				t.Fatalf("the same conditions: %v", err)
			}
			change(r)
			if _, err := engine.Open(r.cfg, r.store); !errors.Is(err, engine.ErrForeignStore) {
				t.Fatalf("err = %v, want ErrForeignStore", err)
			}
		})
	}
}

func TestSourcesOfAnotherIncarnationDoNotCount(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	r.publish(r.step(1, r.command("add", "a", "c1", `{"by":10,"times":2}`)))
	r.cfg.Topics[engine.Commands].ID = es.ID{9}
	r.store = newMemStore()
	r.open()
	r.foldAll()
	if next := r.p.Next(engine.Commands); next != 0 {
		t.Fatalf("offset %d of a topic that is gone was taken for the new one's", next)
	}
}

func TestStoredPosition(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	if at, err := engine.StoredPosition(r.store); at != -1 || err != nil {
		t.Fatalf("empty store: %d, %v", at, err)
	}
	r.commit(r.step(1, r.command("add", "a", "c1", `{"by":10,"times":2}`)))
	if at, err := engine.StoredPosition(r.store); at != 2 || err != nil {
		t.Fatalf("%d, %v", at, err)
	}
}
