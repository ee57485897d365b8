package embedded_test

import (
	"database/sql"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"recount/internal/embedded"
)

// TestClickHouseThroughDatabaseSQL does what a migration tool does: DDL, and a table of versions read and written with
// arguments, inside what it takes for transactions.
func TestClickHouseThroughDatabaseSQL(t *testing.T) {
	t.Parallel()
	c := startClickHouse(t, embedded.ClickHouseOptions{DataDir: t.TempDir()})
	connect(t, c, "books", clickhouse.CompressionLZ4)
	db := clickhouse.OpenDB(clientOptions(t, c, "books", clickhouse.CompressionLZ4))
	defer db.Close()

	must(t, db, `CREATE TABLE versions (version_id Int64, is_applied UInt8, date Date DEFAULT now(), tstamp DateTime DEFAULT now())
		ENGINE = MergeTree ORDER BY date`)
	for version := range 3 {
		tx, err := db.BeginTx(soon(t), nil)
		if err != nil {
			t.Fatal(err)
		}
		must(t, tx, "-- a comment; with a semicolon\nALTER TABLE versions ADD COLUMN IF NOT EXISTS note String")
		must(t, tx, "INSERT INTO versions (version_id, is_applied, note) VALUES ($1, $2, $3)", version, 1, "it's; done")
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	rows, err := db.QueryContext(soon(t), "SELECT version_id, is_applied, tstamp FROM versions WHERE note = ? ORDER BY version_id DESC", "it's; done")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []int64
	for rows.Next() {
		var (
			version int64
			applied bool
			at      time.Time
		)
		if err := rows.Scan(&version, &applied, &at); err != nil {
			t.Fatal(err)
		}
		if !applied || time.Since(at).Abs() > time.Hour {
			t.Errorf("version %d: applied %v at %v", version, applied, at)
		}
		got = append(got, version)
	}
	if err := rows.Err(); err != nil || len(got) != 3 || got[0] != 2 {
		t.Errorf("versions %v: %v", got, err)
	}

	insertPrepared(t, db)
	var n int
	if err := db.QueryRowContext(soon(t), "SELECT count() FROM versions").Scan(&n); err != nil || n != 5 {
		t.Errorf("%d rows after a prepared batch, want 5: %v", n, err)
	}
}

// insertPrepared inserts two rows the way database/sql does batches.
func insertPrepared(t *testing.T, db *sql.DB) {
	t.Helper()
	tx, err := db.BeginTx(soon(t), nil)
	if err != nil {
		t.Fatal(err)
	}
	statement, err := tx.PrepareContext(soon(t), "INSERT INTO versions (version_id, is_applied)")
	if err != nil {
		t.Fatal(err)
	}
	for version := range 2 {
		if _, err := statement.ExecContext(soon(t), int64(version), uint8(0)); err != nil {
			t.Fatal(err)
		}
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, db interface {
	Exec(query string, args ...any) (sql.Result, error)
}, query string, args ...any) {
	t.Helper()
	if _, err := db.Exec(query, args...); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}
