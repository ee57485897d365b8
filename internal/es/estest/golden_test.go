package estest

import (
	"errors"
	"os"
	"strings"
	"testing"

	"recount/internal/es"
)

// tally is a view with one column whose rows depend on factor.
func tally(revision int, factor int64) es.View {
	type row struct {
		Name  string `ch:"name"`
		Total int64  `ch:"total"`
	}
	table := es.NewTable[row]("tally")
	return es.View{
		Name: "tally", Revision: revision, Tables: []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			if r.Offset < 0 {
				return errors.New("before the log")
			}
			table.Append(out, row{r.Type, factor * r.Offset})
			return nil
		},
	}
}

func one(name string, offset int64) Record {
	return Record{name, es.Recorded{Type: name, Offset: offset}}
}

func TestReconcileLetsNoRowChangeUnderOneRevision(t *testing.T) {
	t.Parallel()
	records := []Record{one("first", 1), one("second", 2)}
	old, err := snapshotOf(tally(1, 1), records)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		view    es.View
		records []Record
		want    string
		update  bool // may be written down
	}{
		"same":             {tally(1, 1), records, "", false},
		"other order":      {tally(1, 1), []Record{records[1], records[0]}, "", false},
		"other rows":       {tally(1, 3), records, `"first" gives other rows under the same revision`, false},
		"a record is gone": {tally(1, 1), records[:1], `"second" is gone`, false},
		"new record":       {tally(1, 1), append(records, one("third", 3)), "new records", true},
		"new revision":     {tally(2, 3), records, `it has revision "1", the view "2"`, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			now, err := snapshotOf(tc.view, tc.records)
			if err != nil {
				t.Fatal(err)
			}
			err = reconcile(parseSnapshot(old.text()), now)
			outdated := (*outdatedError)(nil)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) || errors.As(err, &outdated) != tc.update {
				t.Fatalf("got %v, want %q", err, tc.want)
			}
		})
	}
	if _, err := snapshotOf(tally(1, 1), []Record{one("broken", -1)}); err == nil || !strings.Contains(err.Error(), "broken") {
		t.Errorf("got %v, want an error about the broken record", err)
	}
}

// The test changes its folder and its environment, so it is not parallel.
func TestGoldenWritesOnlyWhenAskedTo(t *testing.T) {
	t.Chdir(t.TempDir())
	t.Setenv(UpdateVariable, "1")
	Golden(t, tally(1, 1), one("first", 1))
	text, err := os.ReadFile("testdata/tally.golden")
	want := "revision 1\n== first\ntally\n    name: \"first\"\n    total: 1\n"
	if err != nil || string(text) != want {
		t.Fatalf("got %q and %v, want %q", text, err, want)
	}
	t.Setenv(UpdateVariable, "")
	Golden(t, tally(1, 1), one("first", 1))
}
