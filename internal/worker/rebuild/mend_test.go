package rebuild

import (
	"slices"
	"testing"

	"recount/internal/partition"
)

// testMend spoils rows of two accounts, and mends one.
func testMend(t *testing.T, w *world) {
	// Accounts in the partitions that their IDs say.
	ids := map[int32]string{}
	for n := 0; len(ids) < 1; n++ {
		if id := "acct-0-" + string(rune('0'+n%7)); partition.Of(id, worldPartitions) == 0 {
			ids[0] = id
		} else if n > 7 {
			t.Fatal("none of the accounts is where its ID says: the test needs others")
		}
	}
	w.begin(70)
	id := ids[0]
	for _, statement := range []string{
		"ALTER TABLE plain_g1 UPDATE amount = 999 WHERE account = '" + id + "' AND version IN (2, 5) SETTINGS mutations_sync = 1",
		"ALTER TABLE plain_g1 DELETE WHERE account = '" + id + "' AND version = 7 SETTINGS mutations_sync = 1",
		"INSERT INTO plain_g1 SELECT * FROM plain_g1 WHERE account = '" + id + "' AND version = 3",
		"ALTER TABLE plain_g1 UPDATE amount = 5 WHERE partition = 1 AND offset = 3 SETTINGS mutations_sync = 1",
	} {
		if err := w.db.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	r, err := New(t.Context(), w.config(first()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []Mended{{"plain_g1", 10, 10, 4}, {"plain_g1", 10, 10, 0}} {
		got, err := r.Mend(t.Context(), plain, "account", id)
		if err != nil || !slices.Equal(got, []Mended{want}) {
			t.Fatalf("%+v, %v, want %+v", got, err, want)
		}
	}
	var n, elsewhere uint64
	var sum int64
	if err := w.db.Row(t.Context(), "SELECT countIf(account = '"+id+"'), sumIf(amount, account = '"+id+"'), countIf(partition = 1 AND offset = 3 AND amount = 5) FROM plain").Scan(&n, &sum, &elsewhere); err != nil {
		t.Fatal(err)
	}
	var first int64
	for i := range int64(70) {
		if i%7 == int64(id[len(id)-1]-'0') {
			first += i + 1
		}
	}
	if n != 10 || sum != first || elsewhere != 1 {
		t.Errorf("%d rows, sum %d of %d; %d rows of others are as they were", n, sum, first, elsewhere)
	}
	if got, err := r.Mend(t.Context(), plain, "account", "nobody"); err != nil || len(got) != 0 {
		t.Errorf("%+v, %v", got, err)
	}
}
