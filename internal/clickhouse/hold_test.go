package clickhouse

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// testHold inserts into tables whose merges are held back, and then lets them go.
func testHold(t *testing.T, db *DB) {
	f := newFixture()
	s := f.sink(t, db, SinkConfig{Pace: testPace()})
	made := func() (statement string) {
		t.Helper()
		if err := db.Row(t.Context(), "SELECT create_table_query FROM system.tables WHERE database = ? AND name = 'totals_g1'", db.cfg.Database).Scan(&statement); err != nil {
			t.Fatal(err)
		}
		return statement
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
	before := made()
	if err := db.HoldMerges(t.Context(), s.g, f.view); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(made(), "max_bytes_to_merge") {
		t.Errorf("nothing holds whoever merges after this process has died: %s", made())
	}
	const inserts = 60 // testParts shows that so many would be merged meanwhile
	for i := range int64(inserts) {
		insert(t, s, f.batch(0, i, i))
	}
	if n := parts(); n != inserts {
		t.Errorf("%d parts are left of %d inserts", n, inserts)
	}
	if err := db.ReleaseMerges(t.Context(), s.g, f.view); err != nil {
		t.Fatal(err)
	}
	if made() != before {
		t.Errorf("the table stays otherwise than it was:\n%s\n%s", made(), before)
	}
	for deadline := time.Now().Add(time.Minute); parts() > inserts/4; time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d parts are left of %d inserts, and nothing holds them back", parts(), inserts)
		}
	}
}
