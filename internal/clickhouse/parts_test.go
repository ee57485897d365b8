package clickhouse

import (
	"slices"
	"testing"
	"time"
)

// testParts inserts as often as is allowed, and then looks what the merges have left.
func testParts(t *testing.T, db *DB) {
	f := newFixture()
	pace := testPace()
	pace.InsertLifetime = time.Minute // a busy machine is not what this is about
	s := f.sink(t, db, SinkConfig{Pace: pace})
	const inserts = 3 * PerSecondDefault
	fill := func(partition int32) {
		began := time.Now()
		for i := range int64(inserts) {
			time.Sleep(time.Until(began.Add(time.Duration(i) * time.Second / PerSecondDefault)))
			insert(t, s, f.batch(partition, i, i))
		}
	}
	parts := func() uint64 {
		t.Helper()
		all, err := db.Parts(t.Context())
		at := slices.IndexFunc(all, func(p TableParts) bool { return p.Table == "totals_g1" })
		if err != nil || at < 0 {
			t.Fatalf("%v, %v", all, err)
		}
		return all[at].Parts
	}
	fill(0)
	for deadline := time.Now().Add(time.Minute); parts() > inserts/4; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d parts are left of %d inserts: they are not merged as fast as they come", parts(), inserts)
		}
	}
	if err := db.Exec(t.Context(), "SYSTEM STOP MERGES totals_g1"); err != nil {
		t.Fatal(err)
	}
	before := parts()
	fill(1)
	if parts() < before+inserts {
		t.Error("without merges there are no more parts: the test proves nothing")
	}
}
