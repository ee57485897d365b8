package clickhouse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	. "recount/domain/bank/account"
	"recount/internal/es"
)

// moments are what was true of two accounts with back-dated entries, a line an account.
var moments = []struct {
	at   string
	want []string // account_id balance status version
}{
	{"2026-02-28 23:59:59", nil},
	{"2026-03-01 00:00:00", []string{"acct-1 0 open 1"}},
	{"2026-03-02 00:00:00", []string{"acct-1 10000 open 2"}}, // acct-2 has money and is not open yet
	{"2026-03-03 00:00:00", []string{"acct-1 10000 open 2", "acct-2 200 open 2"}},
	{"2026-03-04 00:00:00", []string{"acct-1 10000 open 2", "acct-2 200 open 4"}}, // frozen and unfrozen in one millisecond
	{"2026-03-05 00:00:00", []string{"acct-1 10500 open 5", "acct-2 200 open 4"}},
	{"2026-03-10 00:00:00", []string{"acct-1 7500 open 5", "acct-2 200 open 4"}},
	{"2026-03-11 00:00:00", []string{"acct-1 7500 open 6", "acct-2 200 open 4"}},
	{"2026-03-12 00:00:00", []string{"acct-1 7500 frozen 6", "acct-2 200 open 4"}}, // unfrozen later, for an earlier day
	{"2026-03-20 00:00:00", []string{"acct-1 7501 frozen 7", "acct-2 200 open 4"}},
}

func backDatedBooks(t *testing.T) []es.Recorded {
	t.Helper()
	first, second := newAccount("acct-1"), newAccount("acct-2")
	return []es.Recorded{
		first.do(t, "2026-03-01 00:00:00", Open{CustomerID: "ada", Currency: "EUR"}),
		first.do(t, "2026-03-02 00:00:00", Deposit{Amount: 10000, Currency: "EUR"}),
		first.do(t, "2026-03-10 00:00:00", Withdraw{Amount: 3000, Currency: "EUR"}),
		first.do(t, "2026-03-12 00:00:00", Freeze{Reason: "court order"}),
		first.do(t, "2026-03-05 00:00:00", Deposit{Amount: 500, Currency: "EUR", Reference: "found in the drawer"}),
		first.do(t, "2026-03-11 00:00:00", Unfreeze{}),
		first.do(t, "2026-03-20 00:00:00", Deposit{Amount: 1, Currency: "EUR"}),
		second.do(t, "2026-03-03 00:00:00", Open{CustomerID: "bob", Currency: "EUR"}),
		second.do(t, "2026-03-01 00:00:00", Deposit{Amount: 200, Currency: "EUR"}),
		second.do(t, "2026-03-04 00:00:00", Freeze{}),
		second.do(t, "2026-03-04 00:00:00", Unfreeze{}),
	}
}

// testAsOf also shows that the books tell the right answer from the ones that come to mind first.
func testAsOf(t *testing.T, db *database) {
	db.project(t, "account_history", backDatedBooks(t)...)
	for _, m := range moments {
		db.expect(t, "SELECT account_id, balance, status, version FROM account_as_of(at = '"+m.at+"') ORDER BY account_id", m.want...)
	}
	db.expect(t, "SELECT account_id, customer_id, currency FROM account_as_of(at = '2026-03-20 00:00:00') ORDER BY account_id",
		"acct-1 ada EUR", "acct-2 bob EUR")
	for name, query := range map[string]string{
		"balance by recorded_at": `SELECT account_id, argMax(balance_after, recorded_at) FROM account_history WHERE valid_at <= '%s' GROUP BY account_id ORDER BY account_id`,
		"balance by version":     `SELECT account_id, argMax(balance_after, version) FROM account_history WHERE valid_at <= '%s' GROUP BY account_id ORDER BY account_id`,
		"balance by valid_at":    `SELECT account_id, argMax(balance_after, (valid_at, version)) FROM account_history WHERE valid_at <= '%s' GROUP BY account_id ORDER BY account_id`,
	} {
		if db.rightAnswers(t, query, 0, 1) == len(moments) {
			t.Errorf("%s: argMax answers every moment: these books prove nothing", name)
		}
	}
	for name, query := range map[string]string{
		"status by recorded_at":    `SELECT account_id, argMax(status_after, recorded_at) FROM account_history WHERE valid_at <= '%s' GROUP BY account_id ORDER BY account_id`,
		"status by valid_at alone": `SELECT account_id, argMaxIf(status, (valid_at, -version), status != '') FROM account_history WHERE valid_at <= '%s' GROUP BY account_id ORDER BY account_id`,
		"not opened yet":           `SELECT account_id, argMaxIf(status, (valid_at, version), status != '') FROM account_history WHERE valid_at <= '%s' GROUP BY account_id ORDER BY account_id`,
	} {
		if db.rightAnswers(t, query, 0, 2) == len(moments) {
			t.Errorf("%s: answers every moment: these books prove nothing", name)
		}
	}
	const right = `SELECT account_id, balance FROM account_as_of(at = '%s') ORDER BY account_id`
	if n := db.rightAnswers(t, right, 0, 1); n != len(moments) {
		t.Errorf("account_as_of is found right %d times of %d: the comparison is broken", n, len(moments))
	}
}

