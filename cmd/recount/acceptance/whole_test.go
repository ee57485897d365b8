package acceptance_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/cmd/internal/cli"
	"recount/cmd/internal/role"
	"recount/cmd/recount/pipeline"
	"recount/internal/clickhouse"
	"recount/internal/ingest"
)

// whole is the pipeline as recount up runs it: every role, on embedded services.
type whole struct {
	*pipeline.Pipeline
	db *clickhouse.DB
}

// TestTheWhole runs one pipeline that all of its parts use at the same time, each with aggregates of its own.
func TestTheWhole(t *testing.T) {
	t.Parallel()
	w := newWhole(t)
	for name, part := range map[string]func(*testing.T, *whole){
		"a real bank's books":     realBooks,
		"a command over HTTP":     commandOverHTTP,
		"bad input stops nothing": badInput,
		"one's own writes":        readsItsWrites,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			part(t, w)
		})
	}
}

func newWhole(t *testing.T) *whole {
	t.Helper()
	cfg := pipeline.NewConfig(pipeline.Ports{})
	cfg.DataDir = t.TempDir()
	w, stop := startWhole(t, cfg)
	t.Cleanup(stop)
	return w
}

// startWhole starts a pipeline and waits until it is ready. It runs until stop is called, more than once if need be.
func startWhole(t *testing.T, cfg pipeline.Config) (w *whole, stop func()) {
	t.Helper()
	said := &log{}
	cfg.Log = slog.New(slog.NewTextHandler(said, &slog.HandlerOptions{Level: slog.LevelWarn}))
	p, err := pipeline.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- p.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-ended, p.Close()); err != nil {
			t.Error(err)
		}
		if t.Failed() {
			t.Logf("the pipeline's warnings:\n%s", said)
		}
	})
	ready, hurry := context.WithTimeout(t.Context(), 3*time.Minute)
	defer hurry()
	if err := p.AwaitReady(ready); err != nil {
		stop()
		t.Fatal(err)
	}
	return &whole{p, views(t, p.Services)}, stop
}

// views connects to the database of the views.
func views(t *testing.T, s cli.Services) *clickhouse.DB {
	t.Helper()
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{URL: s.ClickHouse, Database: s.Database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// load is ingest load. A bad line is an error.
func load(ctx context.Context, f *role.Foundation, lines io.Reader, rejected string) (ingest.LoadResult, error) {
	said := &log{}
	in := &cli.Process{Name: ingestProgram, Log: f.Log, Stdin: lines, Stdout: said, Stderr: said}
	res, err := role.Load{Rejected: rejected, Source: "acceptance", Quiet: true}.Run(ctx, f, in, "-")
	if err != nil {
		return res, fmt.Errorf("loading: %w: %s", err, said)
	}
	return res, nil
}

// count asks for one number; nothing counts as 0.
func count(t *testing.T, db *clickhouse.DB, query string, args ...any) (n int64, err error) {
	t.Helper()
	err = db.Row(t.Context(), "SELECT ifNull(toInt64(("+query+")), 0)", args...).Scan(&n)
	return n, err
}

const (
	patience     = 6 * time.Minute
	eventualPace = 50 * time.Millisecond
)

// eventually waits until ok returns nil.
func eventually(t *testing.T, what string, ok func() error) {
	t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(eventualPace) {
		if err = ok(); err == nil {
			return
		}
	}
	t.Fatalf("%s: after %v still: %v", what, patience, err)
}

// eventuallyCounts waits until a query that counts gives want, and fails at once when it gives more.
func eventuallyCounts(t *testing.T, db *clickhouse.DB, want int64, query string, args ...any) {
	t.Helper()
	eventually(t, strings.Join(strings.Fields(query), " "), func() error {
		got, err := count(t, db, query, args...)
		if err != nil || got > want {
			t.Fatalf("%s: %d, want no more than %d: %v", query, got, want, err)
		}
		if got < want {
			return fmt.Errorf("%d of %d", got, want)
		}
		return nil
	})
}
