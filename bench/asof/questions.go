package main

import (
	"fmt"
	"time"
)

// The peer: what answers a sum at a moment with the least there is, in ClickHouse's own defaults.
const (
	peerTable = `CREATE TABLE plain (account_id String, version UInt64, valid_at DateTime64(3, 'UTC'), amount Int64)
		ENGINE = MergeTree ORDER BY (account_id, version)`
	peerRows = "INSERT INTO plain SELECT account_id, version, valid_at, amount FROM account_history"
)

// question is asked once a round, of another account and for another moment each time.
type question struct {
	name string // in the result
	says string
	// sql asks about account n, or about all.
	sql func(b books, valid, known int64, n int) string
	// whole: every account answers. status: the answer tells it. known: only what was recorded by then counts. unopened:
	// accounts that are not open yet answer too.
	whole, status, known, unopened bool
}

// moment writes a time as SQL.
func moment(millis int64) string {
	return "'" + time.UnixMilli(millis).UTC().Format("2006-01-02 15:04:05.000") + "'"
}

func questions() []question {
	return []question{
		{name: "one_account", says: "one account, as of", status: true, sql: func(_ books, valid, _ int64, n int) string {
			return fmt.Sprintf("SELECT account_id, balance, status FROM account_as_of(at = %s) WHERE account_id = '%s'", moment(valid), accountID(n))
		}},
		{name: "one_account_as_known", says: "one account, as known", status: true, known: true, sql: func(_ books, valid, known int64, n int) string {
			return fmt.Sprintf("SELECT account_id, balance, status FROM account_as_known(valid = %s, known = %s) WHERE account_id = '%s'", moment(valid), moment(known), accountID(n))
		}},
		{name: "one_account_plain", says: "one account, plain SQL", unopened: true, sql: func(_ books, valid, _ int64, n int) string {
			return fmt.Sprintf("SELECT account_id, sum(amount) FROM plain WHERE valid_at <= %s AND account_id = '%s' GROUP BY account_id", moment(valid), accountID(n))
		}},
		{name: "whole_book", says: "whole book, as of", whole: true, status: true, sql: func(_ books, valid, _ int64, _ int) string {
			return fmt.Sprintf("SELECT account_id, balance, status, currency FROM bank_as_of(at = %s)", moment(valid))
		}},
		{name: "whole_book_in_order", says: "whole book, in the table's order", whole: true, status: true, sql: func(_ books, valid, _ int64, _ int) string {
			return fmt.Sprintf("SELECT account_id, balance, status, currency FROM bank_as_of(at = %s) SETTINGS optimize_aggregation_in_order = 1", moment(valid))
		}},
		{name: "whole_book_as_known", says: "whole book, as known", whole: true, status: true, known: true, sql: func(_ books, valid, known int64, _ int) string {
			return fmt.Sprintf("SELECT account_id, balance, status, currency FROM bank_as_known(valid = %s, known = %s)", moment(valid), moment(known))
		}},
		{name: "whole_book_plain", says: "whole book, plain SQL", whole: true, unopened: true, sql: func(_ books, valid, _ int64, _ int) string {
			return fmt.Sprintf("SELECT account_id, sum(amount) FROM plain WHERE valid_at <= %s GROUP BY account_id", moment(valid))
		}},
	}
}
