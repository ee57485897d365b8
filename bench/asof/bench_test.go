package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"recount/bench/frame"
	"recount/internal/embedded"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

// TestASmallRun runs the whole benchmark: the checks are real, the times are not.
func TestASmallRun(t *testing.T) {
	t.Parallel()
	o := options{Output: frame.Output{Out: filepath.Join(t.TempDir(), "asof.json")}, books: books{accounts: 300, versions: 40, seed: 5}, rounds: 2}
	var table bytes.Buffer
	if err := program().Bench(t.Context(), o, &table, io.Discard); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(o.Out)
	if err != nil {
		t.Fatal(err)
	}
	var result map[string]any
	if err := json.Unmarshal(text, &result); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"conditions", "one_account_p50_ms", "whole_book_p50_ms", "whole_book_ratio_to_plain", "whole_book_as_known_max_ms"} {
		if v, ok := result[key]; !ok || v == 0.0 || v == "" {
			t.Errorf("%s is %v", key, v)
		}
	}
	if result["history_rows"] != 12_000.0 {
		t.Errorf("%v rows", result["history_rows"])
	}
	for _, q := range questions() {
		if !strings.Contains(table.String(), q.says) {
			t.Errorf("the table lacks %q:\n%s", q.says, &table)
		}
	}
}
