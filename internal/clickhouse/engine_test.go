package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/es"
	"recount/schemas/clickhouse/migrations"
)

// TestOnTheEngine runs what needs a ClickHouse, each test in a database of its own.
func TestOnTheEngine(t *testing.T) {
	t.Parallel()
	engine := embeddedtest.ClickHouse(t)
	for name, test := range map[string]func(*testing.T, *DB){
		"every kind of field arrives":             testEveryKind,
		"columns keep nothing but memory":         testFeed,
		"a range inserted again is dropped":       testDroppedAgain,
		"half a range is completed":               testCompleted,
		"a struct that does not fit the table":    testMisfits,
		"a window that is too small":              testWindow,
		"two programs prepare a view at once":     testTwoAtOnce,
		"another revision of the mapping":         testRevision,
		"a table that was dropped":                testDropped,
		"what is permanent stops at once":         testPermanent,
		"a lease that is gone":                    testLease,
		"a token that stands for nothing":         testBurntToken,
		"a generation's token that does":          testBurntGeneration,
		"a table that would not tell":             testUntellable,
		"an outage longer than the window":        testOutage,
		"a question that nobody answers":          testUnansweredLookUp,
		"a sink that opens while it is busy":      testBusyWhileASinkOpens,
		"watermarks and waiting for them":         testWatermarks,
		"a watermark that was not written":        testLostWatermark,
		"waiting while it is away":                testWaitingWhileItIsAway,
		"what a view is known to hold":            testKnown,
		"sums follow their rows":                  testSums,
		"queries":                                 testQueries,
		"a generation made anew is another":       testIncarnation,
		"migrations are applied once and by both": testMigrations,
		"claims":                                testClaims,
		"a release that nobody answers":         testUnansweredRelease,
		"parts are merged as fast as they come": testParts,
		"merges are held back and let go":       testHold,
		"names that read each other":            testReplace,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, openAt(t, engine.URL()))
		})
	}
}

func testEveryKind(t *testing.T, db *DB) {
	f := newFixture()
	s := f.sink(t, db, SinkConfig{Pace: testPace()})
	insert(t, s, f.batch(3, 7, 8))
	var got []struct {
		Line string `ch:"line"`
	}
	err := db.Select(t.Context(), &got, `SELECT concat(context, ' ', partition, ' ', offset, ' ', kind, ' ', hex(raw), ' ', toString(id), ' ', hex(chain), ' ',
		toString(at), ' ', amount, ' ', version, ' ', open, ' ', small, ' ', rate, ' ', twice) AS line FROM entries_g1 ORDER BY offset`)
	if err != nil {
		t.Fatal(err)
	}
	want := "bank 3 7 deposit 010002 00000000-0000-0000-0000-000000000007 07" + strings.Repeat("00", 30) + "09 2023-11-14 22:13:20.123 7 7 true abc 0.5 14"
	if len(got) != 2 || got[0].Line != want {
		t.Errorf("got  %v\nwant %s", got, want)
	}
}

// repeated inserts one range twice, as a worker's death makes it happen.
func repeated(t *testing.T, db *DB, without SinkGuard) uint64 {
	t.Helper()
	f := newFixture()
	s := f.sink(t, db, SinkConfig{Pace: testPace(), Without: without})
	b := f.batch(0, 0, 99)
	insert(t, s, b)
	b.Again = true
	insert(t, s, b)
	insert(t, s, f.batch(0, 100, 109))
	insert(t, s, f.batch(1, 0, 99)) // the same bounds in another partition are other rows
	n, _ := count(t, db, "totals_g1")
	return n
}

