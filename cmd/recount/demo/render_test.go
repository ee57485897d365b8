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
		Seed: 7, Commands: 200_000,
		Conditions: Conditions{CPUs: 2, Platform: "linux/amd64", Go: "go1.26", Partitions: 12, Kafka: "embedded", ClickHouse: "outside", Registry: "embedded"},
		Rates:      []Rate{rate("loaded", 200_000, 4*time.Second), rate("visible", 200_000, 12500*time.Millisecond)},
		Books: Books{
			Outcomes: []Outcome{{"accepted", 150_000}, {"refused", 43_930}, {duplicateOutcome, 6_070}},
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
			Checks: []Check{
				checkOf("Balances add up", []Comparison{{"EUR", "1000", "1000"}, {"USD", "170141183460469231731687303715884105727", "-1"}}),
				checkOf("Nothing is there twice", []Comparison{{"events", "5", "5"}}),
				checkOf("There is something", nil),
			},
		},
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	if err := report().Render(&b); err != nil {
		t.Fatal(err)
	}
	want := `
A bank's month: 200,000 commands, seed 7
  stage    commands     time  commands/s
  loaded    200,000   4.00 s      50,000
  visible   200,000  12.50 s      16,000
  Times begin with the first command sent. 2 CPUs, linux/amd64, go1.26, 12 partitions; Kafka embedded, ClickHouse outside.

What became of the commands
  outcome    commands
  accepted    150,000
  refused      43,930
  duplicate     6,070

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

Checks, each computed in ClickHouse
  FAIL  Balances add up: EUR 1,000, USD -1, not 170,141,183,460,469,231,731,687,303,715,884,105,727
  ok    Nothing is there twice: events 5
  FAIL  There is something: there was nothing to compare

`
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
	if !strings.Contains(b.String(), "Richest accounts\n  none\n") {
		t.Errorf("got %s", b.String())
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
