package engine_test

import (
	"slices"
	"testing"

	"recount/internal/engine"
	"recount/internal/statestore"
)

// listed returns what the store has on the list of the changed.
func (r *rig) listed() (keys []string) {
	r.t.Helper()
	for pair, err := range r.store.Scan([]byte("c/"), []byte("c0")) {
		if err != nil {
			r.t.Fatal(err)
		}
		keys = append(keys, string(pair.Key[len("c/"):]))
	}
	return keys
}

// Before the first checkpoint nothing is listed; while it goes through all states, what changes behind its back is.
func TestTheFirstCheckpointNeedsNoList(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(6)
	r.touch(ids[:5]...)
	r.touch(ids[1])
	if got := r.listed(); got != nil {
		t.Fatalf("before any checkpoint %v are listed", got)
	}
	if got, last := r.checkpointPart(2); last || !slices.Equal(got, counters(ids[:2]...)) {
		t.Fatalf("part 1: %v, %v", got, last)
	}
	r.touch(ids[0], ids[3], ids[5]) // one whose turn is over, one whose turn comes, a new one
	if got := r.listed(); !slices.Equal(got, counters(ids[0], ids[3], ids[5])) {
		t.Errorf("in the middle of it %v are listed", got)
	}
	if got := r.checkpoint(); !slices.Equal(got, append(counters(ids[2:]...), engine.MarkerKey)) {
		t.Fatalf("the rest: %v", got)
	}
	if got := r.listed(); !slices.Equal(got, counters(ids[0])) {
		t.Errorf("after it %v are listed", got)
	}
	r.touch(ids[4])
	if got := r.checkpoint(); !slices.Equal(got, append(counters(ids[0], ids[4]), engine.MarkerKey)) {
		t.Errorf("the next one wrote %v", got)
	}
	if got := r.listed(); got != nil {
		t.Errorf("after the next one %v are listed", got)
	}
}

// A first checkpoint that a crash interrupted begins again, and leaves out what has its snapshot.
func TestTheFirstCheckpointAfterACrashInItsMiddle(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(5)
	r.touch(ids...)
	r.checkpointPart(2)
	r.touch(ids[0])
	r.open()
	if got := r.checkpoint(); !slices.Equal(got, append(counters(ids[0], ids[2], ids[3], ids[4]), engine.MarkerKey)) {
		t.Fatalf("wrote %v", got)
	}
	r.restore()
	if got := r.decoded(r.step(1, r.command("add", ids[0], "more", `{"by":0,"times":1}`)))[0].Meta.Version; got != 3 {
		t.Errorf("goes on at version %d", got)
	}
}

// asked counts how often a store is asked for a key.
type asked struct {
	statestore.Store
	gets int
}

func (a *asked) Get(key []byte) ([]byte, bool, error) {
	a.gets++
	return a.Store.Get(key)
}

// A fold from zero does not ask an empty store about each aggregate it meets; once that has states, it does.
func TestAnEmptyStoreIsNotAskedForStates(t *testing.T) {
	t.Parallel()
	r := newRig(t, 1)
	ids := r.ids(20)
	r.touch(ids[:10]...)
	store := &asked{Store: statestore.NewMemStore()}
	r.store = store
	r.open()
	before := store.gets
	if err := r.p.FoldEvents(r.events, int64(len(r.events))); err != nil {
		t.Fatal(err)
	}
	if store.gets != before {
		t.Errorf("the empty store was asked %d times", store.gets-before)
	}
	r.flush()
	r.touch(ids[10:]...)
	if store.gets == before {
		t.Error("the store has states, and was not asked for any")
	}
	if got := r.checkpoint(); len(got) != 21 {
		t.Errorf("the first checkpoint wrote %d records", len(got))
	}
}
