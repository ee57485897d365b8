package rebuild

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/projector"
	"recount/schemas/clickhouse/migrations"
)

func TestMain(m *testing.M) {
	embedded.RunIfChild()
	if config, ok := os.LookupEnv(childVariable); ok {
		os.Exit(runChild(config))
	}
	os.Exit(m.Run())
}

// entry is one row of the append-only table.
type entry struct {
	Context   string `ch:"context"`
	Partition int32  `ch:"partition"`
	Offset    int64  `ch:"offset"`
	Account   string `ch:"account"`
	Version   uint64 `ch:"version"`
	Amount    int64  `ch:"amount"`
}

// noted is an entry of a later revision.
type noted struct {
	Context   string `ch:"context"`
	Partition int32  `ch:"partition"`
	Offset    int64  `ch:"offset"`
	Account   string `ch:"account"`
	Version   uint64 `ch:"version"`
	Amount    int64  `ch:"amount"`
	Note      string `ch:"note"`
}

// mapping is how the test's views map.
type mapping struct {
	Revision int
	// Factor multiplies amounts: another factor gives other rows.
	Factor int64
	// Note adds a column to the ledger.
	Note bool
	// Bad is an amount that can't be mapped; 0: every one can.
	Bad int64
}

func first() mapping { return mapping{Revision: 1, Factor: 1} }

const (
	ledger = "ledger" // appended to, and the newest row of each account beside it
	plain  = "plain"  // appended to alone
)

// bank is a context with two views of the same events.
func (m mapping) bank() es.Context {
	newest, entries := es.NewTable[entry]("newest"), es.NewTable[entry]("plain")
	appended, withNote := es.NewTable[entry]("ledger"), es.NewTable[noted]("ledger")
	row := func(r es.Recorded) entry {
		return entry{r.Context, r.Partition, r.Offset, r.Meta.AggregateID, uint64(r.Meta.Version), m.Factor * r.Event.(int64)}
	}
	both := es.View{Name: ledger, Revision: m.Revision, From: es.FromEvents, Tables: []es.AnyTable{newest, appended}}
	if m.Note {
		both.Tables[1] = withNote
	}
	both.Map = func(r es.Recorded, out *es.Rows) error {
		if m.spoils(r) {
			return errBad
		}
		e := row(r)
		newest.Append(out, e)
		if m.Note {
			withNote.Append(out, noted{e.Context, e.Partition, e.Offset, e.Account, e.Version, e.Amount, r.Type})
		} else {
			appended.Append(out, e)
		}
		return nil
	}
	single := es.View{Name: plain, Revision: m.Revision, From: es.FromEvents, Tables: []es.AnyTable{entries}, Map: func(r es.Recorded, out *es.Rows) error {
		if m.spoils(r) {
			return errBad
		}
		entries.Append(out, row(r))
		return nil
	}}
	return es.Context{Name: "bank", Views: []es.View{both, single}}
}

var errBad = errors.New("no such amount")

func (m mapping) spoils(r es.Recorded) bool { return m.Bad != 0 && r.Event.(int64) == m.Bad }

func (m mapping) render(database string) clickhouse.Render {
	return func(view string, g, window int) (clickhouse.Script, error) {
		columns := "context LowCardinality(String), partition Int32, offset Int64, account String, version UInt64, amount Int64"
		table := func(name, columns, engine string) string {
			return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s.%s_g%d (%s) ENGINE = %s SETTINGS non_replicated_deduplication_window = %d", database, name, g, columns, engine, window)
		}
		public := func(name string) string {
			return fmt.Sprintf("CREATE OR REPLACE VIEW %[1]s.%[2]s AS SELECT *, %[3]d AS generation FROM %[1]s.%[2]s_g%[3]d", database, name, g)
		}
		if view == plain {
			return clickhouse.Script{Tables: []string{table("plain", columns, "MergeTree ORDER BY (partition, offset)")}, Public: []string{public("plain")}}, nil
		}
		s := clickhouse.Script{
			Tables: []string{table("newest", columns, "ReplacingMergeTree(version) ORDER BY account"), table("ledger", columns, "MergeTree ORDER BY (partition, offset)")},
			Public: []string{public("newest"), public("ledger")},
		}
		if m.Note {
			s.Tables[1] = table("ledger", columns+", note String", "MergeTree ORDER BY (partition, offset)")
		}
		return s, nil
	}
}

// textCodec reads values of the form "account version amount".
type textCodec struct{}

func (textCodec) Unknown([]byte) (int, bool)       { return 0, false }
func (textCodec) Learn(context.Context, int) error { return nil }

func (textCodec) Recorded(ctx string, _ es.Stream, partition int32, offset, millis int64, _, value []byte, _ []engine.Header) (es.Recorded, error) {
	r := es.Recorded{Context: ctx, Partition: partition, Offset: offset, Timestamp: millis, Aggregate: "account", Type: "Moved"}
	var amount int64
	_, err := fmt.Sscanf(string(value), "%s %d %d", &r.Meta.AggregateID, &r.Meta.Version, &amount)
	r.Event, r.Meta.RecordedAt = amount, millis
	return r, err
}

const worldPartitions = 3

