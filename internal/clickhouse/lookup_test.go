package clickhouse

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"recount/internal/es"
)

// burnt repeats a range whose rows are gone while its token is known, as a kill of ClickHouse between its writing the one
// and publishing the others leaves them.
func burnt(t *testing.T, db *DB, without SinkGuard) (uint64, int64) {
	t.Helper()
	f := newFixture()
	s := f.sink(t, db, SinkConfig{Pace: testPace(), Without: without})
	b := f.batch(0, 0, 9)
	insert(t, s, b)
	if err := db.Exec(t.Context(), "ALTER TABLE entries_g1 DELETE WHERE 1 SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	b.Again = true
	insert(t, s, b)
	insert(t, s, b)
	return count(t, db, "entries_g1")
}

func testBurntToken(t *testing.T, db *DB) {
	for guard, want := range map[SinkGuard]uint64{0: 10, GuardLookup: 0} {
		t.Run(fmt.Sprintf("guards %b off", guard), func(t *testing.T) {
			t.Parallel()
			if n, _ := burnt(t, openAt(t, db.cfg.URL), guard); n != want {
				t.Errorf("%d rows, want %d", n, want)
			}
		})
	}
}

// testBurntGeneration is the same for the record of a generation.
func testBurntGeneration(t *testing.T, db *DB) {
	f := newFixture()
	f.sink(t, db, SinkConfig{Pace: testPace()})
	for range recordsMax {
		err := db.Exec(t.Context(), "ALTER TABLE generations DELETE WHERE 1 SETTINGS mutations_sync = 1")
		if err == nil {
			_, err = db.EnsureView(t.Context(), f.view, 100, db.render())
		}
		if err != nil && !strings.Contains(err.Error(), "is not there") {
			t.Fatal(err)
		}
		if _, found, servingErr := db.Serving(t.Context(), "entries"); servingErr != nil || found == (err != nil) {
			t.Fatalf("found %v after %v: %v", found, err, servingErr)
		}
	}
	if _, found, err := db.Serving(t.Context(), "entries"); err != nil || found {
		t.Errorf("recorded under a token that was used: the test proves nothing (%v)", err)
	}
}

// testUntellable: a repeated range must be found in a table, or be harmless there.
func testUntellable(t *testing.T, db *DB) {
	type sum struct {
		Kind string `ch:"kind"`
	}
	for engine, want := range map[string]string{"MergeTree": "needs the columns context, partition and offset", "ReplacingMergeTree": ""} {
		f := newFixture()
		f.sink(t, db, SinkConfig{Pace: testPace()})
		g, _, err := db.Serving(t.Context(), "entries")
		if err != nil {
			t.Fatal(err)
		}
		err = db.Exec(t.Context(), "CREATE OR REPLACE TABLE sums_g1 (kind String) ENGINE = "+engine+" ORDER BY kind SETTINGS non_replicated_deduplication_window = 1000")
		if err != nil {
			t.Fatal(err)
		}
		_, err = db.NewSink(t.Context(), es.View{Name: "entries", Tables: []es.AnyTable{es.NewTable[sum]("sums")}}, g, SinkConfig{Pace: testPace()})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", engine, err)
		}
	}
}

// outage repeats a range after its token was forgotten, with some of its rows in the table.
func outage(t *testing.T, db *DB, without SinkGuard, there int64) (uint64, int64) {
	t.Helper()
	f := newFixture()
	pace := testPace()
	pace.Takeover, pace.InsertLifetime = 500*time.Millisecond, 3*time.Second
	s := f.sink(t, db, SinkConfig{Pace: pace, Without: without})
	if there > 0 {
		part := f.batch(0, 0, there-1)
		insert(t, s, part)
	}
	for i := range int64(pace.Window() + 1) {
		insert(t, s, f.batch(1, 10*i, 10*i+9))
	}
	time.Sleep(pace.Outage() + time.Second) // the server is asked in whole seconds
	b := f.batch(0, 0, 19)
	b.Again = true
	insert(t, s, b)
	var n uint64
	var sum int64
	if err := db.Row(t.Context(), "SELECT count(), sum(amount) FROM entries_g1 WHERE partition = 0").Scan(&n, &sum); err != nil {
		t.Fatal(err)
	}
	return n, sum
}

// testOutage has the range wholly, partly or not at all in a table that has taken more inserts since than it remembers. Under
// its own token it is there twice then unless its rows are looked for, and so is a part of it under another.
func testOutage(t *testing.T, db *DB) {
	for _, c := range []struct {
		there int64
		guard SinkGuard
	}{{0, 0}, {13, 0}, {20, 0}, {19, GuardLookup}, {20, GuardLookup}} {
		t.Run(fmt.Sprintf("%d of 20 rows, guards %b off", c.there, c.guard), func(t *testing.T) {
			t.Parallel()
			n, sum := outage(t, openAt(t, db.cfg.URL), c.guard, c.there)
			if exact := n == 20 && sum == 190; exact != (c.guard == 0) {
				t.Errorf("%d rows, sum %d", n, sum)
			}
		})
	}
}
