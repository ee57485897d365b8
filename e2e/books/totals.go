package books

import (
	"context"
	"fmt"
	"maps"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/es"
)

// totalKey is what the totals of a day are told apart by; total is what they come to.
type (
	totalKey struct{ day, currency, event string }
	total    struct {
		events uint64
		amount int64
	}
)

// addTotal adds an event of an account to the totals of the day it is valid at.
func (l *Ledger) addTotal(r es.Recorded, currency string, amount int64) {
	key := totalKey{time.UnixMilli(r.Meta.ValidAt).UTC().Format(time.DateOnly), currency, r.Type}
	sum := l.totals[key]
	l.totals[key] = total{sum.events + 1, sum.amount + amount}
}

// compareTotals compares the totals that every insert kept up to date with the fold. The query fails where it would have
// to count rows instead.
func (l *Ledger) compareTotals(ctx context.Context, db *clickhouse.DB) error {
	var rows []struct {
		Day      string `ch:"day"`
		Currency string `ch:"currency"`
		Event    string `ch:"event_type"`
		Events   uint64 `ch:"events"`
		Amount   int64  `ch:"amount"`
	}
	err := db.Select(ctx, &rows, `SELECT toString(day) AS day, currency, event_type, events, toInt64(amount) AS amount
		FROM account_totals_daily SETTINGS force_optimize_projection = 1`)
	if err != nil {
		return fmt.Errorf("asking for the totals: %w", err)
	}
	found := map[totalKey]total{}
	for _, r := range rows {
		found[totalKey{r.Day, r.Currency, r.Event}] = total{r.Events, r.Amount}
	}
	if len(rows) != len(found) || !maps.Equal(found, l.totals) {
		return fmt.Errorf("the totals of %d days, currencies and types are not those of the log's %d: %w", len(rows), len(l.totals), ErrWrong)
	}
	return nil
}
