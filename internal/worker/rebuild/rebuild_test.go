package rebuild

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/embedded/embeddedtest"
)

// TestOnOneEngine runs what kills nobody, each test in a database and with a broker of its own.
func TestOnOneEngine(t *testing.T) {
	t.Parallel()
	url := embeddedtest.ClickHouse(t).URL()
	for name, test := range map[string]func(*testing.T, *world){
		"a new generation takes over and is followed":  testTakeOver,
		"who asks meanwhile sees one whole generation": testAnalysts,
		"a staged generation is shown to nobody":       testStage,
		"a wrong row is noticed":                       testWrongRow,
		"so is one in what serves":                     testDamage,
		"a mapping changed without a new revision":     testSilentChange,
		"a new column is a new generation":             testNewColumn,
		"two rebuilds of one view":                     testTwoAtOnce,
		"back and forth":                               testRollback,
		"back to what another revision filled":         testRollbackRevision,
		"from a position":                              testFrom,
		"generations that are no longer kept":          testKeep,
		"without any projector":                        testAlone,
		"one aggregate is mended":                      testMend,
		"events of every schema version":               testEvolution,
		"a switch left in the middle":                  testRollForward,
		"what an earlier start has built otherwise":    testFresh,
		"what is parked is parked again":               testParked,
		"what is parked below the start is copied":     testParkedFrom,
		"an aggregate that is parked is not mended":    testParkedMend,
		"a view that a table cannot be compared of":    testUnplaced,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, url))
		})
	}
}

func testTakeOver(t *testing.T, w *world) {
	w.begin(200)
	results, err := w.rebuild(w.config(first()), Options{Keep: 1}, ledger, plain)
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != 2 || results[0] != (Result{View: ledger, Generation: 2, Serves: true}) || w.shown(ledger) != 2 || w.shown("newest") != 2 || w.shown(plain) != 2 {
		t.Errorf("%+v", results)
	}
	w.produce(100)
	eventually(t, "the new generation is followed", func() bool { n, _ := w.count("ledger"); return n == 900 })
	if err := w.exact(1); err != nil {
		t.Error(err)
	}
}

// testAnalysts asks all the time while a view is rebuilt and events keep coming.
func testAnalysts(t *testing.T, w *world) {
	w.begin(200)
	var wg sync.WaitGroup
	var queries atomic.Int64
	stop := make(chan struct{})
	for _, view := range []string{"ledger", "newest"} {
		wg.Go(func() {
			least := uint64(0)
			for {
				select {
				case <-stop:
					return
				case <-time.After(10 * time.Millisecond):
				}
				var generations, rows uint64
				if err := w.db.Row(t.Context(), "SELECT uniqExact(generation), sum(version > 0) FROM (SELECT account, max(version) AS version, any(generation) AS generation FROM "+view+" GROUP BY account)").Scan(&generations, &rows); err != nil {
					t.Error(err)
					return
				}
				if generations != 1 || rows < least {
					t.Errorf("%s: %d generations at once, %d accounts after %d", view, generations, rows, least)
				}
				least = rows
				queries.Add(1)
			}
		})
	}
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			case <-time.After(50 * time.Millisecond):
				w.produce(3)
			}
		}
	})
	cfg := w.config(first())
	cfg.Block = 1000
	for i := range 2 {
		if _, err := w.rebuild(cfg, Options{Keep: 1}); err != nil {
			t.Fatal(err)
		}
		if g := w.shown(ledger); int(g) != i+2 {
			t.Errorf("generation %d serves", g)
		}
	}
	close(stop)
	wg.Wait()
	eventually(t, "all is in", func() bool { return w.exact(1) == nil })
	if queries.Load() < 20 {
		t.Errorf("only %d queries", queries.Load())
	}
}

func testStage(t *testing.T, w *world) {
	w.begin(100)
	results, err := w.rebuild(w.config(first()), Options{Stage: true})
	if err != nil || results[0] != (Result{View: ledger, Generation: 2}) || w.shown(ledger) != 1 {
		t.Fatalf("%+v, %v", results, err)
	}
	w.produce(50)
	results, err = w.rebuild(w.config(first()), Options{Keep: 1})
	if err != nil || results[0] != (Result{View: ledger, Generation: 2, Serves: true}) || w.shown(ledger) != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	if err := w.exact(1); err != nil {
		t.Error(err)
	}
}

