package clickhouse_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	. "recount/domain/bank/account"
	"recount/internal/es"
)

// kept makes a query fail where it would count rows and not add up what is kept.
const kept = " SETTINGS force_optimize_projection = 1"

// testTotals compares totals with a fold in Go, and shows that they are kept by every insert, also through a deletion.
func testTotals(t *testing.T, db *database) {
	records := randomBooks(t, db)
	const daily, monthly = "SELECT * FROM account_totals_daily ORDER BY ALL", "SELECT * FROM account_totals_monthly ORDER BY ALL"
	db.expect(t, daily+kept, foldTotals(records, time.DateOnly)...)
	db.expect(t, monthly+kept, foldTotals(records, "2006-01-01")...)
	db.expect(t, "SELECT sum(amount) FROM account_totals_daily WHERE day >= '2026-02-01' AND currency = 'EUR'"+kept,
		db.query(t, "SELECT sum(amount) FROM account_history WHERE valid_at >= '2026-02-01 00:00:00'"))
	if _, err := db.post("SELECT sum(amount) FROM account_history GROUP BY toDate(recorded_at)"+kept, nil); err == nil {
		t.Error("what nobody keeps is kept: the test proves nothing")
	}
	gone := records[0].Meta.AggregateID
	for i, deletion := range []string{"DELETE FROM account_history_g1 WHERE account_id = '%s'", "ALTER TABLE account_history_g1 DELETE WHERE account_id = '%s' SETTINGS mutations_sync = 1"} {
		db.exec(t, fmt.Sprintf(deletion, gone))
		records = slices.DeleteFunc(records, func(r es.Recorded) bool { return r.Meta.AggregateID == gone })
		db.expect(t, daily+kept, foldTotals(records, time.DateOnly)...)
		gone = records[i].Meta.AggregateID
	}
}

// foldTotals adds up by what layout makes of a day.
func foldTotals(records []es.Recorded, layout string) (lines []string) {
	type key struct{ day, event string }
	events, amounts := map[key]int{}, map[key]int64{}
	for _, r := range records {
		k := key{time.UnixMilli(r.Meta.ValidAt).UTC().Format(layout), r.Type}
		if layout != time.DateOnly {
			k.day = k.day[:7] + "-01"
		}
		events[k]++
		switch e := r.Event.(type) {
		case FundsDeposited:
			amounts[k] += e.Amount
		case FundsWithdrawn:
			amounts[k] -= e.Amount
		}
	}
	for k, n := range events {
		lines = append(lines, fmt.Sprintf("%s EUR %s %d %d", k.day, k.event, n, amounts[k]))
	}
	slices.Sort(lines)
	return lines
}

func testMovers(t *testing.T, db *database) {
	a, b, c, d := newAccount("acct-1"), newAccount("acct-2"), newAccount("acct-3"), newAccount("acct-4")
	db.project(t, "account_history",
		a.do(t, "2026-03-01 00:00:00", Open{CustomerID: "ada", Currency: "EUR"}),
		a.do(t, "2026-03-02 00:00:00", Deposit{Amount: 500, Currency: "EUR"}),
		a.do(t, "2026-04-01 00:00:00", Deposit{Amount: 9000, Currency: "EUR"}), // not in March
		a.do(t, "2026-03-31 23:59:59", Withdraw{Amount: 300, Currency: "EUR"}),
		b.do(t, "2026-03-01 00:00:00", Open{CustomerID: "bob", Currency: "EUR"}),
		b.do(t, "2026-03-15 00:00:00", Deposit{Amount: 700, Currency: "EUR"}),
		c.do(t, "2026-02-01 00:00:00", Open{CustomerID: "eve", Currency: "CZK"}),
		c.do(t, "2026-02-02 00:00:00", Deposit{Amount: 5, Currency: "CZK"}),
		c.do(t, "2026-03-20 00:00:00", Freeze{}), // moves nothing
		d.do(t, "2026-02-01 00:00:00", Open{CustomerID: "eve", Currency: "CZK"}),
		d.do(t, "2026-03-03 00:00:00", Deposit{Amount: 1, Currency: "CZK"}),
		d.do(t, "2026-03-04 00:00:00", Withdraw{Amount: 1, Currency: "CZK"}),
		d.do(t, "2026-05-01 00:00:00", Close{}))
	db.expect(t, "SELECT * FROM top_movers(since = '2026-03-01 00:00:00', until = '2026-04-01 00:00:00') ORDER BY currency, place",
		"1 acct-4 eve CZK 2 1 1 2", "1 acct-1 ada EUR 2 500 300 800", "2 acct-2 bob EUR 1 700 0 700")
	dormant := func(at, since string, want ...string) {
		t.Helper()
		db.expect(t, fmt.Sprintf("SELECT account_id, customer_id, currency, balance, status, toDate(last_moved) FROM dormant_accounts(at = '%s', since = '%s') ORDER BY account_id", at, since), want...)
	}
	dormant("2026-04-30 00:00:00", "2026-03-10 00:00:00", "acct-3 eve CZK 5 frozen 2026-02-02", "acct-4 eve CZK 0 open 2026-03-04")
	dormant("2026-04-30 00:00:00", "2026-04-30 00:00:00", strings.Split("acct-1 ada EUR 9200 open 2026-04-01,acct-2 bob EUR 700 open 2026-03-15,acct-3 eve CZK 5 frozen 2026-02-02,acct-4 eve CZK 0 open 2026-03-04", ",")...)
	dormant("2026-05-02 00:00:00", "2026-03-10 00:00:00", "acct-3 eve CZK 5 frozen 2026-02-02") // the closed one has no more to do
	dormant("2026-02-01 12:00:00", "2026-02-01 06:00:00", "acct-3 eve CZK 0 open 2026-02-01", "acct-4 eve CZK 0 open 2026-02-01")
}
