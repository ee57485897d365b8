package clickhouse

import (
	"reflect"
	"strings"
	"testing"
)

func TestAFileIsCutIntoSectionsAndStatements(t *testing.T) {
	t.Parallel()
	text := `-- about the view
-- recount:tables
CREATE TABLE {{.Database}}.v_g{{.Generation}} (a String COMMENT 'x; y')
-- in between
ENGINE = {{replacing "a"}} SETTINGS {{settings}};

CREATE TABLE b;
-- recount:public
CREATE VIEW v AS
SELECT {at:DateTime64(3, 'UTC')};
`
	got, err := render("v", text, Params{Database: "books", Generation: 3, DedupWindow: 10})
	if err != nil {
		t.Fatal(err)
	}
	want := Script{
		Tables: []string{
			"CREATE TABLE books.v_g3 (a String COMMENT 'x; y')\nENGINE = ReplacingMergeTree(a) SETTINGS " +
				"non_replicated_deduplication_window = 10, fsync_after_insert = 1, fsync_part_directory = 1, auto_statistics_types = '', " +
				"cleanup_delay_period = 1, cleanup_delay_period_random_add = 0",
			"CREATE TABLE b",
		},
		Public: []string{"CREATE VIEW v AS\nSELECT {at:DateTime64(3, 'UTC')}"},
	}
	if !reflect.DeepEqual(got, want) {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func TestABrokenFileIsRefused(t *testing.T) {
	t.Parallel()
	const tables, public = tablesSection + "\nCREATE TABLE a;\n", publicSection + "\nCREATE VIEW b;\n"
	for name, tc := range map[string]struct{ text, want string }{
		"no end":               {tables + public + "CREATE VIEW c", "no end"},
		"section in statement": {tablesSection + "\nCREATE TABLE a\n" + public, "begins inside a statement"},
		"before any section":   {"SELECT 1;\n" + tables + public, "before the first section"},
		"no tables":            {public, tablesSection},
		"no public names":      {tables, publicSection},
		"unknown field":        {tables + publicSection + "\nSELECT {{.Shard}};", "Shard"},
		"unknown function":     {tables + publicSection + "\nSELECT {{shard}};", "shard"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := render("v", tc.text, Params{Database: "books", Generation: 1, DedupWindow: 1})
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error about %q", err, tc.want)
			}
		})
	}
}

func TestParamsThatWouldDoHarmAreRefused(t *testing.T) {
	t.Parallel()
	good := Params{Database: "books", Generation: 1, DedupWindow: 1}
	if _, err := Render("events", good); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		view string
		p    Params
		want string
	}{
		"unknown view":  {"balances", good, "schemas/clickhouse/balances.sql"},
		"no database":   {"events", Params{Generation: 1, DedupWindow: 1}, "database"},
		"injection":     {"events", Params{Database: "a; DROP DATABASE b", Generation: 1, DedupWindow: 1}, "database"},
		"no generation": {"events", Params{Database: "books", DedupWindow: 1}, "generation 0"},
		"no window":     {"events", Params{Database: "books", Generation: 1}, "deduplication window 0"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := Render(tc.view, tc.p)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("got %v, want an error about %q", err, tc.want)
			}
		})
	}
}