// spoil changes one row of a table that is appended to.
func (w *world) spoil(table string) {
	w.t.Helper()
	err := w.db.Exec(w.t.Context(), "ALTER TABLE "+table+" UPDATE amount = amount + 1 WHERE partition = 1 AND offset = 17 SETTINGS mutations_sync = 1")
	if err != nil {
		w.t.Fatal(err)
	}
}

func testWrongRow(t *testing.T, w *world) {
	w.begin(100)
	if _, err := w.rebuild(w.config(first()), Options{Stage: true}); err != nil {
		t.Fatal(err)
	}
	w.spoil("ledger_g2")
	_, err := w.rebuild(w.config(first()), Options{})
	if !errors.Is(err, ErrDiffers) || w.shown(ledger) != 1 {
		t.Fatalf("generation %d serves after %v", w.shown(ledger), err)
	}
	for _, part := range []string{"columns that differ: amount", "bank/1: 100 rows before, 100 now", "bank/1@17: generation 1 has amount=18, generation 2 amount=19", "--expect-change"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("it does not say %q: %v", part, err)
		}
	}
	cfg := w.config(first())
	cfg.Without = GuardCompare
	if _, err := w.rebuild(cfg, Options{}); err != nil || w.exact(1) == nil {
		t.Errorf("without comparing nothing is wrong (%v): the test proves nothing", err)
	}
}

func testDamage(t *testing.T, w *world) {
	w.begin(100)
	w.spoil("ledger_g1")
	if _, err := w.rebuild(w.config(first()), Options{}); !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), "If generation 1 was damaged") {
		t.Fatal(err)
	}
	results, err := w.rebuild(w.config(first()), Options{ExpectChange: true})
	if err != nil || !results[0].Changed || results[0].Generation != 2 {
		t.Fatalf("%+v, %v", results, err)
	}
	if err := w.exact(1); err != nil {
		t.Error(err)
	}
}

func testSilentChange(t *testing.T, w *world) {
	w.begin(50)
	_, err := w.rebuild(w.config(mapping{Revision: 1, Factor: 3}), Options{})
	if !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), "raise its Revision") || w.shown(ledger) != 1 {
		t.Errorf("generation %d serves after %v", w.shown(ledger), err)
	}
	if err := w.exact(1); err != nil {
		t.Error(err)
	}
}

// testNewColumn has the projectors of an older program beside the new one's. Who adds a column and keeps the revision is
// refused: there is no way for a column into a generation that is there.
func testNewColumn(t *testing.T, w *world) {
	w.begin(80)
	stray, end := w.live(mapping{Revision: 1, Factor: 1, Note: true})
	eventually(t, "the same revision with a new column is refused", func() bool {
		err := stray.Ready()
		return err != nil && strings.Contains(err.Error(), `the table has no column "note"`)
	})
	end()
	next := mapping{Revision: 2, Factor: 1, Note: true}
	waiting, _ := w.live(next)
	eventually(t, "the new program waits for a generation of its own", func() bool {
		err := waiting.Ready()
		return err != nil && strings.Contains(err.Error(), "projectors rebuild ledger")
	})
	_, err := w.rebuild(w.config(next), Options{})
	if !errors.Is(err, ErrDiffers) || !strings.Contains(err.Error(), "ledger: new columns: note") || strings.Contains(err.Error(), "rows before") {
		t.Fatal(err)
	}
	results, err := w.rebuild(w.config(next), Options{ExpectChange: true, Keep: 1}, ledger, plain)
	if err != nil || len(results) != 2 || !results[0].Changed || results[1].Changed {
		t.Fatalf("%+v, %v", results, err)
	}
	var noted uint64
	if err := w.db.Row(t.Context(), "SELECT countIf(note = 'Moved') FROM ledger").Scan(&noted); err != nil || noted != 240 {
		t.Errorf("%d rows have the new column, %v", noted, err)
	}
	w.produce(40)
	eventually(t, "the new program follows", func() bool { return waiting.Ready() == nil && w.exact(1) == nil })
	if n, _ := w.count("ledger_g1"); n != 240 {
		t.Errorf("the old generation is still followed: %d rows", n)
	}
}

