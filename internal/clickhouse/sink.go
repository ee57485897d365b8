package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/uuid"

	"recount/internal/es"
)

// SinkConfig says how a Sink inserts.
type SinkConfig struct {
	Pace
	// Inserted, if given, is told of every insert: for metrics.
	Inserted func(table string, rows int, took time.Duration)
	// Retried, if given, is told of every failed attempt that is repeated.
	Retried func(table string, err error)
	// Without turns guards off. It exists for the negative controls of tests, which show that a guard is needed.
	Without SinkGuard
}

// SinkGuard names guards of the sink.
type SinkGuard uint8

// The guards that SinkConfig.Without can turn off.
const (
	// GuardToken names an insert by its range. Without it, each attempt has a name of its own.
	GuardToken SinkGuard = 1 << iota
	// GuardGeneration makes the generation part of the token.
	GuardGeneration
	// GuardLookup looks for the rows of what may have been inserted before, and does not leave it to the token alone.
	GuardLookup
	// GuardWindow asserts the tables' deduplication windows at start-up.
	GuardWindow
	// GuardReplicas refuses tables that are on one of several servers alone.
	GuardReplicas
)

// Sink inserts the rows of ranges into the tables of one generation, each range exactly once.
type Sink struct {
	db     *DB
	g      Generation
	cfg    SinkConfig
	tables map[string]sinkTable
}

type sinkTable struct {
	name   string
	insert string
	layout layout
	engine engine
	newest *newest // nil: all rows are inserted
}

// Batch is the rows of one range of a partition. Insert may thin them out.
type Batch struct {
	Context     string
	Partition   int32
	First, Last int64
	// Again says that the range was declared before: its rows may be there, wholly or in part.
	Again bool
	// Scattered says that the rows are of some of the range's offsets, and the others' have been inserted by others.
	Scattered bool
	Rows      *es.Rows
}

// Attempt runs one attempt at an effect, or refuses because the partition belongs to somebody else by now.
type Attempt func(try func() error) error

// NewSink checks that the tables of a generation are as the view's rows and the pace need them.
func (db *DB) NewSink(ctx context.Context, v es.View, g Generation, cfg SinkConfig) (*Sink, error) {
	if cfg.PerSecond <= 0 {
		return nil, errors.New("clickhouse: a sink needs to know how many inserts a second there may be")
	}
	cfg.InsertLifetime = cmp.Or(cfg.InsertLifetime, InsertLifetimeDefault)
	cfg.Takeover = cmp.Or(cfg.Takeover, TakeoverDefault)
	s := &Sink{db: db, g: g, cfg: cfg, tables: map[string]sinkTable{}}
	for _, t := range v.Tables {
		var table sinkTable
		err := db.cfg.again(ctx, func() (err error) { table, err = s.open(ctx, t); return err })
		if err != nil {
			return nil, fmt.Errorf("opening view %s: %w", v.Name, err)
		}
		s.tables[t.Name()] = table
	}
	return s, nil
}

func (s *Sink) open(ctx context.Context, t es.AnyTable) (sinkTable, error) {
	name := s.g.Table(t.Name())
	table := sinkTable{name: name}
	var columns []tableColumn
	err := s.db.Select(ctx, &columns, `SELECT name, type, default_kind FROM system.columns WHERE database = ? AND table = ?
		AND default_kind NOT IN ('MATERIALIZED', 'ALIAS') ORDER BY position`, s.db.cfg.Database, name)
	if err != nil {
		return table, fmt.Errorf("reading the columns of table %s: %w", name, err)
	}
	if len(columns) == 0 {
		return table, fmt.Errorf("clickhouse: database %s has no table %s, which view %s writes: does its SQL file make it?", s.db.cfg.Database, name, s.g.View)
	}
	if table.layout, err = newLayout(name, reflect.TypeOf(t.NewRows()).Elem().Elem(), columns); err != nil {
		return table, err
	}
	if table.engine, err = s.db.engineOf(ctx, name); err != nil {
		return table, err
	}
	if hosts, err := s.db.cfg.hosts(); err != nil || len(hosts) > 1 && !table.engine.replicated() && s.cfg.Without&GuardReplicas == 0 {
		return table, errors.Join(err, fmt.Errorf("clickhouse: table %s: %w", name, errNotReplicated))
	}
	table.newest = newestOf(table.engine, table.layout.row)
	if !table.layout.placed && !table.engine.replaces() {
		return table, fmt.Errorf("clickhouse: table %s needs the columns context, partition and offset, by which the rows of a repeated range are "+
			"found, or an engine that keeps the newest of equal rows (ReplacingMergeTree)", name)
	}
	if s.cfg.Without&GuardWindow == 0 {
		if err := table.engine.assertWindow(name, s.cfg.Pace); err != nil {
			return table, err
		}
	}
	table.insert = insertStatement(s.db.cfg.Database, name, table.layout.types)
	return table, nil
}

