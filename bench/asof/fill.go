package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"recount/domain/bank/account"
	"recount/domain/bank/views"
	"recount/internal/clickhouse"
	"recount/internal/es"
	sql "recount/schemas/clickhouse"
	"recount/schemas/clickhouse/migrations"
)

const (
	database   = "asof"
	partitions = 12
	rangeRows  = 100_000
	// settleMax bounds the wait for merges that never end.
	settleMax = 5 * time.Minute
)

// filler inserts books as the projectors would.
type filler struct {
	b        books
	view     es.View
	sink     *clickhouse.Sink
	balances []int64 // of every account, at the version that was inserted last
}

// fill makes the view and the peer's table, and inserts the books into both.
func fill(ctx context.Context, db *clickhouse.DB, b books, progress func(string)) error {
	if err := db.Migrate(ctx, migrations.FS()); err != nil {
		return err
	}
	f := &filler{b: b, view: views.AccountHistory(), balances: make([]int64, b.accounts)}
	pace := clickhouse.Pace{PerSecond: clickhouse.PerSecondDefault}
	g, err := db.EnsureView(ctx, f.view, 10_000, func(view string, generation, window int) (clickhouse.Script, error) {
		s, err := sql.Render(view, sql.Params{Database: database, Generation: generation, DedupWindow: window})
		return clickhouse.Script(s), err
	})
	if err != nil {
		return err
	}
	pace.Takeover, pace.InsertLifetime = 30*time.Second, clickhouse.InsertLifetimeDefault
	if f.sink, err = db.NewSink(ctx, f.view, g, clickhouse.SinkConfig{Pace: pace}); err != nil {
		return err
	}
	if err := f.insert(ctx, progress); err != nil {
		return err
	}
	for _, statement := range []string{peerTable, peerRows} {
		if err := db.Exec(ctx, statement); err != nil {
			return fmt.Errorf("filling the plain table: %w", err)
		}
	}
	var known []clickhouse.Known
	for p := range int32(partitions) {
		known = append(known, clickhouse.Known{
			View: f.view.Name, Generation: g.Number, Context: "bank", Partition: p, Partitions: partitions, Until: time.UnixMilli(b.end()),
		})
	}
	if err := db.TellKnown(ctx, known); err != nil {
		return err
	}
	progress("waiting until the parts are merged")
	return settle(ctx, db)
}

// insert inserts range after range, the partitions in turns, each partition's accounts version by version.
func (f *filler) insert(ctx context.Context, progress func(string)) error {
	done := 0
	for first := 0; done < f.b.rows(); first += rangeRows {
		for p := range partitions {
			n, err := f.insertRange(ctx, p, first)
			if err != nil {
				return err
			}
			done += n
		}
		progress(fmt.Sprintf("inserted %d of %d rows", done, f.b.rows()))
	}
	return nil
}

// insertRange inserts the rows of partition p from its offset first on, and returns their number.
func (f *filler) insertRange(ctx context.Context, p, first int) (int, error) {
	accounts := (f.b.accounts - p + partitions - 1) / partitions // those whose number leaves p
	last := min(first+rangeRows, accounts*f.b.versions) - 1
	if last < first {
		return 0, nil
	}
	rows := es.NewRows(f.view.Tables...)
	for offset := first; offset <= last; offset++ {
		if err := f.view.Map(f.recorded(p, offset, offset%accounts*partitions+p, offset/accounts+1), rows); err != nil {
			return 0, err
		}
	}
	return f.sink.Insert(ctx, func(try func() error) error { return try() }, clickhouse.Batch{
		Context: "bank", Partition: int32(p), First: int64(first), Last: int64(last), Rows: rows,
	})
}

// recorded is a version of account n as a projector reads it.
func (f *filler) recorded(p, offset, n, version int) es.Recorded {
	e := f.b.at(n, version)
	f.balances[n] += e.amount
	r := es.Recorded{
		Context: "bank", Partition: int32(p), Offset: int64(offset), Aggregate: "account", SchemaVersion: 2,
		Meta: es.Meta{
			AggregateID: accountID(n), Version: int64(version), CommandID: "c-" + strconv.Itoa(n) + "-" + strconv.Itoa(version),
			CorrelationID: "day-" + strconv.Itoa(version), Actor: "teller", ValidAt: e.validAt, RecordedAt: e.recordedAt,
			EventID: es.ID{0: byte(n), 1: byte(n >> 8), 2: byte(n >> 16), 3: byte(version), 4: byte(version >> 8)},
		},
	}
	switch customer, currency := customerID(n), currency(n); {
	case e.kind == opening:
		r.Type, r.Event = "AccountOpened", account.AccountOpened{CustomerID: customer, Currency: currency}
	case e.kind == freezing:
		r.Type, r.Event = "AccountFrozen", account.AccountFrozen{CustomerID: customer, Currency: currency, BalanceAfter: f.balances[n]}
	case e.kind == unfreezing:
		r.Type, r.Event = "AccountUnfrozen", account.AccountUnfrozen{CustomerID: customer, Currency: currency, BalanceAfter: f.balances[n]}
	case e.amount > 0:
		r.Type, r.Event = "FundsDeposited", account.FundsDeposited{
			CustomerID: customer, Amount: e.amount, Currency: currency, Reference: "wages", BalanceAfter: f.balances[n], StatusAfter: account.StatusOpen, Channel: "online",
		}
	default:
		r.Type, r.Event = "FundsWithdrawn", account.FundsWithdrawn{
			CustomerID: customer, Amount: -e.amount, Currency: currency, Reference: "rent", BalanceAfter: f.balances[n], StatusAfter: account.StatusOpen, Channel: "online",
		}
	}
	return r
}

// settle waits until nothing has been merged for a while.
func settle(ctx context.Context, db *clickhouse.DB) error {
	const calm = 2 * time.Second
	quiet, deadline := time.Now(), time.Now().Add(settleMax)
	for time.Since(quiet) < calm {
		var merges uint64
		if err := db.Row(ctx, "SELECT count() FROM system.merges WHERE database = ?", database).Scan(&merges); err != nil {
			return err
		}
		if merges > 0 {
			quiet = time.Now()
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("ClickHouse has been merging for %v and does not stop", settleMax)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}