// stopping waits at a point until it is told to go on.
type stopping struct {
	unobserved
	point   Point
	reached chan struct{}
	goOn    chan struct{}
}

func (s stopping) At(_ string, p Point) {
	if p == s.point {
		s.reached <- struct{}{}
		<-s.goOn
	}
}

func testTwoAtOnce(t *testing.T, w *world) {
	w.begin(30)
	s := stopping{point: Made, reached: make(chan struct{}), goOn: make(chan struct{})}
	cfg := w.config(first())
	cfg.Observer, cfg.Who = s, "ada@bank, process 7"
	done := make(chan error)
	go func() {
		_, err := w.rebuild(cfg, Options{})
		done <- err
	}()
	<-s.reached
	time.Sleep(2 * cfg.ClaimTime) // it is renewed
	_, err := w.rebuild(w.config(first()), Options{}, plain, ledger)
	if !errors.Is(err, clickhouse.ErrClaimed) || !strings.Contains(err.Error(), "view ledger") || !strings.Contains(err.Error(), "ada@bank, process 7") {
		t.Errorf("got %v", err)
	}
	if _, err := w.rebuild(w.config(first()), Options{}, plain); err != nil {
		t.Errorf("another view: %v", err)
	}
	close(s.goOn)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := w.rebuild(w.config(first()), Options{}); err != nil {
		t.Errorf("the claim outlives its holder: %v", err)
	}
}

func testRollback(t *testing.T, w *world) {
	w.begin(60)
	r, err := New(t.Context(), w.config(first()))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rollback(t.Context(), ledger, RollbackOptions{}); err == nil || !strings.Contains(err.Error(), "no generation of view ledger is kept") {
		t.Errorf("got %v", err)
	}
	if _, err := r.Rebuild(t.Context(), []string{ledger}, Options{Keep: 1}); err != nil {
		t.Fatal(err)
	}
	if result, err := r.Rollback(t.Context(), ledger, RollbackOptions{To: 2}); err != nil || !result.Serves || w.shown(ledger) != 2 {
		t.Errorf("what serves already: %+v, %v", result, err)
	}
	if _, err := r.Rollback(t.Context(), ledger, RollbackOptions{To: 7}); err == nil || !strings.Contains(err.Error(), "it is not kept") {
		t.Errorf("got %v", err)
	}
	for _, want := range []int{1, 2, 1} {
		w.produce(40)
		result, err := r.Rollback(t.Context(), ledger, RollbackOptions{})
		if err != nil || result != (Result{View: ledger, Generation: want, Serves: true}) || int(w.shown(ledger)) != want || int(w.shown("newest")) != want {
			t.Fatalf("%+v, %v", result, err)
		}
		w.produce(40)
		eventually(t, "it is followed", func() bool { n, _ := w.count(ledger); return n >= uint64(w.events) })
		if err := w.exact(1); err != nil {
			t.Error(err)
		}
	}
}