func insertStatement(database, table string, columns []ch.ColumnNameAndType) string {
	statement := "INSERT INTO " + database + "." + table + " ("
	for i, c := range columns {
		if i > 0 {
			statement += ", "
		}
		statement += "`" + c.Name + "`"
	}
	return statement + ")"
}

// token names a range for ever: the same range inserted again under it is dropped where it is in already.
func (s *Sink) token(b Batch) string {
	if b.Scattered {
		b.Scattered = false
		return s.token(b) + ":scattered" // the whole range has a token already, and it stands for other rows
	}
	switch {
	case s.cfg.Without&GuardToken != 0:
		return uuid.NewString()
	case s.cfg.Without&GuardGeneration != 0:
		return fmt.Sprintf("%s/%s/%d:%d-%d", s.g.View, b.Context, b.Partition, b.First, b.Last)
	}
	return fmt.Sprintf("%s/%d/%s/%d:%d-%d", s.g.View, s.g.Number, b.Context, b.Partition, b.First, b.Last)
}

// piece is what a range brings for one table.
type piece struct {
	table sinkTable
	rows  any // *[]R
	count int
	token string
}

// Insert inserts the batch into every table and returns the number of rows. Errors that may pass are retried until the
// insert's lifetime is over; then the error is ErrUnavailable, and the range is to be given up for another attempt
// under the same token. Any other error is for a person.
func (s *Sink) Insert(ctx context.Context, attempt Attempt, b Batch) (rows int, err error) {
	pieces, err := s.pieces(ctx, b)
	if err != nil && transient(err) {
		err = s.hopeless(ctx, err, true)
	}
	if err != nil {
		return 0, fmt.Errorf("inserting %s/%d@%d-%d: %w", b.Context, b.Partition, b.First, b.Last, err)
	}
	deadline := time.Now().Add(s.cfg.InsertLifetime)
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	late := time.AfterFunc(s.cfg.InsertLifetime, func() { cancel(context.DeadlineExceeded) })
	defer late.Stop()
	for _, p := range pieces {
		if err := s.insertPiece(ctx, attempt, b, p, deadline); err != nil {
			return rows, fmt.Errorf("inserting %s/%d@%d-%d into %s: %w", b.Context, b.Partition, b.First, b.Last, p.table.name, err)
		}
		rows += p.count
	}
	return rows, nil
}

// pieces returns what is to be inserted, table by table.
func (s *Sink) pieces(ctx context.Context, b Batch) ([]piece, error) {
	var out []piece
	for name, rows := range b.Rows.Each {
		t, ok := s.tables[name]
		if !ok {
			return nil, fmt.Errorf("clickhouse: view %s has no table %s", s.g.View, name)
		}
		if t.newest != nil {
			t.newest.thin(rows)
		}
		p := piece{table: t, rows: rows, token: s.token(b)}
		if _, p.count = t.layout.slice(rows); p.count > 0 && b.Again {
			var err error
			if p, err = s.absent(ctx, b, p); err != nil {
				return nil, err
			}
		}
		if p.count > 0 {
			out = append(out, p)
		}
	}
	return out, nil
}

