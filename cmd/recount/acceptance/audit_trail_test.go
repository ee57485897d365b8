package acceptance_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

const auditQuestions = 6

// TestTheAuditTrail sends the commands of docs/audit-trail.md, asks every question of the page and compares every answer.
func TestTheAuditTrail(t *testing.T) {
	t.Parallel()
	path := filepath.Join("..", "..", "..", "docs", "audit-trail.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	commands := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(page)
	if commands == nil {
		t.Fatal("the page has no commands")
	}
	w := newWhole(t)
	res, err := load(t.Context(), w.Foundation, strings.NewReader(commands[1]), filepath.Join(t.TempDir(), "rejected.ndjson"))
	if err != nil || res.Published != 5 {
		t.Fatalf("published %d lines: %v", res.Published, err)
	}
	for query, want := range map[string]int64{
		"SELECT count() FROM events": 4, "SELECT count() FROM refusals": 1, "SELECT count() FROM account_history": 4,
	} {
		eventuallyCounts(t, w.db, want, query)
	}
	answered, wrong, err := answerAll(page, auditQuestions, func(sql string) (string, error) { return askAsAnalyst(w, sql, time.Time{}) })
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, []byte(answered), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	for _, difference := range wrong {
		t.Errorf("%s\nIs it right? go test ./cmd/recount/acceptance -run TestTheAuditTrail -update", difference)
	}
}
