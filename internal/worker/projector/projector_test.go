package projector

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/es"
	"recount/internal/kafka"
)

// TestOnOneEngine runs what needs ClickHouse and does not kill it, each test in a database and with a broker of its own.
func TestOnOneEngine(t *testing.T) {
	t.Parallel()
	url := embeddedtest.ClickHouse(t).URL()
	for name, test := range map[string]func(*testing.T, *world){
		"views follow and tell how far they are":   testFollow,
		"what is news is told of, and nothing old": testTellsNews,
		"two members share and hand over":          testTwoMembers,
		"a mapping that fails parks its aggregate": func(t *testing.T, w *world) { testParks(t, w, poison, "no such amount") },
		"so does one that panics":                  func(t *testing.T, w *world) { testParks(t, w, venom, "it panicked: no such amount at all") },
		"nothing is let through behind what waits": testOrderIsAGuard,
		"parked events outlive their projector":    testRelease,
		"a release that comes to nothing":          testVainRelease,
		"a discarded event is recorded":            testDiscard,
		"another takes over what is parked":        testParkedRebalance,
		"operators are told what came of it":       testDesk,
		"more than can be parked":                  testTooMany,
		"an upcast that panics":                    testUpcast,
		"a record nobody can read":                 testGarbage,
		"a schema to be learned":                   testLearning,
		"offsets that are gone":                    testLostOffsets,
		"watermarks that were not written":         testLostWatermarks,
		"a database that was dropped":              testDroppedDatabase,
		"records that are no rows":                 testNoRows,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, url))
		})
	}
}

func testFollow(t *testing.T, w *world) {
	w.produce(50)
	r := start(t, w.config(ledgerOnly()))
	eventually(t, "it is ready", func() bool { return r.Ready() == nil })
	if !w.complete() {
		t.Error("it says it is ready, and has not caught up")
	}
	w.write(1, "acct-new", 7)
	w.flush()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := w.db.WaitFor(ctx, "ledger", es.Position{Context: "bank", Partition: 1, Offset: 50}); err != nil {
		t.Fatal(err)
	}
	if err := w.exact(); err != nil {
		t.Error(err)
	}
	status := r.Status()
	if len(status) != 1 || len(status[0].Partitions) != worldPartitions || status[0].Generation != 1 || status[0].Err != nil {
		t.Fatalf("got %+v", status)
	}
	for i, p := range status[0].Partitions {
		if p.Position != []int64{50, 51}[i] || p.LagRecords() != 0 || p.Lag(time.Now()) != 0 || time.Since(p.EventTime) > time.Minute {
			t.Errorf("got %+v", p)
		}
	}
	if err := r.end(t); err != nil {
		t.Fatal(err)
	}
	second := start(t, w.config(ledgerOnly()))
	eventually(t, "it is ready again", func() bool { return second.Ready() == nil })
	if err := errors.Join(second.end(t), w.exact()); err != nil {
		t.Error(err)
	}
}

func testTwoMembers(t *testing.T, w *world) {
	cfg := w.config(ledgerOnly())
	cfg.InstanceID = ""
	first := start(t, cfg)
	w.produce(60)
	cfg.Limits.Records = 13
	second := start(t, cfg)
	w.produce(60)
	owned := func(r *running) int { return len(r.Status()[0].Partitions) }
	eventually(t, "each has one partition", func() bool { return owned(first) == 1 && owned(second) == 1 })
	w.produce(60)
	if err := first.end(t); err != nil {
		t.Fatal(err)
	}
	w.produce(60)
	eventually(t, "all is in", w.complete)
	if err := errors.Join(second.end(t), w.exact()); err != nil {
		t.Error(err)
	}
}

func testGarbage(t *testing.T, w *world) {
	w.produce(3)
	if err := w.producer.Produce(t.Context(), kafka.Command{Topic: "bank.events", Value: []byte("?")}, func(int32, int64, error) {}); err != nil {
		t.Fatal(err)
	}
	w.flush()
	err := start(t, w.config(ledgerOnly())).ended(t)
	if err == nil || !strings.Contains(err.Error(), "decoding the record at bank.events/0@3") {
		t.Errorf("got %v", err)
	}
}

// learning is a codec that must be taught each schema, by a registry that is away at first.
type learning struct {
	textCodec
	mu     sync.Mutex
	asked  int
	taught bool
}

func (l *learning) Unknown([]byte) (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return 42, !l.taught
}

func (l *learning) Learn(_ context.Context, id int) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.asked++; l.asked < 3 || id != 42 {
		return errors.New("the registry is away")
	}
	l.taught = true
	return nil
}

func testLearning(t *testing.T, w *world) {
	w.produce(10)
	cfg := w.config(ledgerOnly())
	cfg.Codec = &learning{}
	r := start(t, cfg)
	eventually(t, "all is in", w.complete)
	if err := errors.Join(r.end(t), w.exact()); err != nil {
		t.Error(err)
	}
}