// insertPiece repeats attempts until the rows are in, the error is permanent, or the time is over. Only a first attempt
// is taken at its word. One under a token that was used before may have been dropped for it, and a token alone proves
// nothing: ClickHouse writes it down before it publishes the rows, so one that is killed in between comes back knowing
// the token and not having the rows.
func (s *Sink) insertPiece(ctx context.Context, attempt Attempt, b Batch, p piece, deadline time.Time) error {
	repeated := b.Again
	for pause, vain := retryPauseMin, 0; vain < vainMax; {
		var failed error
		err := attempt(func() error {
			failed = s.send(ctx, p, deadline)
			return nil
		})
		if err != nil || failed == nil && !repeated {
			return err
		}
		repeated = true
		if failed == nil {
			vain++
		} else if err := s.pause(ctx, p, failed, pause, deadline); err != nil {
			return err
		} else {
			pause = min(2*pause, retryPauseMax)
		}
		if p, err = s.unwritten(ctx, b, p, failed == nil); err != nil {
			return s.hopeless(ctx, err, true)
		}
		if p.count == 0 {
			return nil
		}
	}
	return fmt.Errorf("clickhouse: table %s takes the rows and has not got them: does something delete them, such as a TTL?", p.table.name)
}

// vainMax is how many inserts in a row may succeed and bring nothing.
const vainMax = 3

// pause waits after a failed attempt, or returns what to say if there must not be another.
func (s *Sink) pause(ctx context.Context, p piece, failed error, pause time.Duration, deadline time.Time) error {
	if err := s.hopeless(ctx, failed, time.Until(deadline) < pause); err != nil {
		return err
	}
	if s.cfg.Retried != nil {
		s.cfg.Retried(p.table.name, failed)
	}
	select {
	case <-ctx.Done():
	case <-time.After(pause):
	}
	return nil
}

// hopeless returns nil if what failed may be tried again, and else what to say.
func (s *Sink) hopeless(ctx context.Context, failed error, late bool) error {
	switch {
	case context.Cause(ctx) != nil || transient(failed) && late:
		return fmt.Errorf("%w within %v: %w%s", ErrUnavailable, s.cfg.InsertLifetime, failed, advice(failed))
	case !transient(failed):
		return explain(failed)
	}
	return nil
}

// send makes one attempt, with a batch built anew: the client keeps nothing of one that failed.
//
// A process may sleep anywhere, and wake when its token is long forgotten and somebody else has inserted the range. So the
// clock is asked last of all, when there is nothing left to do but to write what is ready to the connection.
func (s *Sink) send(ctx context.Context, p piece, deadline time.Time) error {
	began := time.Now()
	left := deadline.Sub(began)
	settings := insertSettings(p.token)
	// The server gives up when we do: what it finished later could fall outside the window.
	if s.db.cfg.Replicated {
		settings["insert_quorum_parallel"] = 1 // ranges of many partitions go into one table at a time
	}
	settings["max_execution_time"] = max(int(left/time.Second), 1)
	ctx = ch.Context(ctx, ch.WithSettings(settings), ch.WithColumnNamesAndTypes(p.table.layout.types))
	batch, err := s.db.conn.PrepareBatch(ctx, p.table.insert)
	if err != nil {
		return err
	}
	defer func() { _ = batch.Close() }() // after Send it does nothing; before it, there is nothing to lose
	f, columns := p.table.layout.feeders.take(), batch.Columns()
	if err := f.fill(p.table.layout, p.rows, columns); err != nil {
		return err
	}
	if time.Now().After(deadline) {
		return context.DeadlineExceeded
	}
	if err := batch.Send(); err != nil {
		return err // the client may still read the columns: they are not used again
	}
	f.keep(columns)
	p.table.layout.feeders.give(f)
	if s.cfg.Inserted != nil {
		s.cfg.Inserted(p.table.name, p.count, time.Since(began))
	}
	return nil
}

// insertSettings make an insert synchronous, and known by its token in the table and in the views behind it. Without a
// token, a table with a deduplication window drops every block that is equal to an earlier one, be they other rows, and
// plain MergeTree does so whatever insert_deduplicate says.
func insertSettings(token string) ch.Settings {
	settings := ch.Settings{"async_insert": 0}
	settings["insert_deduplicate"] = 0 // else what has no token is told apart by its content
	if token != "" {
		settings["insert_deduplicate"] = 1
		settings["insert_deduplication_token"] = token
		settings["deduplicate_blocks_in_dependent_materialized_views"] = 1
	}
	return settings
}

func withSettings(ctx context.Context, s ch.Settings) context.Context {
	return ch.Context(ctx, ch.WithSettings(s))
}
