//go:build e2e

package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"recount/e2e/books"
	"recount/internal/clickhouse"
	"recount/internal/embedded"
)

// views are a ClickHouse, in a process of its own, and what is kept in it.
type views struct {
	world   *world
	options embedded.ClickHouseOptions // to start it again, where it was
	engine  *embedded.ClickHouse
	db      *clickhouse.DB
}

const engineStopPatience = 20 * time.Second

// keepViews starts ClickHouse. Members that are made from here on find it.
func (w *world) keepViews() *views {
	w.t.Helper()
	v := &views{world: w, options: embedded.ClickHouseOptions{DataDir: filepath.Join(w.t.TempDir(), "clickhouse")}}
	var err error
	v.engine, err = embedded.StartClickHouse(w.t.Context(), v.options)
	w.must(err)
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(w.t.Context()), engineStopPatience)
		defer cancel()
		if err := v.engine.Stop(ctx); err != nil {
			w.t.Error(err)
		}
	})
	_, port, err := net.SplitHostPort(v.engine.Addr())
	w.must(err)
	v.options.Port, err = strconv.Atoi(port)
	w.must(err)
	w.fleet.ClickHouse, w.views = v.engine.URL(), v
	v.db, err = clickhouse.Open(w.t.Context(), clickhouse.Config{URL: v.engine.URL(), Database: "recount"})
	w.must(err)
	w.t.Cleanup(func() { w.must(v.db.Close()) })
	return v
}

// die kills ClickHouse, and again starts it where it was, with the data it had.
func (v *views) die() {
	v.world.t.Helper()
	v.world.must(v.engine.Kill())
}

func (v *views) again() {
	v.world.t.Helper()
	engine, err := embedded.StartClickHouse(v.world.t.Context(), v.options)
	v.world.must(err)
	v.engine = engine
}

// progress waits until the views show events that they did not show before.
func (v *views) progress() {
	v.world.t.Helper()
	before := int64(-1)
	v.world.eventually("the views show new events", func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
		defer cancel()
		var n int64
		err := v.db.Row(ctx, "SELECT toInt64(count()) FROM events").Scan(&n)
		if before < 0 && err == nil {
			before = n
		}
		if err == nil && n <= before {
			err = fmt.Errorf("%d events", n)
		}
		return err
	})
}

// audit waits until every view has caught up, as recount status tells, and compares all rows with the log's fold.
func (v *views) audit() {
	w := v.world
	w.t.Helper()
	w.eventually("the views catch up", v.behind)
	ledger, err := books.Fold(w.t.Context(), w.broker.Config(), w.codec)
	w.must(err)
	if err := ledger.Compare(w.t.Context(), v.db); err != nil {
		w.t.Errorf("the views are not the log's fold:\n%v", err)
	}
	w.t.Logf("the views are the fold of %d commands' outcomes", len(ledger.Outcomes))
}

// behind says which views have not come to the log's end.
func (v *views) behind(ctx context.Context) error {
	w := v.world
	out, exit := w.fleet.Ask(ctx, "recount", "status", "--json", "--kafka", w.broker.Addr(), "--registry", w.fleet.Registry, "--clickhouse", w.fleet.ClickHouse)
	var report struct {
		Views []struct {
			Context    string
			View       string
			Generation int
			LagRecords int64 `json:"lag_records"`
		}
	}
	if err := json.Unmarshal(out, &report); err != nil {
		return fmt.Errorf("recount status: %w: %w", err, exit)
	}
	faults, seen := []error{}, 0
	for _, s := range report.Views {
		if s.Context != "bank" { // nobody keeps the others'
			continue
		}
		seen++
		if s.LagRecords > 0 || s.Generation == 0 {
			faults = append(faults, fmt.Errorf("%s is %d records behind", s.View, s.LagRecords))
		}
	}
	if seen == 0 {
		faults = append(faults, errors.New("recount status tells of no view"))
	}
	return errors.Join(faults...)
}
