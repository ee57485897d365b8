package books

import (
	"context"
	"errors"
	"fmt"

	"recount/internal/clickhouse"
)

// Compare compares the views of a database with the ledger.
func (l *Ledger) Compare(ctx context.Context, db *clickhouse.DB) error {
	return errors.Join(l.compareRows(ctx, db), l.compareAccounts(ctx, db), l.compareTotals(ctx, db))
}

// compareRows counts the rows of the views that have one a record, and what makes them different from each other.
func (l *Ledger) compareRows(ctx context.Context, db *clickhouse.DB) error {
	moves := int64(0)
	for key, version := range l.versions {
		if key.aggregate == "account" {
			moves += version
		}
	}
	var faults []error
	for _, q := range []struct {
		view, distinct string
		want           int64
	}{
		{"events", "event_id", l.events},
		{"events", "context, aggregate, aggregate_id, version", l.events},
		{"events", "context, partition, offset", l.events},
		{"account_history", "account_id, version", moves},
		{"refusals", "context, partition, offset", l.refusals},
		{"refusals", "source_topic, source_partition, source_offset", l.refusals},
		{"dead_letters", "context, partition, offset", l.deadLetters},
	} {
		var rows, distinct int64
		if err := db.Row(ctx, "SELECT toInt64(count()), toInt64(uniqExact("+q.distinct+")) FROM "+q.view).Scan(&rows, &distinct); err != nil {
			return fmt.Errorf("counting the rows of %s: %w", q.view, err)
		}
		if rows > distinct {
			faults = append(faults, fmt.Errorf("%s has %d rows of %d different (%s): %w", q.view, rows, distinct, q.distinct, ErrDoubled))
		}
		if distinct < q.want {
			faults = append(faults, fmt.Errorf("%s has %d different (%s) of %d: %w", q.view, distinct, q.distinct, q.want, ErrLost))
		}
		if distinct > q.want {
			faults = append(faults, fmt.Errorf("%s has %d different (%s), the log has %d: %w", q.view, distinct, q.distinct, q.want, ErrWrong))
		}
	}
	return errors.Join(faults...)
}

// compareAccounts compares every account's newest state, and the sum of its history, with the fold.
func (l *Ledger) compareAccounts(ctx context.Context, db *clickhouse.DB) error {
	var rows []struct {
		ID      string `ch:"account_id"`
		Balance int64  `ch:"balance"`
		Status  string `ch:"status"`
		Version uint64 `ch:"version"`
		Moved   int64  `ch:"moved"`
	}
	err := db.Select(ctx, &rows, `SELECT b.account_id AS account_id, b.balance AS balance, b.status AS status, b.version AS version, h.moved AS moved
		FROM account_balances AS b LEFT JOIN (SELECT account_id, sum(amount) AS moved FROM account_history GROUP BY account_id) AS h
		ON h.account_id = b.account_id`)
	if err != nil {
		return fmt.Errorf("asking for the accounts: %w", err)
	}
	faults := []error{}
	if len(rows) < len(l.accounts) {
		faults = append(faults, fmt.Errorf("%d of %d accounts are there: %w", len(rows), len(l.accounts), ErrLost))
	}
	for _, r := range rows {
		a, version := l.accounts[r.ID], l.versions[aggregateKey{"account", r.ID}]
		if r.Balance != a.Balance || r.Status != string(a.Status) || r.Version != uint64(version) {
			faults = append(faults, fmt.Errorf("account %s is %s with %d at version %d, by the log %s with %d at %d: %w",
				r.ID, r.Status, r.Balance, r.Version, a.Status, a.Balance, version, ErrWrong))
		}
		if r.Moved != a.Balance {
			faults = append(faults, fmt.Errorf("account %s moved %d, by the log %d: %w", r.ID, r.Moved, a.Balance, ErrWrong))
		}
		if len(faults) > 5 {
			break
		}
	}
	return errors.Join(faults...)
}
