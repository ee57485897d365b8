package clickhouse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"recount/internal/es"
)

// second is the moment at which the nth version of an account is recorded in these tests.
func second(n int) string {
	begin, err := time.Parse(time.DateTime, recordingBegins)
	if err != nil {
		panic(err)
	}
	return begin.Add(time.Duration(n) * time.Second).Format(time.DateTime)
}

// tellKnown says that everything recorded by the nth second is there.
func (db *database) tellKnown(t *testing.T, n int) {
	t.Helper()
	db.tellKnownOf(t, "account_history", n)
}

func (db *database) tellKnownOf(t *testing.T, view string, n int) {
	t.Helper()
	db.exec(t, fmt.Sprintf("INSERT INTO known_rows (view, generation, context, partition, partitions, known_until) VALUES ('%s', 1, 'c', 0, 1, '%s')", view, second(n)))
}

// beliefs are what had been recorded of the back-dated books by the nth second about a day.
var beliefs = []struct {
	valid string
	known int
	want  []string // account_id balance status version
}{
	{"2026-03-20 00:00:00", 0, nil},
	{"2026-03-20 00:00:00", 1, []string{"acct-1 0 open 1", "acct-2 0 open 1"}},
	{"2026-03-02 00:00:00", 2, []string{"acct-1 10000 open 2"}},
	{"2026-03-09 00:00:00", 3, []string{"acct-1 10000 open 2", "acct-2 200 frozen 3"}}, // unfrozen in the same millisecond, recorded later
	{"2026-03-20 00:00:00", 4, []string{"acct-1 7000 frozen 4", "acct-2 200 open 4"}},
	{"2026-03-09 00:00:00", 4, []string{"acct-1 10000 open 2", "acct-2 200 open 4"}}, // the correction of the 5th is not known yet,
	{"2026-03-09 00:00:00", 5, []string{"acct-1 10500 open 5", "acct-2 200 open 4"}}, // and now it is
	{"2026-03-11 00:00:00", 5, []string{"acct-1 7500 open 5", "acct-2 200 open 4"}},
	{"2026-03-12 00:00:00", 6, []string{"acct-1 7500 frozen 6", "acct-2 200 open 4"}},
	{"2026-03-20 00:00:00", 6, []string{"acct-1 7500 frozen 6", "acct-2 200 open 4"}},
	{"2026-03-20 00:00:00", 7, []string{"acct-1 7501 frozen 7", "acct-2 200 open 4"}},
}

// testAsKnown also shows that neither the newest row of one axis, nor a sum that forgets one, answers for both.
func testAsKnown(t *testing.T, db *database) {
	db.project(t, "account_history", backDatedBooks(t)...)
	db.tellKnown(t, 9)
	const right = `SELECT account_id, balance, status, version FROM account_as_known(valid = '%s', known = '%s') ORDER BY account_id`
	for _, b := range beliefs {
		db.expect(t, fmt.Sprintf(right, b.valid, second(b.known)), b.want...)
	}
	const sum = `SELECT account_id, sum(amount) FROM account_history WHERE %s GROUP BY account_id HAVING countIf(event_type = 'AccountOpened') > 0 ORDER BY account_id`
	const newest = `SELECT account_id, argMax(balance_after, %s) FROM account_history WHERE valid_at <= '%%s' AND recorded_at <= '%%s' GROUP BY account_id
		HAVING countIf(event_type = 'AccountOpened') > 0 ORDER BY account_id`
	for name, tc := range map[string]struct {
		question string
		all      bool
	}{
		"both axes":                 {fmt.Sprintf(sum, "valid_at <= '%s' AND recorded_at <= '%s'"), true},
		"all that is known today":   {fmt.Sprintf(sum, "valid_at <= '%s' AND '%s' != ''"), false},
		"whatever it is true of":    {fmt.Sprintf(sum, "'%s' != '' AND recorded_at <= '%s'"), false},
		"the newest recorded":       {fmt.Sprintf(newest, "recorded_at"), false},
		"the newest version":        {fmt.Sprintf(newest, "version"), false},
		"the newest in the world":   {fmt.Sprintf(newest, "(valid_at, version)"), false},
		"the axes the wrong way":    {fmt.Sprintf(sum, "recorded_at <= '%s' AND valid_at <= '%s'"), false},
		"the view, and its balance": {strings.Replace(right, ", status, version", "", 1), true},
	} {
		answered := 0
		for _, b := range beliefs {
			var want []string
			for _, line := range b.want {
				want = append(want, strings.Join(strings.Fields(line)[:2], "\t"))
			}
			if db.query(t, fmt.Sprintf(tc.question, b.valid, second(b.known))) == strings.Join(want, "\n") {
				answered++
			}
		}
		if (answered == len(beliefs)) != tc.all {
			t.Errorf("%s: %d right answers of %d", name, answered, len(beliefs))
		}
	}
}

// testAsKnownProperty compares both axes with a fold in Go.
func testAsKnownProperty(t *testing.T, db *database) {
	records := randomBooks(t, db)
	db.tellKnown(t, bookMovements+1)
	for known := 0; known <= bookMovements+1; known += 3 {
		believed := slices.DeleteFunc(slices.Clone(records), func(r es.Recorded) bool { return r.Meta.RecordedAt > millis(t, second(known)) })
		for d := 0; d < bookDays; d += 7 {
			at := bookDay(d)
			db.expect(t, fmt.Sprintf("SELECT account_id, balance, status, version FROM account_as_known(valid = '%s', known = '%s') ORDER BY account_id",
				at.Format(time.DateTime), second(known)), foldAsOf(believed, at.UnixMilli())...)
			db.expect(t, fmt.Sprintf("SELECT account_id, balance, status FROM bank_as_known(valid = '%s', known = '%s') ORDER BY account_id",
				at.Format(time.DateTime), second(known)), withoutVersion(foldAsOf(believed, at.UnixMilli()))...)
		}
	}
}

// testNotKnownYet asks for moments by which something may still be missing: also where there is not a row to be read.
func testNotKnownYet(t *testing.T, db *database) {
	refused := func(question string) bool {
		t.Helper()
		_, err := db.post(question, nil)
		if err != nil && !strings.Contains(err.Error(), "known_until") {
			t.Fatal(err)
		}
		return err != nil
	}
	const nobodys = "SELECT balance FROM account_as_known(valid = '2026-03-20 00:00:00', known = '%s') WHERE account_id = 'nobody'"
	const all = "SELECT sum(balance) FROM bank_as_known(valid = '2026-03-20 00:00:00', known = '%s')"
	expect := func(state string, known int, want bool) {
		t.Helper()
		for _, question := range []string{nobodys, all} {
			if got := refused(fmt.Sprintf(question, second(known))); got != want {
				t.Errorf("%s: refused is %v for what was known at second %d\n%s", state, got, known, question)
			}
		}
	}
	expect("nothing is told", 1, true)
	db.project(t, "account_history", backDatedBooks(t)...)
	db.tellKnown(t, 3)
	expect("told of the only partition", 3, false)
	expect("told of the only partition", 4, true)
	db.exec(t, "INSERT INTO known_rows VALUES ('account_history', 1, 'c', 1, 3, '"+second(9)+"')")
	expect("one partition of three is not told of", 2, true)
	db.exec(t, "INSERT INTO known_rows VALUES ('account_history', 1, 'c', 2, 3, '"+second(2)+"'), ('account_history', 2, 'c', 2, 3, '"+second(9)+"')")
	expect("the third is told of", 2, false)
	expect("the third is behind", 3, true)
}
