package acceptance_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the answers that ClickHouse gives into the pages of docs")

const (
	questionsAsked = 10
	linesOfOneRow  = 3 // the header, the row and the end of the frame
	// moment is how ClickHouse is told a moment: bound as a value it would lose its milliseconds.
	moment = "2006-01-02 15:04:05.000"
)

// TestAnalysts asks every question of docs/analysts.md and compares every answer.
func TestAnalysts(t *testing.T) {
	t.Parallel()
	answersHold(t, "analysts.md", loadAnalystsBooks)
}

// answersHold asks every question of a page of docs, after fill has brought about what it speaks of, and compares every answer.
func answersHold(t *testing.T, name string, fill func(t *testing.T, w *whole, page string) (loaded time.Time)) {
	t.Helper()
	path := filepath.Join("..", "..", "..", "docs", name)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	w := newWhole(t)
	loaded := fill(t, w, page)

	answered, wrong, err := answerAll(page, questionsAsked, func(sql string) (string, error) { return askAsAnalyst(w, sql, loaded) })
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
		t.Errorf("%s\nIs it right? go test ./cmd/recount/acceptance -run %s -update", difference, t.Name())
	}
}

// loadAnalystsBooks loads the books, then the late entry of the page, and returns a moment between the two, of which the
// views know everything.
func loadAnalystsBooks(t *testing.T, w *whole, page string) (loaded time.Time) {
	t.Helper()
	late := regexp.MustCompile("(?s)```json\n(.*?)```").FindStringSubmatch(page)
	if late == nil {
		t.Fatal("the page has no late entry")
	}
	books := unpacked(t, "berka-commands.ndjson.gz")
	commands := int64(bytes.Count(books, []byte("\n")))
	for i, lines := range [][]byte{books, []byte(late[1])} {
		res, err := load(t.Context(), w.Foundation, bytes.NewReader(lines), filepath.Join(t.TempDir(), "rejected.ndjson"))
		if err != nil || res.Published == 0 {
			t.Fatalf("published %d lines: %v", res.Published, err)
		}
		for _, view := range []string{"SELECT count() FROM account_history", "SELECT sum(version) FROM account_balances", "SELECT count() FROM events"} {
			eventuallyCounts(t, w.db, commands+int64(i), view)
		}
		if i == 0 {
			loaded = between()
		}
	}
	knowsAllOf(t, w, "account_history", loaded)
	return loaded
}

// between returns a moment that is neither that of what was before nor that of what comes next: times are told in milliseconds.
func between() time.Time {
	time.Sleep(time.Millisecond)
	defer time.Sleep(time.Millisecond)
	return time.Now().UTC()
}

// knowsAllOf waits until a view has everything that was recorded by a moment.
func knowsAllOf(t *testing.T, w *whole, view string, at time.Time) {
	t.Helper()
	eventually(t, "everything is known that was recorded by "+at.String(), func() error {
		n, err := count(t, w.db, "SELECT count() FROM known WHERE view = ? AND known_until >= parseDateTime64BestEffort(?, 3, 'UTC')", view, at.Format(moment))
		if err == nil && n == 0 {
			err = errors.New("not yet")
		}
		return err
	})
}

// askAsAnalyst asks as the page says to.
func askAsAnalyst(w *whole, sql string, loaded time.Time) (string, error) {
	parameters := url.Values{
		"database": {w.Services.Database}, "default_format": {"PrettyCompactMonoBlock"}, "output_format_pretty_color": {"0"},
		"output_format_pretty_row_numbers": {"0"}, "output_format_pretty_single_large_number_tip_threshold": {"0"},
		"param_loaded": {loaded.Format(moment)},
	}
	client := http.Client{Timeout: 3 * time.Minute}
	response, err := client.Post(w.Services.ClickHouse+"/?"+parameters.Encode(), "text/plain", strings.NewReader(sql))
	if err != nil {
		return "", err
	}
	answer, err := io.ReadAll(response.Body)
	if err = errors.Join(err, response.Body.Close()); err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, answer)
	}
	return string(answer), err
}

// answerAll asks all questions of a page, which has so many, and returns the page with the answers, and what it says otherwise.
func answerAll(page string, questions int, ask func(sql string) (string, error)) (answered string, wrong []string, err error) {
	asked := 0
	answered = regexp.MustCompile("(?s)```sql\n(.*?)```\n```text\n(.*?)```").ReplaceAllStringFunc(page, func(both string) string {
		asked++
		sql, said, _ := strings.Cut(strings.TrimSuffix(strings.TrimPrefix(both, "```sql\n"), "```"), "```\n```text\n")
		got, askErr := ask(sql)
		if askErr != nil {
			err = errors.Join(err, fmt.Errorf("question %d: %w\n%s", asked, askErr, sql))
		} else if strings.Count(got, "\n") < linesOfOneRow {
			err = errors.Join(err, fmt.Errorf("question %d: nothing is answered:\n%s\n%s", asked, sql, got))
		}
		if got != said {
			wrong = append(wrong, fmt.Sprintf("question %d\n%sis answered\n%swhere the page says\n%s", asked, sql, got, said))
		}
		return "```sql\n" + sql + "```\n```text\n" + got + "```"
	})
	if blocks := strings.Count(page, "```sql"); asked != questions || blocks != asked {
		err = errors.Join(err, fmt.Errorf("the page has %d questions with an answer, and %d without; there should be %d", asked, blocks-asked, questions))
	}
	return answered, wrong, err
}

// TestAWrongPageIsNoticed: a page that says something else, or lacks a question or an answer.
func TestAWrongPageIsNoticed(t *testing.T) {
	t.Parallel()
	const block = "```sql\nSELECT %d\n```\n```text\n┌─n─┐\n│ %d │\n└───┘\n```\n"
	right := ""
	for n := range questionsAsked {
		right += fmt.Sprintf(block, n, n)
	}
	ask := func(sql string) (string, error) {
		n := strings.TrimSuffix(strings.TrimPrefix(sql, "SELECT "), "\n")
		if n == "99" {
			return "", errors.New("no such number")
		}
		return fmt.Sprintf("┌─n─┐\n│ %s │\n└───┘\n", n), nil
	}
	answered, wrong, err := answerAll(right, questionsAsked, ask)
	if err != nil || len(wrong) > 0 || answered != right {
		t.Fatalf("a right page: %v, %v", wrong, err)
	}
	for name, tc := range map[string]struct {
		page    string
		differs bool
	}{
		"another answer":    {strings.Replace(right, "│ 7 │", "│ 8 │", 1), true},
		"a query that ends": {strings.Replace(right, "SELECT 7", "SELECT 99", 1), false},
		"a question lacks":  {strings.Replace(right, fmt.Sprintf(block, 3, 3), "", 1), false},
		"an answer lacks":   {right + "```sql\nSELECT 10\n```\n", false},
	} {
		answered, wrong, err := answerAll(tc.page, questionsAsked, ask)
		if (len(wrong) > 0 && err == nil) != tc.differs || !tc.differs && err == nil {
			t.Errorf("%s: %v, %v", name, wrong, err)
		}
		if tc.differs && answered != right {
			t.Errorf("%s: is not mended", name)
		}
	}
}
