package clickhouse

import (
	"errors"
	"slices"
	"testing"
)

// testReplace replaces names of which one reads what another is only about to show.
func testReplace(t *testing.T, db *DB) {
	view := func(name, question string) string {
		return "CREATE OR REPLACE VIEW " + db.cfg.Database + "." + name + " AS " + question
	}
	if err := db.replace(t.Context(), []string{view("base", "SELECT 1 AS x")}, nil); err != nil {
		t.Fatal(err)
	}
	var told []int
	asks := view("asks", "SELECT y FROM "+db.cfg.Database+".base")
	statements := []string{asks, view("base", "SELECT 1 AS x, 2 AS y"), view("other", "SELECT 3 AS z"), asks, asks, asks}
	if err := db.replace(t.Context(), statements, func(n int) { told = append(told, n) }); err != nil {
		t.Fatal(err)
	}
	slices.Sort(told)
	var y, z uint8
	if err := errors.Join(db.Row(t.Context(), "SELECT y FROM asks").Scan(&y), db.Row(t.Context(), "SELECT z FROM other").Scan(&z)); err != nil || y != 2 || z != 3 {
		t.Errorf("%d, %d, %v", y, z, err)
	}
	if !slices.Equal(told, []int{0, 1, 2, 3, 4, 5}) {
		t.Errorf("told of %v: each name once", told)
	}
	if err := db.replace(t.Context(), []string{view("base", "SELECT 4 AS x"), view("wrong", "SELECT nothing FROM nowhere")}, nil); err == nil {
		t.Error("a name that can't be replaced is no error")
	}
}
