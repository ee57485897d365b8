package clickhouse

import (
	"slices"
	"testing"
	"time"
)

// testSums keeps sums of one table's rows in the two ways that ClickHouse has for it, a projection and a materialized
// view, and lets happen to a range what a ClickHouse that is killed makes of it.
func testSums(t *testing.T, db *DB) {
	const range1, range2 = 10, 20
	for name, fault := range map[string]struct {
		statement string
		exact     []string
	}{
		"nothing happens":                         {"SELECT 1", []string{"projection", "materialized view"}},
		"killed after the rows, before the sums":  {"TRUNCATE TABLE sums_g1", []string{"projection"}},
		"killed with the token, without the rows": {"ALTER TABLE entries_g1 DELETE WHERE 1 SETTINGS mutations_sync = 1", []string{"projection"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := openAt(t, db.cfg.URL)
			f := newFixture()
			s := f.sink(t, db, SinkConfig{Pace: testPace()})
			keepSums(t, db)
			b := f.batch(0, 0, range1-1)
			insert(t, s, b)
			if err := db.Exec(t.Context(), fault.statement); err != nil {
				t.Fatal(err)
			}
			b.Again = true
			insert(t, s, b)
			insert(t, s, f.batch(0, range1, range2-1))
			var exact []string
			for _, way := range []struct{ name, question string }{
				{"projection", "SELECT toInt64(count()), sum(amount) FROM entries_g1 WHERE kind = 'deposit' GROUP BY kind SETTINGS force_optimize_projection = 1"},
				{"materialized view", "SELECT toInt64(sum(n)), sum(amount) FROM sums_g1 WHERE kind = 'deposit' GROUP BY kind"},
			} {
				var n, sum int64
				if err := db.Row(t.Context(), way.question).Scan(&n, &sum); err != nil {
					t.Fatal(err)
				}
				if n == range2 && sum == range2*(range2-1)/2 {
					exact = append(exact, way.name)
				}
			}
			if !slices.Equal(exact, fault.exact) {
				t.Errorf("exact: %q, want %q", exact, fault.exact)
			}
		})
	}
}

// keepSums gives the entries of generation 1 a projection, and a materialized view as the manual recommends it: with a
// target that knows tokens, too.
func keepSums(t *testing.T, db *DB) {
	t.Helper()
	for _, statement := range []string{
		"ALTER TABLE entries_g1 ADD PROJECTION sums (SELECT kind, count(), sum(amount) GROUP BY kind)",
		`CREATE TABLE sums_g1 (kind LowCardinality(String), n SimpleAggregateFunction(sum, UInt64), amount SimpleAggregateFunction(sum, Int64))
			ENGINE = AggregatingMergeTree ORDER BY kind SETTINGS non_replicated_deduplication_window = 1000`,
		"CREATE MATERIALIZED VIEW sums_into_g1 TO sums_g1 AS SELECT kind, count() AS n, sum(amount) AS amount FROM entries_g1 GROUP BY kind",
	} {
		if err := db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// testKnown: a view is known by the least of its partitions, and not at all while one is missing.
func testKnown(t *testing.T, db *DB) {
	const none = int64(0)
	at := func(second int64) time.Time { return time.Unix(second, 0) }
	for _, step := range []struct {
		tell []Known
		want int64 // seconds
	}{
		{nil, none},
		{[]Known{{"v", 1, "bank", 0, 2, at(50)}}, none},
		{[]Known{{"v", 1, "bank", 1, 2, at(70)}}, 50},
		{[]Known{{"v", 1, "bank", 0, 2, at(90)}}, 70},
		{[]Known{{"v", 1, "bank", 0, 2, at(60)}, {"v", 2, "bank", 0, 1, at(10)}, {"w", 1, "bank", 0, 1, at(10)}}, 70}, // late, or of another
		{[]Known{{"v", 1, "bank", 0, 3, at(95)}, {"v", 1, "bank", 1, 3, at(95)}}, none},                               // the topic has grown
		{[]Known{{"v", 1, "bank", 2, 3, at(80)}}, 80},
	} {
		if err := db.TellKnown(t.Context(), step.tell); err != nil {
			t.Fatal(err)
		}
		var got int64
		if err := db.Row(t.Context(), "SELECT toInt64(toUnixTimestamp(min(known_until))) FROM known WHERE view = 'v' AND generation = 1").Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != step.want {
			t.Errorf("after %v: known until %d, want %d", step.tell, got, step.want)
		}
	}
}
