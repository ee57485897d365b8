package clickhouse_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	. "recount/domain/shop/payment"
	"recount/internal/es"
)

const (
	reportDaily   = "SELECT day, currency, payments, refunds, revenue, refunded, taxes, earned FROM financial_report ORDER BY ALL"
	reportMonthly = "SELECT month, currency, payments, refunds, revenue, refunded, taxes, earned FROM financial_report_monthly ORDER BY ALL"
)

// randomPayments are payments in two currencies, some refunded in parts, some come to nothing. Of what goes back into an
// account of the bank some does not arrive.
func randomPayments(t *testing.T) (records []es.Recorded) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	day := func() string { return bookDay(draw.IntN(bookDays)).Format(time.DateTime) }
	for i := range 60 {
		p := newPayment(fmt.Sprint("o-", i))
		amount := 1000 + draw.Int64N(9000)
		currency := []string{"EUR", "CZK"}[draw.IntN(2)]
		records = append(records,
			p.do(t, day(), Request{OrderID: p.id, CustomerID: "ada", Amount: amount, Tax: amount / 7, Currency: currency}),
			p.do(t, day(), Authorise{Reference: "a"}))
		if draw.IntN(5) == 0 {
			records = append(records, p.do(t, day(), Decline{}))
			continue
		}
		records = append(records, p.do(t, day(), Capture{}))
		p.do(t, day(), Settle{})
		p.state.Account = []string{"", "acct-1"}[draw.IntN(2)]
		for n := range draw.IntN(3) {
			refund := Refund{RefundID: fmt.Sprint(n), Amount: amount / 4, Tax: amount / 28, Currency: currency, Account: p.state.Account}
			records = append(records, p.do(t, day(), refund))
			if refund.Account != "" && draw.IntN(2) == 0 {
				records = append(records, p.do(t, day(), ReverseRefund{RefundID: refund.RefundID}))
			}
		}
	}
	return records
}

// earnings are a line of a report.
type earnings struct{ payments, refunds, revenue, refunded, taxes int64 }

// foldMoney adds up by what layout and suffix make of a day.
func foldMoney(records []es.Recorded, layout, suffix string) (lines []string) {
	type key struct{ day, currency string }
	sums := map[key]earnings{}
	for _, r := range records {
		day := time.UnixMilli(r.Meta.ValidAt).UTC().Format(layout) + suffix
		switch e := r.Event.(type) {
		case PaymentReceived:
			s := sums[key{day, e.Currency}]
			s.payments, s.revenue, s.taxes = s.payments+1, s.revenue+e.Amount, s.taxes+e.Tax
			sums[key{day, e.Currency}] = s
		case PaymentRefunded:
			s := sums[key{day, e.Currency}]
			s.refunds, s.refunded, s.taxes = s.refunds+1, s.refunded+e.Amount, s.taxes-e.Tax
			sums[key{day, e.Currency}] = s
		case RefundReversed:
			s := sums[key{day, e.Currency}]
			s.refunds, s.refunded, s.taxes = s.refunds-1, s.refunded-e.Amount, s.taxes+e.Tax
			sums[key{day, e.Currency}] = s
		}
	}
	for k, s := range sums {
		lines = append(lines, fmt.Sprintf("%s %s %d %d %d %d %d %d", k.day, k.currency, s.payments, s.refunds, s.revenue, s.refunded, s.taxes, s.revenue-s.refunded-s.taxes))
	}
	slices.Sort(lines)
	return lines
}

// testFinancialReport compares the report with a fold in Go, and shows that it is kept by every insert.
func testFinancialReport(t *testing.T, db *database) {
	records := randomPayments(t)
	db.project(t, "financial_report", records...)
	db.expect(t, reportDaily+kept, foldMoney(records, time.DateOnly, "")...)
	db.expect(t, reportMonthly+kept, foldMoney(records, "2006-01", "-01")...)
	db.expect(t, "SELECT toInt64(sum(revenue) - sum(refunded)) FROM financial_report WHERE day >= '2026-02-01' AND currency = 'EUR'"+kept,
		db.query(t, "SELECT sum(amount) FROM financial_entries WHERE valid_at >= '2026-02-01 00:00:00' AND currency = 'EUR'"))
	if _, err := db.post("SELECT sum(amount) FROM financial_entries GROUP BY toDate(recorded_at)"+kept, nil); err == nil {
		t.Error("what nobody keeps is kept: the test proves nothing")
	}
	if db.query(t, "SELECT count() FROM financial_entries WHERE event_type NOT IN ('PaymentReceived', 'PaymentRefunded', 'RefundReversed')") != "0" {
		t.Error("what moves no money has a row")
	}
}

// testFinancialRetries inserts what one range holds as a projector does that is not sure whether it has.
func testFinancialRetries(t *testing.T, db *database) {
	rich := newPayment("o-1")
	const day = "2026-03-01 00:00:00"
	records := []es.Recorded{
		rich.do(t, day, Request{OrderID: "o-1", CustomerID: "ada", Amount: math.MaxInt64, Currency: "EUR"}),
		rich.do(t, day, Authorise{Reference: "a"}),
		rich.do(t, day, Capture{}),
		rich.do(t, day, Refund{RefundID: "r", Amount: 7, Currency: "EUR"}),
	}
	other := newPayment("o-2")
	other.do(t, day, Request{OrderID: "o-2", CustomerID: "bob", Amount: math.MaxInt64, Currency: "EUR"})
	other.do(t, day, Authorise{Reference: "a"})
	records = append(records, other.do(t, day, Capture{}))
	rows := es.NewRows(db.views["financial_report"].Tables...)
	for _, r := range records {
		if err := db.views["financial_report"].Map(r, rows); err != nil {
			t.Fatal(err)
		}
	}
	const once = "2026-03-01 EUR 2 1 18446744073709551614 7 0 18446744073709551607" // beyond an Int64, and not wrapped around
	for table, values := range rows.Each {
		for range 3 {
			db.insert(t, table, values, "financial_report/1/shop/3:100-104")
			db.expect(t, reportDaily+kept, once)
		}
		db.insert(t, table, values, "financial_report/1/shop/3:100-105") // another range: its rows are counted
	}
	if db.query(t, reportDaily) == once {
		t.Error("rows that are there twice are counted once: the test proves nothing")
	}
}
