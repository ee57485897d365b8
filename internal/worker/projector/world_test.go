package projector

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/embedded"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
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

// newest is one row of the table that keeps the newest of each account.
type newest struct {
	Account string `ch:"account"`
	Version uint64 `ch:"version"`
	Amount  int64  `ch:"amount"`
}

// bankContext has a view of two tables, and one of the same events that fails at what it cannot map.
func bankContext() es.Context {
	return es.Context{Name: "bank", Views: []es.View{ledgerView(), pickyView(false)}}
}

func ledgerView() es.View {
	entries, latest := es.NewTable[entry]("ledger"), es.NewTable[newest]("newest")
	return es.View{Name: "ledger", Revision: 1, From: es.FromEvents, Tables: []es.AnyTable{entries, latest}, Map: func(r es.Recorded, out *es.Rows) error {
		amount := r.Event.(int64)
		entries.Append(out, entry{r.Context, r.Partition, r.Offset, r.Meta.AggregateID, uint64(r.Meta.Version), amount})
		latest.Append(out, newest{r.Meta.AggregateID, uint64(r.Meta.Version), amount})
		return nil
	}}
}

// pickyView has two tables as well, and fails behind the first of them at what it cannot map, unless it was mended.
func pickyView(mended bool) es.View {
	entries, latest := es.NewTable[entry]("picky"), es.NewTable[newest]("pickiest")
	return es.View{Name: "picky", Revision: 1, From: es.FromEvents, Tables: []es.AnyTable{entries, latest}, Map: func(r es.Recorded, out *es.Rows) error {
		amount := r.Event.(int64)
		if amount == ignored {
			return nil
		}
		entries.Append(out, entry{r.Context, r.Partition, r.Offset, r.Meta.AggregateID, uint64(r.Meta.Version), amount})
		switch {
		case amount == poison && !mended:
			return errors.New("no such amount")
		case amount == venom && !mended:
			panic("no such amount at all")
		}
		latest.Append(out, newest{r.Meta.AggregateID, uint64(r.Meta.Version), amount})
		return nil
	}}
}

const (
	poison  = 1_000_001
	venom   = 1_000_002
	ignored = 1_000_003
)

// ledgerOnly is the context without the view that fails.
func ledgerOnly() es.Context {
	c := bankContext()
	c.Views = c.Views[:1]
	return c
}