func testDroppedAgain(t *testing.T, db *DB) {
	if n := repeated(t, db, 0); n != 210 {
		t.Errorf("%d rows, want 210", n)
	}
	other := &DB{cfg: db.cfg, conn: db.conn}
	for _, table := range []string{"totals_g1", "entries_g1", "generations"} {
		if err := other.Exec(t.Context(), "DROP TABLE "+table+" SYNC"); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Exec(t.Context(), "DROP TABLE "+migrationsTable+" SYNC"); err != nil {
		t.Fatal(err)
	}
	if err := db.Migrate(t.Context(), migrations.FS()); err != nil {
		t.Fatal(err)
	}
	if n := repeated(t, other, GuardToken|GuardLookup); n == 210 {
		t.Error("without the token nothing is doubled: the test proves nothing")
	}
}

func testCompleted(t *testing.T, db *DB) {
	f := newFixture()
	s := f.sink(t, db, SinkConfig{Pace: testPace()})
	b := f.batch(0, 0, 49)
	tables := 0
	died := errors.New("died")
	_, err := s.Insert(t.Context(), func(try func() error) error {
		if tables++; tables == 2 {
			return died
		}
		return try()
	}, b)
	if !errors.Is(err, died) {
		t.Fatal(err)
	}
	b.Again = true
	insert(t, s, b)
	for _, table := range []string{"entries_g1", "totals_g1"} {
		if n, sum := count(t, db, table); n != 50 || sum != 49*50/2 {
			t.Errorf("table %s has %d rows, sum %d", table, n, sum)
		}
	}
}

// TestTheGenerationIsPartOfTheToken has two generations insert the same range into a table they share.
func TestTheGenerationIsPartOfTheToken(t *testing.T) {
	t.Parallel()
	db := openAt(t, embeddedtest.ClickHouse(t).URL())
	f := newFixture()
	shared := func(without SinkGuard) uint64 {
		s := f.sink(t, db, SinkConfig{Pace: testPace(), Without: without})
		if err := db.Exec(t.Context(), "DROP TABLE IF EXISTS shared SYNC"); err != nil {
			t.Fatal(err)
		}
		err := db.Exec(t.Context(), "CREATE TABLE shared AS totals_g1 ENGINE = MergeTree ORDER BY kind SETTINGS non_replicated_deduplication_window = 100")
		if err != nil {
			t.Fatal(err)
		}
		for g := 1; g <= 2; g++ {
			s.g.Number = g
			for name, table := range s.tables {
				table.insert = strings.ReplaceAll(table.insert, "totals_g1", "shared")
				s.tables[name] = table
			}
			insert(t, s, f.batch(0, 0, 9))
		}
		n, _ := count(t, db, "shared")
		return n
	}
	if n := shared(0); n != 20 {
		t.Errorf("%d rows, want those of both generations", n)
	}
	if n := shared(GuardGeneration); n == 20 {
		t.Error("without the generation nothing is dropped: the test proves nothing")
	}
}

func testMisfits(t *testing.T, db *DB) {
	f := newFixture()
	f.sink(t, db, SinkConfig{Pace: testPace()})
	g, _, err := db.Serving(t.Context(), "entries")
	if err != nil {
		t.Fatal(err)
	}
	type missing struct {
		Kind string `ch:"kind"`
	}
	type wrong struct {
		Kind   int64 `ch:"kind"`
		Amount int64 `ch:"amount"`
	}
	type extra struct {
		Kind string `ch:"kind"`
		Sum  int64  `ch:"sum"`
	}
	type odd struct {
		Kind   []string `ch:"kind"`
		Amount *int64   `ch:"amount"`
	}
	for want, table := range map[string]es.AnyTable{
		"column amount has no field":     es.NewTable[missing]("totals"),
		"a int64 fits Int64, not String": es.NewTable[wrong]("totals"),
		`the table has no column "sum"`:  es.NewTable[extra]("totals"),
		"a *int64 cannot be a column":    es.NewTable[odd]("totals"),
		"must be structs":                es.NewTable[string]("totals"),
		"has no table nowhere_g1":        es.NewTable[total]("nowhere"),
	} {
		_, err := db.NewSink(t.Context(), es.View{Name: "entries", Tables: []es.AnyTable{table}}, g, SinkConfig{Pace: testPace()})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

func testWindow(t *testing.T, db *DB) {
	f := newFixture()
	pace := testPace()
	g, err := db.EnsureView(t.Context(), f.view, pace.Window()-1, db.render())
	if err != nil {
		t.Fatal(err)
	}
	_, err = db.NewSink(t.Context(), f.view, g, SinkConfig{Pace: pace})
	if err == nil || !strings.Contains(err.Error(), "MODIFY SETTING") {
		t.Errorf("got %v", err)
	}
	if _, err = db.NewSink(t.Context(), f.view, g, SinkConfig{Pace: pace, Without: GuardWindow}); err != nil {
		t.Error(err)
	}
}

func testTwoAtOnce(t *testing.T, db *DB) {
	f := newFixture()
	var wg sync.WaitGroup
	got := make([]Generation, 8)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = db.EnsureView(t.Context(), f.view, 100, db.render()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, g := range got {
		if g != got[0] || g.Number != 1 || g.Incarnation == "" {
			t.Errorf("one program has %+v, another %+v", got[0], g)
		}
	}
}

func testRevision(t *testing.T, db *DB) {
	f := newFixture()
	f.view.Revision = 2
	if _, err := db.EnsureView(t.Context(), f.view, 100, db.render()); err != nil {
		t.Fatal(err)
	}
	for revision, want := range map[int]string{1: "newer program", 3: "projectors rebuild entries"} {
		f.view.Revision = revision
		if _, err := db.EnsureView(t.Context(), f.view, 100, db.render()); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("revision %d: got %v", revision, err)
		}
	}
}

func testDropped(t *testing.T, db *DB) {
	f := newFixture()
	f.sink(t, db, SinkConfig{Pace: testPace()})
	if err := db.Exec(t.Context(), "DROP TABLE totals_g1 SYNC"); err != nil {
		t.Fatal(err)
	}
	_, err := db.EnsureView(t.Context(), f.view, 100, db.render())
	if err == nil || !strings.Contains(err.Error(), "totals_g1 of generation 1 of view entries is gone") {
		t.Errorf("got %v", err)
	}
}

func testPermanent(t *testing.T, db *DB) {
	f := newFixture()
	retried := 0
	s := f.sink(t, db, SinkConfig{Pace: testPace(), Retried: func(string, error) { retried++ }})
	if err := db.Exec(t.Context(), "DROP TABLE totals_g1 SYNC"); err != nil {
		t.Fatal(err)
	}
	_, err := s.Insert(t.Context(), always, f.batch(0, 0, 9))
	if err == nil || errors.Is(err, ErrUnavailable) || retried > 0 || !strings.Contains(err.Error(), "bank/0@0-9 into totals_g1") {
		t.Errorf("got %v after %d repetitions", err, retried)
	}
}

func testLease(t *testing.T, db *DB) {
	f := newFixture()
	s := f.sink(t, db, SinkConfig{Pace: testPace()})
	gone := errors.New("gone")
	if _, err := s.Insert(t.Context(), func(func() error) error { return gone }, f.batch(0, 0, 9)); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if n, _ := count(t, db, "entries_g1"); n != 0 {
		t.Errorf("%d rows were inserted all the same", n)
	}
}

func testWatermarks(t *testing.T, db *DB) {
	f := newFixture()
	f.sink(t, db, SinkConfig{Pace: testPace()})
	w := db.NewWatermarks()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	waited := make(chan error, 1)
	go func() {
		waited <- db.WaitFor(t.Context(), "entries", es.Position{Context: "bank", Partition: 3, Offset: 41})
	}()
	for next := int64(10); next <= 50; next += 10 {
		w.Publish(Watermark{View: "entries", Generation: 1, Context: "bank", Partition: 3, Next: next, EventTime: 1000 * next, Rows: 10})
	}
	if err := <-waited; err != nil {
		t.Fatal(err)
	}
	w.Publish(Watermark{View: "entries", Generation: 1, Context: "bank", Partition: 4, Next: 7})
	stop()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	var got []struct {
		Position string    `ch:"position"`
		Next     int64     `ch:"next_offset"`
		At       time.Time `ch:"event_time"`
	}
	if err := db.Select(t.Context(), &got, "SELECT position, next_offset, event_time FROM watermarks ORDER BY partition"); err != nil {
		t.Fatal(err)
	}
	if len(got) != 2 || got[0].Position != "bank/3@49" || got[0].At.UnixMilli() != 50_000 || got[1].Next != 7 {
		t.Errorf("got %+v", got)
	}
	short, cancel := context.WithTimeout(t.Context(), 3*time.Second) // one question has to be answered meanwhile, on a busy machine, too
	defer cancel()
	if err := db.WaitFor(short, "entries", es.Position{Context: "bank", Partition: 3, Offset: 50}); err == nil || !strings.Contains(err.Error(), "has not reached bank/3@50: it is at bank/3@49") {
		t.Errorf("got %v", err)
	}
	testWaitingTogether(t, db, f)
}

// testWaitingTogether has many wait for what comes at different times, among them some who leave.
func testWaitingTogether(t *testing.T, db *DB, f fixture) {
	t.Helper()
	var all sync.WaitGroup
	for i := range int64(50) {
		all.Go(func() {
			ctx, leave := context.WithTimeout(t.Context(), 3*time.Minute)
			defer leave()
			at := es.Position{Context: "bank", Partition: 9, Offset: i}
			if i%5 == 0 {
				at.Offset = 1 << 40
				leave()
			}
			if err := db.WaitFor(ctx, f.view.Name, at); (err == nil) != (i%5 != 0) {
				t.Errorf("waiting for %s: %v", at, err)
			}
		})
	}
	for next := int64(10); next <= 50; next += 10 {
		if err := db.Mark(t.Context(), Watermark{View: "entries", Generation: 1, Context: "bank", Partition: 9, Next: next}); err != nil {
			t.Fatal(err)
		}
	}
	all.Wait()
}

func testQueries(t *testing.T, db *DB) {
	got, err := db.Query(t.Context(), "SELECT number AS n, toString(number) AS s FROM numbers(?)", 2)
	if err != nil || len(got.Rows) != 2 || got.Columns[1] != "s" || got.Rows[1][0] != uint64(1) || got.Rows[1][1] != "1" {
		t.Errorf("got %v, %v", got, err)
	}
	if err := db.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	if _, err := db.Query(t.Context(), "SELECT * FROM nowhere"); err == nil || !strings.Contains(err.Error(), "right database") {
		t.Errorf("got %v", err)
	}
}

func testIncarnation(t *testing.T, db *DB) {
	f := newFixture()
	f.sink(t, db, SinkConfig{Pace: testPace()})
	before, _, err := db.Serving(t.Context(), "entries")
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Exec(t.Context(), "DROP DATABASE "+db.cfg.Database+" SYNC"); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, db.cfg.URL)
	f.sink(t, db, SinkConfig{Pace: testPace()})
	after, found, err := db.Serving(t.Context(), "entries")
	if err != nil || !found || after.Incarnation == before.Incarnation {
		t.Errorf("before %+v, after %+v, %v", before, after, err)
	}
}

func testMigrations(t *testing.T, db *DB) {
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := db.Migrate(t.Context(), migrations.FS()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	fresh, err := Open(t.Context(), Config{URL: db.cfg.URL, Database: db.cfg.Database + "_fresh"})
	if err != nil {
		t.Fatal(err)
	}
	for range 4 {
		wg.Go(func() {
			if err := fresh.Migrate(t.Context(), migrations.FS()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := errors.Join(fresh.Migrate(t.Context(), migrations.FS()), fresh.Exec(t.Context(), "SELECT * FROM watermarks"), fresh.Close()); err != nil {
		t.Error(err)
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	t.Parallel()
	_, err := Open(t.Context(), Config{URL: "http://127.0.0.1:1", ConnectTimeout: 100 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "is ClickHouse running") {
		t.Errorf("got %v", err)
	}
	for _, url := range []string{"", "127.0.0.1:8123", "ftp://host", "http://"} {
		if _, err := Open(t.Context(), Config{URL: url}); err == nil || !strings.Contains(err.Error(), "http") {
			t.Errorf("%q: got %v", url, err)
		}
	}
	if _, err := Open(t.Context(), Config{URL: "http://h", Database: "a b"}); err == nil || !strings.Contains(err.Error(), "digits") {
		t.Errorf("got %v", err)
	}
}

// TestTheServerDiesDuringInserts kills the process of ClickHouse again and again while ranges are inserted.
func TestTheServerDiesDuringInserts(t *testing.T) {
	t.Parallel()
	o := embedded.ClickHouseOptions{DataDir: t.TempDir()}
	engine, err := embedded.StartClickHouse(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(engine.Addr(), ":")
	if _, err := fmt.Sscan(port, &o.Port); err != nil {
		t.Fatal(err)
	}
	db := openAt(t, engine.URL())
	f := newFixture()
	retried := 0
	pace := testPace()
	pace.InsertLifetime = 30 * time.Second
	s := f.sink(t, db, SinkConfig{Pace: pace, Retried: func(string, error) { retried++ }})
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stop:
				return
			case <-time.After(150 * time.Millisecond):
			}
			if err := engine.Kill(); err != nil {
				t.Error(err)
			}
			if engine, err = embedded.StartClickHouse(context.WithoutCancel(t.Context()), o); err != nil {
				t.Error(err)
				return
			}
		}
	}()
	last := int64(0)
	for end := time.Now().Add(4 * time.Second); time.Now().Before(end); last += 1000 {
		insert(t, s, f.batch(0, last, last+999))
	}
	close(stop)
	<-stopped
	t.Cleanup(func() {
		if err := engine.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	for _, table := range []string{"entries_g1", "totals_g1"} {
		if n, sum := count(t, db, table); int64(n) != last || sum != last*(last-1)/2 {
			t.Errorf("table %s has %d rows, sum %d, of %d", table, n, sum, last)
		}
	}
	if retried == 0 {
		t.Error("no insert was interrupted: the test proves nothing")
	}
}
