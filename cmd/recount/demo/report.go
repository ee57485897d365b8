package demo

import (
	"context"
	"fmt"
	"time"

	"recount/internal/kafka"
)

// Report is what the demo tells: on the terminal, and with --json as it is here.
type Report struct {
	Seed       uint64     `json:"seed"`
	Commands   int64      `json:"commands"`
	Orders     int64      `json:"orders"`
	Conditions Conditions `json:"conditions"`
	Rates      []Rate     `json:"rates"`
	// DaySeconds is how long the shop's day took, until every view had it.
	DaySeconds float64 `json:"day_seconds"`
	Books
	Passed bool `json:"passed"`
}

// Conditions are what the rates were measured under.
type Conditions struct {
	CPUs       int    `json:"cpus"`
	Platform   string `json:"platform"`
	Go         string `json:"go"`
	Partitions int    `json:"partitions"`
	Kafka      string `json:"kafka"`
	ClickHouse string `json:"clickhouse"`
	Registry   string `json:"registry"`
}

// Rate is how fast the commands got to a stage: from the first that was sent to the last that arrived there.
type Rate struct {
	Stage     string  `json:"stage"`
	Commands  int64   `json:"commands"`
	Seconds   float64 `json:"seconds"`
	PerSecond float64 `json:"per_second"`
}

// Books is the part of a report that ClickHouse answers. The same commands give the same books.
type Books struct {
	Outcomes  []Outcome  `json:"outcomes"`
	Refusals  []Refusal  `json:"refusals"`
	Richest   []Account  `json:"richest"`
	Totals    []Total    `json:"totals"`
	Statement *Statement `json:"statement"`
	Shop      Shop       `json:"shop"`
	Checks    []Check    `json:"checks"`
}

// Outcome counts the commands to a context, of this load, that ended in one way.
type Outcome struct {
	Context  string `json:"context"`
	Outcome  string `json:"outcome"`
	Commands int64  `json:"commands"`
}

// Refusal counts the commands that left no event for one reason.
type Refusal struct {
	Outcome  string `ch:"outcome" json:"outcome"`
	Code     string `ch:"code" json:"code"`
	Commands uint64 `ch:"commands" json:"commands"`
}

// Account is an account as it stands now. Amounts are minor units.
type Account struct {
	AccountID string `ch:"account_id" json:"account_id"`
	Customer  string `ch:"customer" json:"customer"`
	Balance   int64  `ch:"balance" json:"balance"`
	Currency  string `ch:"currency" json:"currency"`
	Status    string `ch:"status" json:"status"`
	Version   uint64 `ch:"version" json:"version"`
}

// Total is what happened to accounts in a month. Amount is what it added to their balances, in minor units.
type Total struct {
	Month    string `ch:"month" json:"month"`
	Currency string `ch:"currency" json:"currency"`
	Event    string `ch:"event_type" json:"event"`
	Events   uint64 `ch:"events" json:"events"`
	Amount   int64  `ch:"amount" json:"amount"`
}

// Statement is the end of an account's statement, and what it was at some moments.
type Statement struct {
	AccountID string   `json:"account_id"`
	Lines     []Line   `json:"lines"`
	Moments   []Moment `json:"moments"`
}

// Line is a line of a statement. Balance is that after it, in the order of the world.
type Line struct {
	ValidAt   time.Time `ch:"valid_at" json:"valid_at"`
	Version   uint64    `ch:"version" json:"version"`
	Event     string    `ch:"event_type" json:"event"`
	Reference string    `ch:"reference" json:"reference"`
	Amount    int64     `ch:"amount" json:"amount"`
	Currency  string    `ch:"currency" json:"currency"`
	Balance   int64     `ch:"balance" json:"balance"`
	// Late: something that was true later had been recorded before it.
	Late bool `ch:"late" json:"late"`
}

// Moment is an account as of a moment.
type Moment struct {
	At       time.Time `json:"at"`
	Balance  int64     `ch:"balance" json:"balance"`
	Currency string    `ch:"currency" json:"currency"`
	Status   string    `ch:"status" json:"status"`
	Version  uint64    `ch:"version" json:"version"`
}

// Load is what is known of a context's load before ClickHouse is asked.
type Load struct {
	Context string
	// From is the offset of each partition of the context's commands from which on they are this load's.
	From []int64
	// Sent is how many were acknowledged, Duplicates how many of them the aggregator answered with an outcome they had
	// before: those leave nothing behind that could be counted.
	Sent, Duplicates int64
}

func (l Load) topic() string { return l.Context + kafka.CommandsSuffix }

// Moments are those that a statement is shown as of.
type Moments []time.Time

// ReadBooks asks db for everything that it can answer.
func ReadBooks(ctx context.Context, db Database, loads []Load, moments Moments) (b Books, err error) {
	for _, l := range loads {
		found, err := outcomes(ctx, db, l)
		if err != nil {
			return b, err
		}
		b.Outcomes = append(b.Outcomes, found...)
	}
	for _, read := range []func() error{
		into(ctx, db, &b.Refusals, "refusals"),
		into(ctx, db, &b.Richest, "richest"),
		into(ctx, db, &b.Totals, "totals"),
		func() (err error) { b.Statement, err = statement(ctx, db, moments); return err },
		func() (err error) { b.Shop, err = readShop(ctx, db); return err },
		func() (err error) { b.Checks, err = checks(ctx, db); return err },
	} {
		if err := read(); err != nil {
			return b, err
		}
	}
	b.Checks = append(b.Checks, accounting(loads, b.Outcomes))
	return b, nil
}

// into asks for the rows of a query, and keeps them.
func into[R any](ctx context.Context, db Database, rows *[]R, name string, args ...any) func() error {
	return func() (err error) {
		*rows, err = ask[R](ctx, db, name, args...)
		return err
	}
}

// Passed says whether every check of the books holds.
func (b Books) Passed() bool {
	for _, c := range b.Checks {
		if !c.Passed {
			return false
		}
	}
	return true
}

const duplicateOutcome = "duplicate"

func outcomes(ctx context.Context, db Database, load Load) ([]Outcome, error) {
	rows, err := ask[struct {
		Outcome  string `ch:"outcome"`
		Commands uint64 `ch:"commands"`
	}](ctx, db, "outcomes", load.topic(), load.From, load.topic(), load.From)
	if err != nil {
		return nil, err
	}
	var out []Outcome
	for _, r := range rows {
		out = append(out, Outcome{load.Context, r.Outcome, int64(r.Commands)})
	}
	return append(out, Outcome{load.Context, duplicateOutcome, load.Duplicates}), nil
}

// statement is that of the account with the most to tell; nil: there are no accounts.
func statement(ctx context.Context, db Database, moments Moments) (*Statement, error) {
	found, err := ask[struct {
		AccountID string `ch:"account_id"`
	}](ctx, db, "account")
	if err != nil || len(found) == 0 {
		return nil, err
	}
	s := &Statement{AccountID: found[0].AccountID}
	if s.Lines, err = ask[Line](ctx, db, "statement", s.AccountID); err != nil {
		return nil, err
	}
	for _, at := range moments {
		rows, err := ask[Moment](ctx, db, "moment", timestamp(at), s.AccountID)
		if err != nil {
			return nil, err
		}
		if len(rows) > 1 {
			return nil, fmt.Errorf("account %s is there %d times as of %v", s.AccountID, len(rows), at)
		}
		for _, m := range rows { // none: it was not open yet
			m.At = at
			s.Moments = append(s.Moments, m)
		}
	}
	return s, nil
}

// timestamp is a moment as ClickHouse reads it.
func timestamp(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05.000") }