func render(database string) clickhouse.Render {
	return func(view string, g, window int) (clickhouse.Script, error) {
		settings := fmt.Sprintf("SETTINGS non_replicated_deduplication_window = %d", window)
		table := func(name, columns, engine, order string) string {
			return fmt.Sprintf("CREATE TABLE IF NOT EXISTS %s.%s_g%d (%s) ENGINE = %s ORDER BY %s %s", database, name, g, columns, engine, order, settings)
		}
		newest := "account String, version UInt64, amount Int64"
		s := clickhouse.Script{Public: []string{fmt.Sprintf("CREATE OR REPLACE VIEW %[1]s.%[2]s AS SELECT * FROM %[1]s.%[2]s_g%[3]d", database, view, g)}}
		switch view {
		case "ledger":
			s.Tables = []string{
				table("ledger", "context LowCardinality(String), partition Int32, offset Int64, account String, version UInt64, amount Int64", "MergeTree", "(partition, offset)"),
				table("newest", newest, "ReplacingMergeTree(version)", "account"),
			}
		case "picky":
			s.Tables = []string{
				table("picky", "context LowCardinality(String), partition Int32, offset Int64, account String, version UInt64, amount Int64", "MergeTree", "(partition, offset)"),
				table("pickiest", newest, "ReplacingMergeTree(version)", "account"),
			}
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

const worldPartitions = 2

// world is a broker and a database of its own.
type world struct {
	t        *testing.T
	kafka    kafka.Config
	url      string
	database string
	db       *clickhouse.DB
	producer *kafka.Producer

	versions map[string]int
	headers  []kafka.Header // of what is written
	events   int
	sum      int64
	log      []entry // what was written, where it stands
	ends     [worldPartitions]int64
}

func startEngine(t *testing.T) (*embedded.ClickHouse, embedded.ClickHouseOptions) {
	t.Helper()
	o := embedded.ClickHouseOptions{DataDir: t.TempDir()}
	e, err := embedded.StartClickHouse(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := strings.Cut(e.Addr(), ":")
	if o.Port, err = strconv.Atoi(port); err != nil {
		t.Fatal(err)
	}
	return e, o
}

func newWorld(t *testing.T, url string) *world {
	t.Helper()
	broker := embeddedtest.Kafka(t)
	w := &world{
		t: t, kafka: kafka.Config{Brokers: []string{broker.Addr()}}, url: url, versions: map[string]int{},
		database: "p_" + strings.ToLower(strings.NewReplacer("/", "_", " ", "_", ",", "").Replace(t.Name())),
	}
	if err := kafka.EnsureTopics(t.Context(), w.kafka, []string{"bank"}, worldPartitions, kafka.Replication{}); err != nil {
		t.Fatal(err)
	}
	w.db = open(t, w.url, w.database)
	return w
}

// produce adds n events to each partition, of a few accounts each.
func (w *world) produce(n int) {
	w.t.Helper()
	for p := range int32(worldPartitions) {
		for i := range n {
			w.write(p, fmt.Sprintf("acct-%d-%d", p, i%7), int64(i+1))
		}
	}
	w.flush()
}

// write adds one event without waiting for it.
func (w *world) write(partition int32, account string, amount int64) {
	w.t.Helper()
	if w.producer == nil {
		var err error
		if w.producer, err = kafka.NewProducer(w.kafka, kafka.ProducerConfig{}); err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(w.producer.Close)
	}
	w.versions[account]++
	w.log = append(w.log, entry{"bank", partition, w.ends[partition], account, uint64(w.versions[account]), amount})
	w.ends[partition]++
	w.events++
	w.sum += amount
	err := w.producer.Produce(w.t.Context(), kafka.Command{
		Topic: "bank.events", Partition: partition, Key: fmt.Appendf(nil, "account/%s/%d", account, w.versions[account]), Value: fmt.Appendf(nil, "%s %d %d", account, w.versions[account], amount),
		Headers: w.headers,
	}, func(_ int32, _ int64, err error) {
		if err != nil {
			w.t.Error(err)
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) flush() {
	w.t.Helper()
	if err := w.producer.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

func open(t *testing.T, url, database string) *clickhouse.DB {
	t.Helper()
	db, err := clickhouse.Open(t.Context(), clickhouse.Config{URL: url, Database: database})
	if err == nil {
		err = db.Migrate(t.Context(), migrations.FS())
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// config is a projector's with short times.
func (w *world) config(contexts ...es.Context) Config {
	return Config{
		Kafka: w.kafka, DB: w.db, Contexts: contexts, Codec: textCodec{}, Render: render(w.database), InstanceID: "one",
		InsertsPerSecond: 1000, // else a test would wait
		Limits:           kafka.RangeLimits{Records: 20, Age: time.Millisecond, Idle: 100 * time.Millisecond},
		InsertLifetime:   10 * time.Second, SessionTimeout: 6 * time.Second, RebalanceTimeout: 30 * time.Second,
	}
}

// running is a projector at work.
type running struct {
	*Projector
	stop context.CancelFunc
	done chan error
}

func start(t *testing.T, cfg Config) *running {
	t.Helper()
	p, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	r := &running{p, stop, make(chan error, 1)}
	finished := make(chan struct{})
	go func() { r.done <- p.Run(ctx); close(finished) }()
	t.Cleanup(func() { stop(); <-finished })
	return r
}

func (r *running) end(t *testing.T) error {
	t.Helper()
	r.stop()
	return r.ended(t)
}

func (r *running) ended(t *testing.T) error {
	t.Helper()
	select {
	case err := <-r.done:
		return err
	case <-time.After(2 * time.Minute):
		t.Fatal("the projector did not end")
		return nil
	}
}

func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); !ok(); {
		if time.Now().After(end) {
			t.Fatalf("it never happened that %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// complete says whether every event is in the ledger, however often.
func (w *world) complete() bool {
	var n uint64
	err := w.db.Row(w.t.Context(), "SELECT uniqExact(partition, offset) FROM ledger_g1").Scan(&n)
	return err == nil && n >= uint64(w.events)
}

// exact returns nil if the tables agree with the fold of the events.
func (w *world) exact() error {
	var rows, sum, newest = uint64(0), int64(0), uint64(0)
	err := errors.Join(
		w.db.Row(w.t.Context(), "SELECT count(), sum(amount) FROM ledger_g1").Scan(&rows, &sum),
		w.db.Row(w.t.Context(), "SELECT sum(v) FROM (SELECT max(version) AS v FROM newest_g1 GROUP BY account)").Scan(&newest),
	)
	if err != nil {
		return err
	}
	if rows != uint64(w.events) || sum != w.sum || newest != uint64(w.events) {
		return fmt.Errorf("the ledger has %d rows, sum %d, newest versions %d; the topic %d events, sum %d", rows, sum, newest, w.events, w.sum)
	}
	return nil
}