// rightAnswers counts the moments that query answers with the given fields of what is wanted.
func (db *database) rightAnswers(t *testing.T, query string, fields ...int) int {
	t.Helper()
	right := 0
	for _, m := range moments {
		var want []string
		for _, line := range m.want {
			var row []string
			for _, f := range fields {
				row = append(row, strings.Fields(line)[f])
			}
			want = append(want, strings.Join(row, "\t"))
		}
		if db.query(t, fmt.Sprintf(query, m.at)) == strings.Join(want, "\n") {
			right++
		}
	}
	return right
}

// testAsOfProperty compares every account at many moments with a fold in Go, on days drawn at random.
func testAsOfProperty(t *testing.T, db *database) {
	records := randomBooks(t, db)
	for d := range bookDays {
		at := bookDay(d)
		db.expect(t, "SELECT account_id, balance, status, version FROM account_as_of(at = '"+at.Format(time.DateTime)+"') ORDER BY account_id",
			foldAsOf(records, at.UnixMilli())...)
		db.expect(t, "SELECT account_id, balance, status FROM bank_as_of(at = '"+at.Format(time.DateTime)+"') ORDER BY account_id",
			withoutVersion(foldAsOf(records, at.UnixMilli()))...)
	}
}

// withoutVersion is what the whole book tells of each account.
func withoutVersion(lines []string) (out []string) {
	for _, line := range lines {
		out = append(out, line[:strings.LastIndexByte(line, ' ')])
	}
	return out
}

const (
	bookAccounts  = 40
	bookMovements = 30
	bookDays      = 60
)

func bookDay(n int) time.Time { return time.Date(2026, 1, 1+n, 0, 0, 0, 0, time.UTC) }

// randomBooks are accounts whose entries have any day of some, inserted in any order.
func randomBooks(t *testing.T, db *database) (records []es.Recorded) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	day := func() string { return bookDay(draw.IntN(bookDays)).Format(time.DateTime) }
	for i := range bookAccounts {
		a := newAccount(fmt.Sprintf("acct-%02d", i))
		records = append(records, a.do(t, day(), Open{CustomerID: "ada", Currency: "EUR", OverdraftLimit: bookMovements * 100}))
		for range bookMovements {
			records = append(records, a.do(t, day(), randomCommand(draw, a.state)))
		}
	}
	rows := es.NewRows(db.views["account_history"].Tables...)
	for _, i := range draw.Perm(len(records)) {
		if err := db.views["account_history"].Map(records[i], rows); err != nil {
			t.Fatal(err)
		}
	}
	for table, values := range rows.Each {
		db.insert(t, table, values, "")
	}
	return records
}

func randomCommand(draw *rand.Rand, a Account) Command {
	switch {
	case a.Status == StatusFrozen && draw.IntN(2) == 0:
		return Unfreeze{}
	case a.Status == StatusFrozen || draw.IntN(2) == 0:
		return Deposit{Amount: 1 + draw.Int64N(100), Currency: "EUR"}
	case draw.IntN(4) == 0:
		return Freeze{}
	}
	return Withdraw{Amount: 1 + draw.Int64N(100), Currency: "EUR"}
}

// foldAsOf is the meaning of account_as_of, in the order of the world.
func foldAsOf(records []es.Recorded, at int64) (lines []string) {
	byAccount := map[string][]es.Recorded{}
	for _, r := range records {
		if r.Meta.ValidAt <= at {
			byAccount[r.Meta.AggregateID] = append(byAccount[r.Meta.AggregateID], r)
		}
	}
	for id, known := range byAccount {
		slices.SortStableFunc(known, func(a, b es.Recorded) int { return int(a.Meta.ValidAt - b.Meta.ValidAt) })
		var (
			balance, version int64
			status           Status
			opened           bool
		)
		for _, r := range known {
			version = max(version, r.Meta.Version)
			switch e := r.Event.(type) {
			case AccountOpened:
				opened, status = true, StatusOpen
			case FundsDeposited:
				balance += e.Amount
			case FundsWithdrawn:
				balance -= e.Amount
			case AccountFrozen:
				status = StatusFrozen
			case AccountUnfrozen:
				status = StatusOpen
			}
		}
		if opened {
			lines = append(lines, fmt.Sprintf("%s %d %s %d", id, balance, status, version))
		}
	}
	slices.Sort(lines)
	return lines
}

