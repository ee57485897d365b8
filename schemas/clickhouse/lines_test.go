package clickhouse_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	. "recount/domain/bank/account"
)

// testBank: the whole book is all of its accounts, and its sums are those of what was moved.
func testBank(t *testing.T, db *database) {
	db.project(t, "account_history", backDatedBooks(t)...)
	db.tellKnown(t, 9)
	for _, m := range moments {
		var want []string
		for _, line := range m.want {
			f := strings.Fields(line)
			want = append(want, f[0]+" EUR "+f[1]+" "+f[2])
		}
		db.expect(t, "SELECT account_id, currency, balance, status FROM bank_as_of(at = '"+m.at+"') ORDER BY account_id", want...)
	}
	db.expect(t, "SELECT customer_id, balance FROM bank_as_known(valid = '2026-03-20 00:00:00', known = '"+second(4)+"') ORDER BY account_id", "ada 7000", "bob 200")

	const unbalanced = `SELECT count() FROM
		(SELECT currency, sum(balance) AS held FROM bank_as_of(at = '2026-03-20 00:00:00') GROUP BY currency) AS b
		FULL OUTER JOIN (SELECT currency, sum(amount) AS moved FROM account_history WHERE valid_at <= '2026-03-20 00:00:00' GROUP BY currency) AS m
		ON m.currency = b.currency WHERE held != moved`
	db.expect(t, unbalanced, "0")
	db.exec(t, "INSERT INTO account_history_g1 SELECT * REPLACE ('CZK' AS currency, 7 AS amount) FROM account_history_g1 LIMIT 1")
	if db.query(t, unbalanced) == "0" {
		t.Error("money of another currency in an account is not noticed")
	}
}

func testStatement(t *testing.T, db *database) {
	db.project(t, "account_history", backDatedBooks(t)...)
	db.expect(t, "SELECT line, toDate(valid_at), version, event_type, reference, amount, currency, balance FROM account_statement WHERE account_id = 'acct-1' ORDER BY line FORMAT CSV",
		`1,"2026-03-01",1,"AccountOpened","",0,"EUR",0`,
		`2,"2026-03-02",2,"FundsDeposited","",10000,"EUR",10000`,
		`3,"2026-03-05",5,"FundsDeposited","found in the drawer",500,"EUR",10500`,
		`4,"2026-03-10",3,"FundsWithdrawn","",-3000,"EUR",7500`,
		`5,"2026-03-11",6,"AccountUnfrozen","",0,"EUR",7500`,
		`6,"2026-03-12",4,"AccountFrozen","",0,"EUR",7500`,
		`7,"2026-03-20",7,"FundsDeposited","",1,"EUR",7501`)
	// The balance as it was recorded is another one: a statement by it would contradict account_as_of.
	db.expect(t, "SELECT countIf(s.balance != h.balance_after) > 0 FROM account_statement AS s JOIN account_history AS h ON h.account_id = s.account_id AND h.version = s.version", "1")

	rich := newAccount("acct-3")
	db.project(t, "account_history",
		rich.do(t, "2026-03-01 00:00:00", Open{CustomerID: "eve", Currency: "EUR"}),
		rich.do(t, "2026-03-02 00:00:00", Deposit{Amount: math.MaxInt64, Currency: "EUR"}),
		rich.do(t, "2026-03-09 00:00:00", Withdraw{Amount: math.MaxInt64, Currency: "EUR"}),
		rich.do(t, "2026-03-03 00:00:00", Deposit{Amount: 1, Currency: "EUR"}))
	for _, view := range []string{"account_statement", "account_intervals"} {
		if answer, err := db.post("SELECT max(balance) FROM "+view+" WHERE account_id = 'acct-3'", nil); err == nil || !strings.Contains(err.Error(), "CANNOT_CONVERT_TYPE") {
			t.Errorf("%s: got %q and %v, want an error: no Int64 holds this sum", view, answer, err)
		}
	}
}

// testIntervals asks for every account at every moment in two ways, and expects intervals that neither overlap nor leave
// a gap.
func testIntervals(t *testing.T, db *database) {
	randomBooks(t, db)
	for d := range bookDays {
		at := bookDay(d).Format(time.DateTime)
		db.expect(t, fmt.Sprintf("SELECT account_id, balance, status FROM account_intervals WHERE valid_from <= '%[1]s' AND '%[1]s' < valid_to ORDER BY account_id", at),
			strings.Split(strings.ReplaceAll(db.query(t, fmt.Sprintf("SELECT account_id, balance, status FROM account_as_of(at = '%s') ORDER BY account_id", at)), "\t", " "), "\n")...)
	}
	const torn = `SELECT countIf(valid_to != next AND next > '1970-01-01'), countIf(next < '1971-01-01'), countIf(valid_from >= valid_to) FROM
		(SELECT valid_from, valid_to, leadInFrame(valid_from) OVER (PARTITION BY account_id ORDER BY valid_from ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS next
		FROM account_intervals)`
	db.expect(t, torn, fmt.Sprintf("0 %d 0", bookAccounts))
	if db.query(t, "SELECT count() = (SELECT count() FROM account_history) FROM account_intervals") != "0" {
		t.Error("no two entries of an account are of one moment: these books prove nothing")
	}
}
