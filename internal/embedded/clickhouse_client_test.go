package embedded_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"recount/internal/embedded"
)

// TestClickHouseClient runs what the project does with clickhouse-go against one instance, each in its own database.
func TestClickHouseClient(t *testing.T) {
	t.Parallel()
	c := startClickHouse(t, embedded.ClickHouseOptions{DataDir: t.TempDir()})
	for name, test := range map[string]func(*testing.T, driver.Conn){
		"columnar_batches":    testColumnarBatches,
		"parameters":          testParameters,
		"parameterised_view":  testParameterisedView,
		"exceptions":          testExceptions,
		"deduplication":       testDeduplication,
		"dedup_through_views": testDeduplicationThroughViews,
		"renaming":            testRenaming,
		"settings_stay_apart": testSettingsStayApart,
		"concurrency":         testConcurrency,
		"empty":               testEmpty,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, connect(t, c, name, clickhouse.CompressionLZ4))
		})
	}
	for name, method := range map[string]clickhouse.CompressionMethod{
		"plain": clickhouse.CompressionNone, "lz4": clickhouse.CompressionLZ4, "zstd": clickhouse.CompressionZSTD,
		"gzip": clickhouse.CompressionGZIP, "deflate": clickhouse.CompressionDeflate,
	} {
		t.Run("compression_"+name, func(t *testing.T) {
			t.Parallel()
			testCompression(t, connect(t, c, "compression_"+name, method))
		})
	}
}

var march = time.Date(2026, 3, 1, 12, 0, 0, 123_000_000, time.UTC)

// insert sends rows of accountsTable row by row in one batch.
func insert(ctx context.Context, conn driver.Conn, ids ...string) error {
	batch, err := conn.PrepareBatch(ctx, "INSERT INTO accounts")
	if err != nil {
		return err
	}
	for i, id := range ids {
		if err := batch.Append(id, int64(i), march); err != nil {
			return err
		}
	}
	return batch.Send()
}

// testCompression sends and reads back more than one block, and an exception.
func testCompression(t *testing.T, conn driver.Conn) {
	execute(t, conn, accountsTable)
	const rows = 100_000
	ids := make([]string, rows)
	for i := range ids {
		ids[i] = fmt.Sprintf("acct-%06d", i)
	}
	if err := insert(soon(t), conn, ids...); err != nil {
		t.Fatal(err)
	}
	result, err := conn.Query(soon(t), "SELECT id, amount, at FROM accounts ORDER BY id")
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	n := 0
	for ; result.Next(); n++ {
		var (
			id     string
			amount int64
			at     time.Time
		)
		if err := result.Scan(&id, &amount, &at); err != nil {
			t.Fatal(err)
		}
		if id != ids[n] || amount != int64(n) || !at.Equal(march) {
			t.Fatalf("row %d came back as %s, %d, %v", n, id, amount, at)
		}
	}
	if err := result.Err(); err != nil || n != rows {
		t.Errorf("read %d of %d rows: %v", n, rows, err)
	}
	wantCode(t, conn.Exec(soon(t), "SELECT * FROM nowhere"), 60)
}

func testColumnarBatches(t *testing.T, conn driver.Conn) {
	execute(t, conn, accountsTable)
	batch, err := conn.PrepareBatch(soon(t), "INSERT INTO accounts (at, id, amount)")
	if err != nil {
		t.Fatal(err)
	}
	columns := []any{[]time.Time{march, march.Add(time.Second)}, []string{"a", "b"}, []int64{1, -2}}
	for i, column := range columns {
		if err := batch.Column(i).Append(column); err != nil {
			t.Fatal(err)
		}
	}
	if err := batch.Send(); err != nil {
		t.Fatal(err)
	}
	if n := count(t, conn, "SELECT count() FROM accounts WHERE amount = -2 AND at = toDateTime64('2026-03-01 12:00:01.123', 3, 'UTC')"); n != 1 {
		t.Errorf("%d rows as inserted by column, want 1", n)
	}
}

