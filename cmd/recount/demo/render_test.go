package demo

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"recount/cmd/internal/console"
)

func report() Report {
	at := func(text string) time.Time {
		t, err := time.Parse(time.DateTime, text)
		if err != nil {
			panic(err)
		}
		return t
	}
	return Report{
		Seed: 7, Commands: 200_000, Orders: 1_000, DaySeconds: 9.5,
		Conditions: Conditions{CPUs: 2, Platform: "linux/amd64", Go: "go1.26", Partitions: 12, Kafka: "embedded", ClickHouse: "outside", Registry: "embedded"},
		Rates:      []Rate{rate("loaded", 200_000, 4*time.Second), rate("visible", 200_000, 12500*time.Millisecond)},
		Books: Books{
			Outcomes: []Outcome{{bank, "accepted", 150_000}, {bank, "refused", 43_930}, {shop, duplicateOutcome, 6_070}},
			Refusals: []Refusal{{"refused", "account/frozen", 43_000}, {"unchanged", "", 930}},
			Richest:  []Account{{AccountID: "acct-1", Customer: "Ada Köhler", Balance: 123_456_789, Currency: "EUR", Status: "open", Version: 1_234}},
			Totals:   []Total{{"2026-03-01", "EUR", "FundsWithdrawn", 1_200, -499_500}},
			Statement: &Statement{
				AccountID: "acct-1",
				Lines: []Line{
					{ValidAt: at("2026-03-01 08:00:00"), Version: 9, Event: "FundsDeposited", Reference: "gift\x1b[2J", Amount: 5_000, Currency: "EUR", Balance: 5_000, Late: true},
					{ValidAt: at("2026-03-02 08:00:00"), Version: 7, Event: "FundsWithdrawn", Reference: "rent", Amount: -4_995, Currency: "EUR", Balance: 5},
					{ValidAt: at("2026-03-03 08:00:00"), Version: 8, Event: "AccountFrozen", Currency: "EUR", Balance: 5},
				},
				Moments: []Moment{{At: at("2026-03-02 00:00:00"), Balance: 5_000, Currency: "EUR", Status: "open", Version: 9}},
			},
			Shop: Shop{
				Endings: []Ending{{"cancelled", "payment/declined", "EUR", 80, 1_234_500}, {"delivered", "", "EUR", 920, 98_765_400}},
				Order: &OrderPath{OrderID: "o-1", CustomerID: "ada", Currency: "EUR", Total: 4_067, Steps: []OrderStep{
					{Event: "OrderPaid", Status: "paid", ValidAt: at("2026-03-31 09:00:00"), Actor: "shop/fulfilment/o-1", Currency: "EUR"},
					{Event: "ItemsReturned", Status: "delivered", ValidAt: at("2026-04-04 09:00:00"), Actor: "demo", Reason: "torn", Currency: "EUR", Refund: 549},
				}},
				Stock:     []Article{{SKU: "rare-1", Received: 1_004, Shipped: 3, OnHandThen: 1_003, OnHand: 1_001, Allocated: 1, Free: 1_000, Shortages: 2}},
				Days:      []Period{{"2026-03-31", "EUR", 920, 2, 98_765_400, 1_200, 15_000_000, 83_764_200}},
				Transfers: []TransferEnd{{"failed", "account/closed", "deposit", "EUR", 12, 345_600}},
				Stuck:     []Stuck{{Context: bank, Saga: "journal_entry", ID: "e-1", State: "stuck-compensating", Step: "give (undo)", AgeSeconds: 61.4, Version: 17, Code: "account/insufficient-funds"}},
			},
			Checks: []Check{
				checkOf("Balances add up", []Comparison{{"EUR", "1000", "1000"}, {"USD", "170141183460469231731687303715884105727", "-1"}}),
				checkOf("Nothing is there twice", []Comparison{{"events", "5", "5"}}),
				checkOf("There is something", nil),
			},
		},
	}
}