func testLostOffsets(t *testing.T, w *world) {
	w.produce(10)
	r := start(t, w.config(ledgerOnly()))
	eventually(t, "all is in", w.complete)
	if err := r.end(t); err != nil {
		t.Fatal(err)
	}
	// A broker that has lost its groups: another one with the same topics.
	other := newWorld(t, w.url)
	other.db, other.database = w.db, w.database
	other.produce(10)
	err := start(t, other.config(ledgerOnly())).ended(t)
	if err == nil || !strings.Contains(err.Error(), "rebuild the view") || !strings.Contains(err.Error(), "its offsets expired") {
		t.Errorf("got %v", err)
	}
	if err := w.exact(); err != nil {
		t.Error(err)
	}
}

// testLostWatermarks: a crash between the group's commit and the watermark must not leave the view behind for good.
func testLostWatermarks(t *testing.T, w *world) {
	w.produce(10)
	r := start(t, w.config(ledgerOnly()))
	eventually(t, "all is in", w.complete)
	if err := errors.Join(r.end(t), w.db.Exec(t.Context(), "TRUNCATE TABLE watermark_rows")); err != nil {
		t.Fatal(err)
	}
	r = start(t, w.config(ledgerOnly()))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for p := range int32(worldPartitions) {
		if err := w.db.WaitFor(ctx, "ledger", es.Position{Context: "bank", Partition: p, Offset: 9}); err != nil {
			t.Error(err)
		}
	}
	if err := errors.Join(r.end(t), w.exact()); err != nil {
		t.Error(err)
	}
}

func testDroppedDatabase(t *testing.T, w *world) {
	w.produce(10)
	r := start(t, w.config(ledgerOnly()))
	eventually(t, "all is in", w.complete)
	if err := errors.Join(r.end(t), w.db.Exec(t.Context(), "DROP DATABASE "+w.database+" SYNC")); err != nil {
		t.Fatal(err)
	}
	w.db = open(t, w.url, w.database)
	r = start(t, w.config(ledgerOnly()))
	eventually(t, "all is in again", w.complete)
	if err := errors.Join(r.end(t), w.exact()); err != nil {
		t.Error(err)
	}
}

func testNoRows(t *testing.T, w *world) {
	for range 30 {
		w.write(0, "acct", ignored)
	}
	w.flush()
	c := bankContext()
	c.Views = c.Views[1:]
	r := start(t, w.config(c))
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	if err := w.db.WaitFor(ctx, "picky", es.Position{Context: "bank", Partition: 0, Offset: 29}); err != nil {
		t.Error(err)
	}
	if err := r.end(t); err != nil {
		t.Error(err)
	}
}

func TestAnswersToConfigurationsThatCannotWork(t *testing.T) {
	t.Parallel()
	good := Config{DB: &clickhouse.DB{}, Contexts: []es.Context{ledgerOnly()}, Codec: textCodec{}, Render: render("x")}
	if _, err := New(good); err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(*Config){
		"a database":      func(c *Config) { c.DB = nil },
		"no context":      func(c *Config) { c.Contexts = nil },
		"declare no view": func(c *Config) { c.Contexts = []es.Context{{Name: "empty"}} },
		"insert lifetime": func(c *Config) { c.InsertLifetime = time.Minute },
		"concurrency":     func(c *Config) { c.Concurrency = -1 },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want it to say %q", err, want)
		}
	}
}

// TestClickHouseDiesWhileProjecting kills the process of ClickHouse again and again.
func TestClickHouseDiesWhileProjecting(t *testing.T) {
	t.Parallel()
	engine, options := startEngine(t)
	w := newWorld(t, engine.URL())
	retried := &retries{}
	cfg := w.config(ledgerOnly())
	cfg.Observer = retried
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	cfg.Limits.Records = 50
	r := start(t, cfg)
	eventually(t, "it has begun", func() bool { return r.Ready() == nil })
	for range 5 {
		w.produce(300)
		if err := engine.Kill(); err != nil { // in the middle of what was produced
			t.Fatal(err)
		}
		w.produce(30) // for nobody
		var err error
		if engine, err = embedded.StartClickHouse(context.WithoutCancel(t.Context()), options); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all is in", w.complete)
	if err := errors.Join(r.end(t), w.exact(), engine.Stop(context.WithoutCancel(t.Context()))); err != nil {
		t.Error(err)
	}
	if retried.count() == 0 {
		t.Error("no insert was interrupted: the test proves nothing")
	}
}

type retries struct {
	unobserved
	mu sync.Mutex
	n  int
}

func (r *retries) Retried(string, string) { r.mu.Lock(); defer r.mu.Unlock(); r.n++ }
func (r *retries) count() int             { r.mu.Lock(); defer r.mu.Unlock(); return r.n }