func testParameters(t *testing.T, conn driver.Conn) {
	const awkward = "O'Neil \\ \"x\"\tü\n;--"
	execute(t, conn, accountsTable)
	if err := insert(soon(t), conn, awkward, "plain"); err != nil {
		t.Fatal(err)
	}
	ctx := clickhouse.Context(soon(t), clickhouse.WithParameters(clickhouse.Parameters{"id": "plain", "n": "1"}))
	var n uint64
	if err := conn.QueryRow(ctx, "SELECT count() FROM accounts WHERE id = {id:String} AND amount = {n:Int64}").Scan(&n); err != nil || n != 1 {
		t.Errorf("server-side parameters: %d rows, %v", n, err)
	}
	if n := count(t, conn, "SELECT count() FROM accounts WHERE id = {id:String}", clickhouse.Named("id", awkward)); n != 1 {
		t.Errorf("an awkward text as server-side parameter: %d rows", n)
	}
	if n := count(t, conn, "SELECT count() FROM accounts WHERE id = ? AND at > ?", awkward, march.Add(-time.Hour)); n != 1 {
		t.Errorf("client-side parameters: %d rows", n)
	}
	if n := count(t, conn, "SELECT count() FROM accounts WHERE at <= {at:DateTime64(3,'UTC')}", clickhouse.DateNamed("at", march, clickhouse.MilliSeconds)); n != 2 {
		t.Errorf("a moment as parameter: %d rows, want 2", n)
	}
}

func testParameterisedView(t *testing.T, conn driver.Conn) {
	execute(t, conn, accountsTable)
	execute(t, conn, "INSERT INTO accounts VALUES ('a', 1, '2026-02-28 23:59:59.999'), ('a', 10, '2026-03-01 00:00:00'), ('a', 100, '2026-03-01 00:00:00.001')")
	execute(t, conn, "CREATE VIEW accounts_as_of AS SELECT id, sum(amount) AS balance FROM accounts WHERE at <= {at:DateTime64(3,'UTC')} GROUP BY id")
	var balance int64
	if err := conn.QueryRow(soon(t), "SELECT balance FROM accounts_as_of(at='2026-03-01 00:00:00')").Scan(&balance); err != nil || balance != 11 {
		t.Errorf("balance as of March: %d, want 11: %v", balance, err)
	}
	wantCode(t, conn.Exec(soon(t), "SELECT * FROM accounts_as_of()"), 456) // the parameter is missing
}

// wantCode checks that err is a typed exception of clickhouse-go.
func wantCode(t *testing.T, err error, code int32) {
	t.Helper()
	var exception *clickhouse.Exception
	if !errors.As(err, &exception) || exception.Code != code {
		t.Errorf("got the error %v, want an exception with the code %d", err, code)
	}
}

func testExceptions(t *testing.T, conn driver.Conn) {
	execute(t, conn, accountsTable)
	for statement, code := range map[string]int32{
		"SELECT * FROM nowhere":                          60,
		"SELECT nothing FROM accounts":                   47,
		"SELEKT 1":                                       62,
		"SELECT 1; SELECT 2":                             62, // a server takes one statement a request
		"INSERT INTO accounts VALUES (1)":                62,
		"CREATE TABLE accounts (x Int8) ENGINE = Memory": 57,
		"SELECT 1 SETTINGS no_such_setting = 1":          115,
		"SELECT throwIf(1, 'beyond the watermark')":      395,
		"USE no_such_database":                           81,
	} {
		wantCode(t, conn.Exec(soon(t), statement), code)
	}
	ctx := clickhouse.Context(soon(t), clickhouse.WithSettings(clickhouse.Settings{"no_such_setting": 1}))
	wantCode(t, conn.Exec(ctx, "SELECT 1"), 115)
	// clickhouse-go overwrites this setting with a deadline of the context, so here is none.
	ctx = clickhouse.Context(context.Background(), clickhouse.WithSettings(clickhouse.Settings{"max_execution_time": 0.2}))
	wantCode(t, conn.Exec(ctx, "SELECT count() FROM numbers(100000000000) WHERE number % 7 = 8"), 159)

	result, err := conn.Query(soon(t), "SELECT throwIf(number = 300000) FROM numbers(400000) SETTINGS max_block_size = 1000, max_threads = 1")
	if err != nil {
		t.Fatalf("the exception came before the first block: %v", err)
	}
	defer result.Close()
	for result.Next() {
	}
	wantCode(t, result.Err(), 395)
}

// dedupTable remembers the tokens of its last 100 inserts, as a table of a projector does.
const dedupTable = `CREATE TABLE accounts (id String, amount Int64, at DateTime64(3,'UTC')) ENGINE = MergeTree ORDER BY id
	SETTINGS non_replicated_deduplication_window = 100`

func withToken(t *testing.T, token string) context.Context {
	t.Helper()
	return clickhouse.Context(soon(t), clickhouse.WithSettings(clickhouse.Settings{
		"async_insert": 0, "insert_deduplication_token": token, "deduplicate_blocks_in_dependent_materialized_views": 1,
	}))
}

