package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"recount/bench/frame"
	benchsubject "recount/bench/subject"
	"recount/internal/clickhouse"
	"recount/internal/embedded"
	"recount/internal/process"
	"recount/schemas/clickhouse/migrations"
)

const (
	projectors = "projectors" // a role
	database   = "bench"
	balances   = "account_balances"
	history    = "account_history"
	// servingMax is how long projectors may take to make their tables.
	servingMax = time.Minute
)

// readSide is a ClickHouse, and projectors that keep all views of the bank in it.
type readSide struct {
	engine     *embedded.ClickHouse
	db         *clickhouse.DB
	projectors *process.Process
	*gallery
}

// openReadSide starts both and waits until the views are there. What was started is returned with an error as well.
func (b *benchmark) openReadSide(ctx context.Context, broker, dir string) (r *readSide, err error) {
	r = &readSide{}
	if r.engine, err = embedded.StartClickHouse(ctx, embedded.ClickHouseOptions{DataDir: filepath.Join(dir, "clickhouse"), Progress: b.Progress}); err != nil {
		return r, err
	}
	if r.db, err = clickhouse.Open(ctx, clickhouse.Config{URL: r.engine.URL(), Database: database}); err != nil {
		return r, err
	}
	if err := r.db.Migrate(ctx, migrations.FS()); err != nil {
		return r, err
	}
	c := benchsubject.Views{Address: broker, URL: r.engine.URL(), Database: database, Profile: b.o.profileOf(projectors)}
	if r.projectors, err = frame.Start(projectors, c, process.Spec{Dir: dir, Log: b.Log}); err != nil {
		return r, err
	}
	tables := map[string]string{}
	for _, view := range []string{balances, history} {
		if tables[view], err = r.serves(ctx, view); err != nil {
			return r, err
		}
	}
	r.gallery = newGallery(r.db, tables[balances], tables[history])
	return r, nil
}

// serves waits until a view is there, and returns its table.
func (r *readSide) serves(ctx context.Context, view string) (table string, err error) {
	ctx, cancel := context.WithTimeout(ctx, servingMax)
	defer cancel()
	for {
		g, found, err := r.db.Serving(ctx, view)
		if err != nil || found {
			return g.Table(view), err
		}
		select {
		case <-r.projectors.Done():
			return "", fmt.Errorf("the projectors ended before view %s was there: %w", view, r.projectors.Err())
		case <-ctx.Done():
			return "", fmt.Errorf("view %s was not made within %v: %w", view, servingMax, ctx.Err())
		case <-time.After(balancesPause):
		}
	}
}

// close ends what was started.
func (r *readSide) close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	var faults []error
	if r.projectors != nil {
		faults = append(faults, r.projectors.End(ctx))
	}
	if r.db != nil {
		faults = append(faults, r.db.Close())
	}
	if r.engine != nil {
		faults = append(faults, r.engine.Stop(ctx))
	}
	return errors.Join(faults...)
}
