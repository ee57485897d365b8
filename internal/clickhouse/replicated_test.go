package clickhouse

import (
	"io/fs"
	"regexp"
	"strings"
	"testing"

	"recount/internal/embedded/embeddedtest"
	views "recount/schemas/clickhouse"
	"recount/schemas/clickhouse/migrations"
)

// TestEveryTableIsReplicated compares what is generated for several servers, and has the engine read it. Whether it does what
// it says takes a keeper, which the embedded engine has not.
func TestEveryTableIsReplicated(t *testing.T) {
	t.Parallel()
	db := openAt(t, embeddedtest.ClickHouse(t).URL())
	cfg := Config{Database: db.Database(), Replicated: true}
	names, err := views.Views()
	if err != nil {
		t.Fatal(err)
	}
	var statements []string
	for _, name := range names {
		s, err := views.Render(name, views.Params{Database: db.Database(), Generation: 3, DedupWindow: 77})
		if err != nil {
			t.Fatal(err)
		}
		statements = append(statements, cfg.statements(s.Tables)...)
	}
	files := replicatedFiles{migrations.FS()}
	found, err := fs.Glob(files, "*.sql")
	if err != nil || len(found) == 0 {
		t.Fatal(found, err)
	}
	for _, name := range found {
		text, err := fs.ReadFile(files, name)
		if err != nil {
			t.Fatal(err)
		}
		_, up, _ := strings.Cut(string(text), "-- +goose Up")
		up, _, _ = strings.Cut(up, "-- +goose Down")
		for s := range strings.SplitSeq(up, ";\n") {
			if strings.TrimSpace(s) != "" {
				statements = append(statements, s)
			}
		}
	}
	tables := 0
	for _, s := range append(statements, "CREATE DATABASE x"+cfg.databaseEngine()) {
		if strings.Contains(s, "ENGINE = ") && !regexp.MustCompile(`ENGINE = Replicated(\(|(Replacing|Aggregating)?MergeTree\b)`).MatchString(s) || strings.Contains(s, "non_replicated") {
			t.Errorf("this is on one server alone:\n%s", s)
		}
		tables += strings.Count(s, "ENGINE = Replicated")
		if _, err := db.Query(t.Context(), "EXPLAIN AST "+s); err != nil {
			t.Errorf("%v:\n%s", err, s)
		}
	}
	if tables < 12 {
		t.Errorf("only %d tables: the test proves nothing", tables)
	}
	if got := replicate("CREATE TABLE a (b String) ENGINE = ReplacingMergeTree(v) ORDER BY b SETTINGS non_replicated_deduplication_window = 5, fsync_after_insert = 1"); got !=
		"CREATE TABLE a (b String) ENGINE = ReplicatedReplacingMergeTree(v) ORDER BY b SETTINGS replicated_deduplication_window_seconds = 604800, replicated_deduplication_window = 5, fsync_after_insert = 1" {
		t.Error(got)
	}
	if got := cfg.settings(); got["insert_quorum"] != "auto" || (Config{}).settings() != nil || (Config{}).databaseEngine() != "" {
		t.Errorf("settings %v", got)
	}
}
