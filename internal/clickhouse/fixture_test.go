package clickhouse

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"recount/internal/embedded"
	"recount/internal/es"
	"recount/schemas/clickhouse/migrations"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	os.Exit(m.Run())
}

// kind is a named type, as domains have them.
type kind string

// entry is a row with a field of every kind.
type entry struct {
	Context   string  `ch:"context"`
	Partition int32   `ch:"partition"`
	Offset    int64   `ch:"offset"`
	Kind      kind    `ch:"kind"`
	Raw       []byte  `ch:"raw"`
	ID        es.ID   `ch:"id"`
	Chain     es.Hash `ch:"chain"`
	At        int64   `ch:"at,millis"`
	Amount    int64   `ch:"amount"`
	Version   uint64  `ch:"version"`
	Open      bool    `ch:"open"`
	Small     [3]byte `ch:"small"`
	Rate      float64 `ch:"rate"`
}

// total is a row of a second table.
type total struct {
	Context   string `ch:"context"`
	Partition int32  `ch:"partition"`
	Offset    int64  `ch:"offset"`
	Kind      string `ch:"kind"`
	Amount    int64  `ch:"amount"`
}

type fixture struct {
	view    es.View
	entries es.Table[entry]
	totals  es.Table[total]
}

func newFixture() fixture {
	f := fixture{entries: es.NewTable[entry]("entries"), totals: es.NewTable[total]("totals")}
	f.view = es.View{Name: "entries", Revision: 1, From: es.FromEvents, Tables: []es.AnyTable{f.entries, f.totals}}
	return f
}

// render makes the fixture's tables.
func (db *DB) render() Render {
	return func(_ string, g, window int) (Script, error) {
		settings := fmt.Sprintf("SETTINGS non_replicated_deduplication_window = %d", window)
		return Script{
			Tables: []string{
				fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s.entries_g%d (context LowCardinality(String), partition Int32, offset Int64,
					kind LowCardinality(String), raw String, id UUID, chain FixedString(32), at DateTime64(3, 'UTC'), amount Int64,
					version UInt64, open Bool, small FixedString(3), rate Float64, noted DateTime DEFAULT now(), twice Int64 MATERIALIZED 2 * amount)
					ENGINE = MergeTree ORDER BY (context, partition, offset) %s`, db.cfg.Database, g, settings),
				fmt.Sprintf(`CREATE TABLE IF NOT EXISTS %s.totals_g%d (context LowCardinality(String), partition Int32, offset Int64, kind String, amount Int64)
					ENGINE = MergeTree ORDER BY kind %s`, db.cfg.Database, g, settings),
			},
			Public: []string{fmt.Sprintf("CREATE OR REPLACE VIEW %[1]s.entries AS SELECT * FROM %[1]s.entries_g%[2]d", db.cfg.Database, g)},
		}, nil
	}
}

func testPace() Pace {
	return Pace{PerSecond: 20, Takeover: time.Second, InsertLifetime: 2 * time.Second}
}

func always(try func() error) error { return try() }

// batch maps offsets first–last of a partition to rows.
func (f fixture) batch(partition int32, first, last int64) Batch {
	rows := es.NewRows(f.view.Tables...)
	for o := first; o <= last; o++ {
		f.entries.Append(rows, entry{
			Context: "bank", Partition: partition, Offset: o, Kind: "deposit", Raw: []byte{1, 0, 2}, ID: es.ID{15: byte(o)}, Chain: es.Hash{0: byte(o), 31: 9},
			At: 1_700_000_000_123, Amount: o, Version: uint64(o), Open: true, Small: [3]byte{'a', 'b', 'c'}, Rate: 0.5,
		})
		f.totals.Append(rows, total{"bank", partition, o, "deposit", o})
	}
	return Batch{Context: "bank", Partition: partition, First: first, Last: last, Rows: rows}
}

// openAt returns a database named after the test.
func openAt(t *testing.T, url string) *DB {
	t.Helper()
	name := "t_" + strings.ToLower(strings.NewReplacer("/", "_", " ", "_", ",", "", "'", "").Replace(t.Name()))
	db, err := Open(t.Context(), Config{URL: url, Database: name})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := db.Migrate(t.Context(), migrations.FS()); err != nil {
		t.Fatal(err)
	}
	return db
}

// sink returns a sink on generation 1 of the fixture.
func (f fixture) sink(t *testing.T, db *DB, cfg SinkConfig) *Sink {
	t.Helper()
	g, err := db.EnsureView(t.Context(), f.view, cfg.Window(), db.render())
	if err != nil {
		t.Fatal(err)
	}
	s, err := db.NewSink(t.Context(), f.view, g, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func insert(t *testing.T, s *Sink, b Batch) {
	t.Helper()
	if _, err := s.Insert(t.Context(), always, b); err != nil {
		t.Fatal(err)
	}
}

// count returns the rows of a table and the sum of their amounts.
func count(t *testing.T, db *DB, table string) (n uint64, sum int64) {
	t.Helper()
	if err := db.Row(t.Context(), "SELECT count(), sum(amount) FROM "+table).Scan(&n, &sum); err != nil {
		t.Fatal(err)
	}
	return n, sum
}
