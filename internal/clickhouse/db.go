package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"
)

// DB is a pool of connections to one database. It is safe for use by many goroutines.
type DB struct {
	cfg   Config
	conn  driver.Conn
	waits *waits
}

// Open connects, waits for a server that is still starting, and makes the database where it is missing.
func Open(ctx context.Context, cfg Config) (*DB, error) {
	cfg = cfg.withDefaults()
	// A database that is not there yet cannot be connected to.
	o, err := cfg.options("default")
	if err != nil {
		return nil, err
	}
	first, err := ch.Open(o)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	waiting, cancel := context.WithTimeout(ctx, cfg.ConnectTimeout)
	defer cancel()
	err = cfg.again(waiting, func() error { return cfg.ensureDatabase(waiting, first) })
	if err = errors.Join(err, first.Close()); err != nil {
		return nil, fmt.Errorf("clickhouse: %s: %w%s", cfg.address(), err, advice(err))
	}
	o.Auth.Database = cfg.Database
	conn, err := ch.Open(o)
	if err != nil {
		return nil, fmt.Errorf("clickhouse: %w", err)
	}
	return &DB{cfg: cfg, conn: conn, waits: &waits{}}, nil
}

// ensureDatabase looks before it makes: a user may be allowed to use a database and not to make one.
func (c Config) ensureDatabase(ctx context.Context, conn driver.Conn) error {
	var found uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM system.databases WHERE name = ?", c.Database).Scan(&found); err != nil {
		return err
	}
	if found > 0 {
		return nil
	}
	return conn.Exec(ctx, "CREATE DATABASE IF NOT EXISTS "+c.Database+c.databaseEngine())
}

// Database returns the database's name.
func (db *DB) Database() string { return db.cfg.Database }

// Close closes the connections.
func (db *DB) Close() error { return db.conn.Close() }

// Ping returns nil if the server answers.
func (db *DB) Ping(ctx context.Context) error {
	var one uint8
	return db.Row(ctx, "SELECT 1").Scan(&one)
}

// Exec runs a statement that returns nothing.
func (db *DB) Exec(ctx context.Context, statement string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, db.cfg.QueryTimeout)
	defer cancel()
	return explain(db.conn.Exec(ctx, statement, args...))
}

// Select runs a query and appends its rows to dest, a pointer to a slice of structs with `ch` tags.
func (db *DB) Select(ctx context.Context, dest any, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, db.cfg.QueryTimeout)
	defer cancel()
	return explain(db.conn.Select(ctx, dest, query, args...))
}

// Row is the one row of a query's answer.
type Row struct {
	row    driver.Row
	cancel context.CancelFunc
}

// Row runs a query that answers with one row. Scan must be called.
func (db *DB) Row(ctx context.Context, query string, args ...any) Row {
	ctx, cancel := context.WithTimeout(ctx, db.cfg.QueryTimeout)
	return Row{db.conn.QueryRow(ctx, query, args...), cancel}
}

// Scan copies the row's columns to dest.
func (r Row) Scan(dest ...any) error {
	defer r.cancel()
	return explain(r.row.Scan(dest...))
}

// Table is a query's answer as text, for people.
type Table struct {
	Columns []string
	Rows    [][]any
}

// Query runs any query and returns its answer with Go values as the client gives them.
func (db *DB) Query(ctx context.Context, query string, args ...any) (t Table, err error) {
	ctx, cancel := context.WithTimeout(ctx, db.cfg.QueryTimeout)
	defer cancel()
	rows, err := db.conn.Query(ctx, query, args...)
	if err != nil {
		return t, explain(err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	t.Columns = rows.Columns()
	types := rows.ColumnTypes()
	for rows.Next() {
		values := make([]any, len(types))
		for i, ct := range types {
			values[i] = reflect.New(ct.ScanType()).Interface()
		}
		if err := rows.Scan(values...); err != nil {
			return t, explain(err)
		}
		for i := range values {
			values[i] = reflect.ValueOf(values[i]).Elem().Interface()
		}
		t.Rows = append(t.Rows, values)
	}
	return t, explain(rows.Err())
}

// again repeats try with growing pauses while its error may pass by itself and ctx has time.
func (c Config) again(ctx context.Context, try func() error) error {
	for pause := retryPauseMin; ; pause = min(2*pause, retryPauseMax) {
		err := try()
		if err == nil || !transient(err) {
			return err
		}
		c.Log.Warn("ClickHouse is not available; trying again", "pause", pause, "error", err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
	}
}

const (
	retryPauseMin = 50 * time.Millisecond
	retryPauseMax = 2 * time.Second
)