func testRollbackRevision(t *testing.T, w *world) {
	w.begin(60)
	next := mapping{Revision: 2, Factor: 3}
	r, err := New(t.Context(), w.config(next))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Rebuild(t.Context(), []string{ledger}, Options{Keep: 1, ExpectChange: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.exact(3); err != nil {
		t.Error(err)
	}
	if _, err := r.Rollback(t.Context(), ledger, RollbackOptions{}); err == nil || !strings.Contains(err.Error(), "--stale") {
		t.Errorf("got %v", err)
	}
	if _, err := r.Rollback(t.Context(), ledger, RollbackOptions{Stale: true}); err != nil || w.shown(ledger) != 1 {
		t.Errorf("generation %d serves, %v", w.shown(ledger), err)
	}
	w.produce(10)
	eventually(t, "the older program follows it again", func() bool { return w.exact(1) == nil })
}

func testFrom(t *testing.T, w *world) {
	w.begin(100)
	from := clickhouse.Vector{"bank": {0: 50, 1: 100, 2: 0}}
	if _, err := w.rebuild(w.config(first()), Options{From: from}, ledger); err == nil || !strings.Contains(err.Error(), "keeps only the newest row") {
		t.Errorf("got %v", err)
	}
	// Rows before the start are copied as they are, damage and all: only what comes after is mapped.
	if err := w.db.Exec(t.Context(), "ALTER TABLE plain_g1 UPDATE amount = 7777 WHERE partition = 0 AND offset IN (10, 60) SETTINGS mutations_sync = 1"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.rebuild(w.config(first()), Options{From: from, ExpectChange: true}, plain); err != nil {
		t.Fatal(err)
	}
	var wrong, n uint64
	err := w.db.Row(t.Context(), "SELECT countIf(amount = 7777 AND offset = 10), countIf(amount = 7777) FROM plain").Scan(&wrong, &n)
	rows, _ := w.count(plain)
	if err != nil || wrong != 1 || n != 1 || rows != 300 || w.shown(plain) != 2 {
		t.Errorf("%d and %d rows are as they were, of %d, %v", wrong, n, rows, err)
	}
}

func testKeep(t *testing.T, w *world) {
	w.begin(20)
	for range 3 {
		if _, err := w.rebuild(w.config(first()), Options{Keep: 1}); err != nil {
			t.Fatal(err)
		}
	}
	r, err := New(t.Context(), w.config(first()))
	if err != nil {
		t.Fatal(err)
	}
	states := func() string {
		all, err := w.db.Generations(t.Context(), ledger)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, g := range all {
			out = append(out, string(g.State))
		}
		return strings.Join(out, " ")
	}
	if got := states(); got != "dropped dropped kept serving" {
		t.Error(got)
	}
	if err := r.Drop(t.Context(), ledger, 4); err == nil || !strings.Contains(err.Error(), "can't be dropped") {
		t.Errorf("got %v", err)
	}
	if err := r.Drop(t.Context(), ledger, 3); err != nil || states() != "dropped dropped dropped serving" {
		t.Errorf("%s, %v", states(), err)
	}
	var tables uint64
	if err := w.db.Row(t.Context(), "SELECT count() FROM system.tables WHERE database = ? AND match(name, '^(ledger|newest)_g[123]$')", w.database).Scan(&tables); err != nil || tables != 0 {
		t.Errorf("%d tables are left, %v", tables, err)
	}
}

// testAlone rebuilds a view that nobody keeps, and one that there never was.
func testAlone(t *testing.T, w *world) {
	w.produce(100)
	for generation := range 2 {
		if results, err := w.rebuild(w.config(first()), Options{}); err != nil || results[0].Generation != generation+1 || !results[0].Serves {
			t.Fatalf("%+v, %v", results, err)
		}
		if err := w.exact(1); err != nil {
			t.Error(err)
		}
		w.produce(30)
	}
	p, _ := w.live(first())
	eventually(t, "projectors take it up", func() bool { return p.Ready() == nil })
	if err := w.exact(1); err != nil {
		t.Error(err)
	}
}

// testRollForward leaves a switch when one of two names shows the new generation.
func testRollForward(t *testing.T, w *world) {
	w.begin(40)
	if _, err := w.rebuild(w.config(first()), Options{Stage: true}); err != nil {
		t.Fatal(err)
	}
	all, err := w.db.Generations(t.Context(), ledger)
	if err == nil {
		_, err = w.db.Move(t.Context(), all[1], clickhouse.StateSwitching)
	}
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "projectors finish it", func() bool { return w.shown(ledger) == 2 && w.shown("newest") == 2 })
	eventually(t, "it is recorded", func() bool {
		g, _, err := w.db.Serving(t.Context(), ledger)
		return err == nil && g.Number == 2
	})
}

func testFresh(t *testing.T, w *world) {
	w.begin(40)
	if _, err := w.rebuild(w.config(first()), Options{Stage: true}); err != nil {
		t.Fatal(err)
	}
	results, err := w.rebuild(w.config(first()), Options{Stage: true, Fresh: true})
	if err != nil || results[0].Generation != 3 {
		t.Fatalf("%+v, %v", results, err)
	}
	results, err = w.rebuild(w.config(mapping{Revision: 2, Factor: 1}), Options{})
	if err != nil || results[0].Generation != 4 || results[0].Changed {
		t.Errorf("%+v, %v", results, err)
	}
}