// testAsOfOverflow has a day on which a withdrawal of the future is missing from a sum that is too large without it.
func testAsOfOverflow(t *testing.T, db *database) {
	a := newAccount("acct-1")
	db.project(t, "account_history",
		a.do(t, "2026-03-01 00:00:00", Open{CustomerID: "ada", Currency: "EUR"}),
		a.do(t, "2026-03-02 00:00:00", Deposit{Amount: math.MaxInt64, Currency: "EUR"}),
		a.do(t, "2026-03-09 00:00:00", Withdraw{Amount: math.MaxInt64, Currency: "EUR"}),
		a.do(t, "2026-03-03 00:00:00", Deposit{Amount: 1, Currency: "EUR"}))
	db.expect(t, "SELECT balance FROM account_as_of(at = '2026-03-02 00:00:00')", "9223372036854775807")
	db.expect(t, "SELECT balance FROM account_as_of(at = '2026-03-09 00:00:00')", "1")
	answer, err := db.post("SELECT balance FROM account_as_of(at = '2026-03-03 00:00:00')", nil)
	if err == nil || !strings.Contains(err.Error(), "CANNOT_CONVERT_TYPE") {
		t.Errorf("got %q and %v, want an error: no Int64 holds this sum", answer, err)
	}
	db.expect(t, "SELECT sum(amount) FROM account_history WHERE valid_at <= '2026-03-03 00:00:00'", "-9223372036854775808") // a plain sum wraps
}

// testStatusOrder has changes of a status within one millisecond, at versions whose numbers sort otherwise as text.
func testStatusOrder(t *testing.T, db *database) {
	a := newAccount("acct-1")
	records := []es.Recorded{a.do(t, "2026-03-01 00:00:00", Open{CustomerID: "ada", Currency: "EUR"})}
	for range 7 {
		records = append(records, a.do(t, "2026-03-02 00:00:00", Deposit{Amount: 1, Currency: "EUR"}))
	}
	db.project(t, "account_history", append(records,
		a.do(t, "2026-03-03 00:00:00", Freeze{}),       // version 9
		a.do(t, "2026-03-03 00:00:00", Unfreeze{}))...) // version 10
	db.expect(t, "SELECT status, version FROM account_as_of(at = '2026-03-03 00:00:00')", "open 10")
	db.expect(t, "SELECT status FROM bank_as_of(at = '2026-03-03 00:00:00')", "open")
	db.expect(t, "SELECT substring(max(concat(toString(valid_at), ' ', toString(version), ' ', status)), 27) FROM account_history WHERE status != ''", "frozen") // not as wide as any
}

// testSparse shows that nothing is kept of a row that has nothing to say about a status or an opening, and that the whole
// book can be added up in the order of the table, which a question has to ask for itself.
func testSparse(t *testing.T, db *database) {
	a := newAccount("acct-1")
	records := []es.Recorded{a.do(t, "2026-03-01 00:00:00", Open{CustomerID: "ada", Currency: "EUR"})}
	for range 99 {
		records = append(records, a.do(t, "2026-03-02 00:00:00", Deposit{Amount: 1, Currency: "EUR"}))
	}
	db.project(t, "account_history", records...)
	db.query(t, "OPTIMIZE TABLE account_history_g1 FINAL")
	db.expect(t, "SELECT countIf(status_change != ''), countIf(opened_in != '') FROM account_history_g1", "1 1")
	db.expect(t, `SELECT column, serialization_kind FROM system.parts_columns WHERE database = currentDatabase() AND active
		AND table = 'account_history_g1' AND column IN ('opened_in', 'status_change', 'account_id') ORDER BY column`,
		"account_id Default", "opened_in Sparse", "status_change Sparse")
	const book = "SELECT account_id, balance, status, currency FROM bank_as_of(at = '2026-03-02 00:00:00')"
	const ordered = book + " SETTINGS optimize_aggregation_in_order = 1"
	db.expect(t, book, "acct-1 99 open EUR")
	db.expect(t, ordered, "acct-1 99 open EUR")
	for question, want := range map[string]string{book: "ReadType: Default", ordered: "ReadType: InOrder"} {
		if plan := db.query(t, "EXPLAIN actions = 1 "+question); !strings.Contains(plan, want) {
			t.Errorf("%s\nhas no %s:\n%s", question, want, plan)
		}
	}
}
