package embedded_test

import (
	"context"
	"testing"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"recount/internal/embedded"
)

// startClickHouse starts one on dir and stops it with the test.
func startClickHouse(t *testing.T, o embedded.ClickHouseOptions) *embedded.ClickHouse {
	t.Helper()
	c, err := embedded.StartClickHouse(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return c
}

// connect opens clickhouse-go as the programs here use it, with a database of the test's own.
func connect(t *testing.T, c *embedded.ClickHouse, database string, method clickhouse.CompressionMethod) driver.Conn {
	t.Helper()
	admin := open(t, clientOptions(t, c, "", method))
	execute(t, admin, "CREATE DATABASE IF NOT EXISTS "+database)
	return open(t, clientOptions(t, c, database, method))
}

func open(t *testing.T, o *clickhouse.Options) driver.Conn {
	t.Helper()
	conn, err := clickhouse.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	})
	return conn
}

func clientOptions(t *testing.T, c *embedded.ClickHouse, database string, method clickhouse.CompressionMethod) *clickhouse.Options {
	t.Helper()
	return &clickhouse.Options{
		Addr:        []string{c.Addr()},
		Protocol:    clickhouse.HTTP,
		Auth:        clickhouse.Auth{Database: database, Username: "default"},
		Compression: &clickhouse.Compression{Method: method},
	}
}

func execute(t *testing.T, conn driver.Conn, statement string, args ...any) {
	t.Helper()
	if err := conn.Exec(soon(t), statement, args...); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func count(t *testing.T, conn driver.Conn, query string, args ...any) uint64 {
	t.Helper()
	var n uint64
	if err := conn.QueryRow(soon(t), query, args...).Scan(&n); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return n
}

const accountsTable = `CREATE TABLE accounts (id String, amount Int64, at DateTime64(3,'UTC')) ENGINE = MergeTree ORDER BY id`

func TestClickHouseKeepsItsRowsOverARestart(t *testing.T) {
	t.Parallel()
	o := embedded.ClickHouseOptions{DataDir: t.TempDir()}
	first, err := embedded.StartClickHouse(soon(t), o)
	if err != nil {
		t.Fatal(err)
	}
	conn := connect(t, first, "books", clickhouse.CompressionLZ4)
	execute(t, conn, accountsTable)
	execute(t, conn, "INSERT INTO accounts VALUES ('a', 1, '2026-03-01 00:00:00'), ('b', 2, '2026-03-02 00:00:00')")
	if err := first.Stop(soon(t)); err != nil {
		t.Fatal(err)
	}
	if err := first.Err(); err != nil {
		t.Errorf("a stop that was asked for is no failure: %v", err)
	}

	again := connect(t, startClickHouse(t, o), "books", clickhouse.CompressionLZ4)
	if n := count(t, again, "SELECT count() FROM accounts"); n != 2 {
		t.Errorf("%d rows after the restart, want 2", n)
	}
	if zone := ""; again.QueryRow(soon(t), "SELECT timezone()").Scan(&zone) != nil || zone != "UTC" {
		t.Errorf("the time zone is %q, want UTC", zone)
	}
}