// world is a broker and a database of its own.
type world struct {
	t        *testing.T
	kafka    kafka.Config
	url      string
	database string
	db       *clickhouse.DB
	producer *kafka.Producer

	mu       sync.Mutex
	versions map[string]int
	events   int
	sum      int64
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	w := &world{
		t: t, kafka: kafka.Config{Brokers: []string{broker.Addr()}}, url: url, versions: map[string]int{},
		database: "r_" + strings.ToLower(strings.NewReplacer("/", "_", " ", "_", ",", "", "'", "").Replace(t.Name())),
	}
	if err := kafka.EnsureTopics(t.Context(), w.kafka, []string{"bank"}, worldPartitions, kafka.Replication{}); err != nil {
		t.Fatal(err)
	}
	var err error
	w.db, err = clickhouse.Open(t.Context(), clickhouse.Config{URL: w.url, Database: w.database})
	if err == nil {
		err = w.db.Migrate(t.Context(), migrations.FS())
	}
	if err == nil {
		w.producer, err = kafka.NewProducer(w.kafka, kafka.ProducerConfig{})
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		w.producer.Close()
		if err := w.db.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// produce adds n events to each partition, of a few accounts each.
func (w *world) produce(n int) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for p := range int32(worldPartitions) {
		for i := range n {
			account := fmt.Sprintf("acct-%d-%d", p, i%7)
			w.versions[account]++
			w.events++
			w.sum += int64(i + 1)
			err := w.producer.Produce(w.t.Context(), kafka.Command{
				Topic: "bank.events", Partition: p, Key: fmt.Appendf(nil, "account/%s/%d", account, w.versions[account]),
				Value: fmt.Appendf(nil, "%s %d %d", account, w.versions[account], i+1),
			}, func(_ int32, _ int64, err error) {
				if err != nil {
					w.t.Error(err)
				}
			})
			if err != nil {
				w.t.Fatal(err)
			}
		}
	}
	if err := w.producer.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// projectors is the configuration of a projector with short times.
func (w *world) projectors(m mapping) projector.Config {
	return projector.Config{
		Kafka: w.kafka, DB: w.db, Contexts: []es.Context{m.bank()}, Codec: textCodec{}, Render: m.render(w.database),
		InsertsPerSecond: 1000, // else a test would wait
		Limits:           kafka.RangeLimits{Records: 50, Age: time.Millisecond, Idle: 100 * time.Millisecond},
		InsertLifetime:   10 * time.Second, SessionTimeout: 6 * time.Second, RebalanceTimeout: 30 * time.Second,
	}
}

// live runs projectors until the test ends or stop is called.
func (w *world) live(m mapping) (p *projector.Projector, stop func()) {
	w.t.Helper()
	p, err := projector.New(w.projectors(m))
	if err != nil {
		w.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := p.Run(ctx); err != nil && !errors.Is(err, context.Canceled) {
			w.t.Log("projectors:", err)
		}
	}()
	stop = func() { cancel(); <-done }
	w.t.Cleanup(stop)
	return p, stop
}

// begin has a first generation of both views that has caught up with n events in each partition.
func (w *world) begin(n int) {
	w.t.Helper()
	w.beginWith(n, first())
}

func (w *world) beginWith(n int, m mapping) (stop func()) {
	w.t.Helper()
	w.produce(n)
	p, stop := w.live(m)
	eventually(w.t, "the views are ready", func() bool { return p.Ready() == nil })
	return stop
}

func (w *world) config(m mapping) Config {
	return Config{Projector: w.projectors(m), Who: "a test", Block: 40, Lanes: 2, ClaimTime: 3 * time.Second, Patience: 3 * time.Second}
}

func (w *world) rebuild(cfg Config, o Options, views ...string) ([]Result, error) {
	w.t.Helper()
	r, err := New(w.t.Context(), cfg)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(views) == 0 {
		views = []string{ledger}
	}
	return r.Rebuild(w.t.Context(), views, o)
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(50 * time.Second); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("it never happened that %s", what)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// count returns the rows and the sum of amounts of a table or view, and the generation that a view shows.
func (w *world) count(table string) (rows uint64, sum int64) {
	w.t.Helper()
	if err := w.db.Row(w.t.Context(), "SELECT count(), sum(amount) FROM "+table).Scan(&rows, &sum); err != nil {
		w.t.Fatal(err)
	}
	return rows, sum
}

// exact returns nil if the views agree with the fold of the events; factor multiplies the amounts.
func (w *world) exact(factor int64) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	rows, sum := w.count("ledger")
	var newest uint64
	err := w.db.Row(w.t.Context(), "SELECT sum(v) FROM (SELECT max(version) AS v FROM newest GROUP BY account)").Scan(&newest)
	if err == nil && (rows != uint64(w.events) || sum != factor*w.sum || newest != uint64(w.events)) {
		err = fmt.Errorf("the ledger has %d rows, sum %d, newest versions %d; the topic %d events, sum %d", rows, sum, newest, w.events, factor*w.sum)
	}
	return err
}

// shown returns the generation that a public name shows.
func (w *world) shown(view string) (g uint16) {
	w.t.Helper()
	if err := w.db.Row(w.t.Context(), "SELECT toUInt16(any(generation)) FROM "+view).Scan(&g); err != nil {
		w.t.Fatal(err)
	}
	return g
}