// What TestRender expects, part by part.
const (
	ofTheBank = `
A bank's month: 200,000 commands, seed 7
  stage    commands     time  commands/s
  loaded    200,000   4.00 s      50,000
  visible   200,000  12.50 s      16,000
  Times begin with the first command sent. 2 CPUs, linux/amd64, go1.26, 12 partitions; Kafka embedded, ClickHouse outside.

What became of the commands
  to    outcome    commands
  bank  accepted    150,000
  bank  refused      43,930
  shop  duplicate     6,070

Commands without an event, by code, as the view has them
  outcome    code            commands
  refused    account/frozen    43,000
  unchanged                       930

Richest accounts
  account  customer             balance  status  version
  acct-1   Ada Köhler  1,234,567.89 EUR  open      1,234

Totals by month, as every insert kept them
  month       event           events         amount
  2026-03-01  FundsWithdrawn   1,200  -4,995.00 EUR

Statement of acct-1: the last lines, in the order of the world
  valid at (UTC)       event           reference      amount    balance  version
  2026-03-01 08:00:00  FundsDeposited  gift�[2J   +50.00 EUR  50.00 EUR        9  entered late
  2026-03-02 08:00:00  FundsWithdrawn  rent       -49.95 EUR   0.05 EUR        7
  2026-03-03 08:00:00  AccountFrozen                           0.05 EUR        8

acct-1 at 1 moments, by all that is known today
  SELECT * FROM account_as_of(at = …)    balance  status  version
  '2026-03-02 00:00:00'                50.00 EUR  open          9
`
	ofTheShop = `
A shop's day: 1,000 orders and 200 transfers, seed 7, carried out by sagas in 9.50 s
  orders that are now  why               orders           worth
  cancelled            payment/declined      80   12,345.00 EUR
  delivered                                 920  987,654.00 EUR

Order history: o-1 of ada, 40.67 EUR, which went through most
  valid at (UTC)       event          status     by                     refund  reason
  2026-03-31 09:00:00  OrderPaid      paid       shop/fulfilment/o-1
  2026-04-04 09:00:00  ItemsReturned  delivered  demo                 5.49 EUR  torn

Inventory allocation: the articles that were short most often, in pieces
  article  received  shipped  on hand at 13:30  on hand  allocated   free  shortages
  rare-1      1,004        3             1,003    1,001          1  1,000          2

Financial report by day
  day         payments         revenue  refunds   refunded           taxes          earned
  2026-03-31       920  987,654.00 EUR        2  12.00 EUR  150,000.00 EUR  837,642.00 EUR

Financial report by month
  none

What became of the transfers
  status  why             refused at  transfers        amount
  failed  account/closed  deposit            12  3,456.00 EUR

Sagas that are stuck, as saga list --stuck lists them
  saga           id   state               step          age  version  last error
  journal_entry  e-1  stuck-compensating  give (undo)  1m1s       17  account/insufficient-funds
`
	ofTheChecks = `
Checks, each computed in ClickHouse
  FAIL  Balances add up: EUR 1,000, USD -1, not 170,141,183,460,469,231,731,687,303,715,884,105,727
  ok    Nothing is there twice: events 5
  FAIL  There is something: there was nothing to compare

`
)

func TestRender(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := report().Render(&b); err != nil {
		t.Fatal(err)
	}
	want := ofTheBank + ofTheShop + ofTheChecks
	if got := b.String(); got != want {
		t.Errorf("got%s\nwant%s", got, want)
	}
}

// TestABankWithoutAccounts: a report of nothing says so.
func TestABankWithoutAccounts(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := (Report{}).Render(&b); err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{"Richest accounts\n  none\n", "as saga list --stuck lists them\n  none: there is nothing for an operator to do\n"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("%q is not in %s", part, b.String())
		}
	}
}

func TestTheVerdictCounts(t *testing.T) {
	t.Parallel()
	if err := report().verdict(); err == nil || err.Error() != "2 of 3 checks do not hold" {
		t.Errorf("got %v", err)
	}
}

// TestNumbersStayNumbersInJSON: a sum over all accounts may be wider than an int64 and is no text all the same.
func TestNumbersStayNumbersInJSON(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := console.JSON(&b, report()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"expected": 170141183460469231731687303715884105727,`) {
		t.Errorf("got %s", b.String())
	}
	var back Report
	if err := json.Unmarshal(b.Bytes(), &back); err != nil || back.Statement.Lines[0].Balance != 5_000 || back.Checks[0].Passed {
		t.Errorf("%v: %+v", err, back)
	}
}