func testDeduplication(t *testing.T, conn driver.Conn) {
	execute(t, conn, dedupTable)
	for _, token := range []string{"accounts/1/bank/0:0-1", "accounts/1/bank/0:0-1", "accounts/1/bank/0:2-3"} {
		if err := insert(withToken(t, token), conn, "a", "b"); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, conn, "SELECT count() FROM accounts"); n != 4 {
		t.Errorf("%d rows after two tokens, one of them twice; want 4", n)
	}
	// The window is the table's to set: without one the second insert is another two rows, here as on a server.
	execute(t, conn, "CREATE TABLE forgetful AS accounts ENGINE = MergeTree ORDER BY id")
	for range 2 {
		if err := conn.Exec(withToken(t, "x"), "INSERT INTO forgetful VALUES ('a', 1, 0), ('b', 1, 0)"); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, conn, "SELECT count() FROM forgetful"); n != 4 {
		t.Errorf("%d rows in a table without a window, want 4", n)
	}
}

func testDeduplicationThroughViews(t *testing.T, conn driver.Conn) {
	execute(t, conn, dedupTable)
	execute(t, conn, "CREATE TABLE totals (id String, amount Int64) ENGINE = SummingMergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100")
	execute(t, conn, "CREATE MATERIALIZED VIEW totals_mv TO totals AS SELECT id, amount FROM accounts")
	for range 3 {
		if err := insert(withToken(t, "same"), conn, "zero", "one"); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, conn, "SELECT toUInt64(sum(amount)) FROM totals"); n != 1 {
		t.Errorf("the total behind the view is %d, want 1", n)
	}
}

func testRenaming(t *testing.T, conn driver.Conn) {
	for _, statement := range []string{
		"CREATE TABLE g1 (n UInt64) ENGINE = MergeTree ORDER BY n",
		"CREATE TABLE g2 (n UInt64) ENGINE = MergeTree ORDER BY n",
		"INSERT INTO g1 VALUES (1)",
		"INSERT INTO g2 VALUES (2)",
		"CREATE OR REPLACE VIEW public AS SELECT * FROM g1",
	} {
		execute(t, conn, statement)
	}
	steps := []struct {
		statement string
		want      uint64
	}{
		{"SELECT 1", 1},
		{"CREATE OR REPLACE VIEW public AS SELECT * FROM g2", 2},
		{"EXCHANGE TABLES g1 AND g2", 1},
		{"RENAME TABLE g2 TO g3, g1 TO g2", 2},
		{"CREATE OR REPLACE VIEW public AS SELECT n * 10 AS n FROM g3", 10},
	}
	for _, step := range steps {
		execute(t, conn, step.statement)
		if n := count(t, conn, "SELECT n FROM public"); n != step.want {
			t.Errorf("after %q the view shows %d, want %d", step.statement, n, step.want)
		}
	}
	execute(t, conn, "DROP VIEW public SYNC")
	execute(t, conn, "DROP TABLE g3 SYNC")
}

func testSettingsStayApart(t *testing.T, conn driver.Conn) {
	const ask = "SELECT toUInt64(getSetting('max_block_size'))"
	usual := count(t, conn, ask)
	ctx := clickhouse.Context(soon(t), clickhouse.WithSettings(clickhouse.Settings{"max_block_size": 7}))
	var n uint64
	if err := conn.QueryRow(ctx, ask).Scan(&n); err != nil || n != 7 {
		t.Errorf("a setting of one query: %d, %v", n, err)
	}
	execute(t, conn, "SET max_block_size = 9")
	if n := count(t, conn, ask); n != usual {
		t.Errorf("the next query has the setting %d of an earlier one, want %d", n, usual)
	}
}

func testConcurrency(t *testing.T, conn driver.Conn) {
	execute(t, conn, accountsTable)
	const writers, batches = 4, 10
	var group sync.WaitGroup
	failures := make(chan error, writers*batches*2)
	for range writers {
		group.Go(func() {
			for range batches {
				failures <- insert(soon(t), conn, "a", "b", "c")
				var n uint64
				failures <- conn.QueryRow(soon(t), "SELECT count() FROM accounts").Scan(&n)
			}
		})
	}
	group.Wait()
	close(failures)
	for err := range failures {
		if err != nil {
			t.Error(err)
		}
	}
	if n := count(t, conn, "SELECT count() FROM accounts"); n != writers*batches*3 {
		t.Errorf("%d rows, want %d", n, writers*batches*3)
	}
}

func testEmpty(t *testing.T, conn driver.Conn) {
	execute(t, conn, accountsTable)
	result, err := conn.Query(soon(t), "SELECT * FROM accounts")
	if err != nil {
		t.Fatal(err)
	}
	defer result.Close()
	if result.Next() || result.Err() != nil {
		t.Errorf("an empty table has rows, or: %v", result.Err())
	}
	if err := insert(soon(t), conn); err != nil {
		t.Errorf("an empty batch: %v", err)
	}
}
