package projector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/engine"
	"recount/internal/es"
	"recount/internal/kafka"
	"recount/internal/worker/parking"
)

// picky is the context with the view alone that can't map everything, or could not before it was mended.
func picky(mended bool) es.Context {
	return es.Context{Name: "bank", Views: []es.View{pickyView(mended)}}
}

const badAccount = "acct-bad"

// spoil writes events among which one can't be mapped: the third of an account in the middle of others.
func (w *world) spoil(amount int64) {
	w.t.Helper()
	w.produce(10)
	for i, a := range []int64{1, 2, amount, 4, 5} {
		w.write(1, badAccount, a)
		w.write(1, "acct-1-0", int64(i))
	}
	w.flush()
}

// waiting returns the accounts whose events are parked, and those that are.
func (w *world) waiting(fate clickhouse.Fate) []clickhouse.ParkedEvent {
	w.t.Helper()
	events, err := w.db.ParkedEvents(w.t.Context(), clickhouse.ParkedFilter{View: "picky", Generation: 1, Fate: fate})
	if err != nil {
		w.t.Fatal(err)
	}
	return events
}

// pickyHas returns nil if the view's rows are those of the log without some: each once, and none beside them.
func (w *world) pickyHas(without func(e entry) bool) error {
	var rows []entry
	var accounts, sum uint64
	err := errors.Join(
		w.db.Select(w.t.Context(), &rows, "SELECT context, partition, offset, account, version, amount FROM picky_g1 ORDER BY partition, offset"),
		w.db.Row(w.t.Context(), "SELECT count(), sum(v) FROM (SELECT max(version) AS v FROM pickiest_g1 GROUP BY account)").Scan(&accounts, &sum),
	)
	if err != nil {
		return err
	}
	want := slices.DeleteFunc(slices.Clone(w.log), func(e entry) bool { return e.Amount == ignored || without(e) })
	slices.SortFunc(want, func(a, b entry) int { return int(a.Partition-b.Partition)*1_000_000 + int(a.Offset-b.Offset) })
	newest := map[string]uint64{}
	for _, e := range want {
		newest[e.Account] = max(newest[e.Account], e.Version)
	}
	total := uint64(0)
	for _, v := range newest {
		total += v
	}
	for i := range max(len(rows), len(want)) {
		if i >= len(rows) || i >= len(want) || rows[i] != want[i] {
			return fmt.Errorf("the view has %d rows, the fold of the events %d; from row %d on they differ: %v, %v", len(rows), len(want), i, rows[i:min(i+1, len(rows))], want[i:min(i+1, len(want))])
		}
	}
	if accounts != uint64(len(newest)) || sum != total {
		return fmt.Errorf("the newest versions are of %d accounts and %d together, the fold's of %d and %d", accounts, sum, len(newest), total)
	}
	return nil
}

// parkedFrom leaves out the events of the bad account from a version on.
func parkedFrom(version uint64) func(entry) bool {
	return func(e entry) bool { return e.Account == badAccount && e.Version >= version }
}

func nothing(entry) bool { return false }

// reaches waits until the view says that it is behind the log's last record.
func (w *world) reaches(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	for p, end := range w.ends {
		if err := w.db.WaitFor(ctx, "picky", es.Position{Context: "bank", Partition: int32(p), Offset: end - 1}); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) decide(kind kafka.VerdictKind, offset int64, attempt string) {
	w.t.Helper()
	err := kafka.GiveVerdicts(w.t.Context(), w.kafka, kafka.Verdict{
		Kind: kind, Context: "bank", View: "picky", Aggregate: "account", ID: badAccount, Partition: 1, Offset: offset, Attempt: attempt,
		At: time.UnixMilli(1_700_000_000_123), By: "ada", Why: "a test",
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// noting notes which views failed and what became of events.
type noting struct {
	unobserved
	mu     sync.Mutex
	failed []string
	fates  map[clickhouse.Fate]int
}

func newNoting() *noting { return &noting{fates: map[clickhouse.Fate]int{}} }

func (n *noting) Failed(_, view string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.failed = append(n.failed, view)
}

func (n *noting) Parked(_, _ string, fate clickhouse.Fate, events int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fates[fate] += events
}

func testParks(t *testing.T, w *world, amount int64, cause string) {
	w.spoil(amount)
	noted := newNoting()
	cfg := w.config(bankContext())
	cfg.Observer = noted
	r := start(t, cfg)
	eventually(t, "it is ready", func() bool { return r.Ready() == nil })
	w.reaches(t)
	w.write(1, badAccount, 6) // it waits as well
	w.produce(10)
	w.reaches(t)
	if err := w.pickyHas(parkedFrom(3)); err != nil {
		t.Error(err)
	}
	events := w.waiting(clickhouse.Parked)
	if len(events) != 4 {
		t.Fatalf("parked are %+v", events)
	}
	for i, e := range events {
		if e.AggregateID != badAccount || e.Version != int64(3+i) || e.Partition != 1 || e.Stream != "events" || (e.Cause != "") != (i == 0) {
			t.Errorf("parked is %+v", e)
		}
	}
	if e := events[0]; e.Cause != cause || string(e.Value) != fmt.Sprintf("%s 3 %d", badAccount, amount) || e.Offset != 14 {
		t.Errorf("the first is %+v", e)
	}
	status := r.Status()[1]
	if status.View != "picky" || status.Err != nil || status.Partitions[0].Parked != 0 || status.Partitions[1].Parked != 1 {
		t.Errorf("the status is %+v", status)
	}
	eventually(t, "the other view has all", w.complete)
	if err := errors.Join(r.end(t), w.exact()); err != nil {
		t.Error(err)
	}
	if len(noted.failed) != 0 || noted.fates[clickhouse.Parked] != 4 {
		t.Errorf("told were %v and %v", noted.failed, noted.fates)
	}
}

// testOrderIsAGuard: where an event is let through behind one that waits, the view is no fold of the events.
func testOrderIsAGuard(t *testing.T, w *world) {
	w.spoil(poison)
	cfg := w.config(picky(false))
	cfg.WithoutParking = parking.GuardOrder
	r := start(t, cfg)
	w.reaches(t)
	if err := r.end(t); err != nil {
		t.Error(err)
	}
	if err := w.pickyHas(parkedFrom(3)); err == nil {
		t.Error("nothing was let through: the test proves nothing")
	}
}

// testRelease stops the projector, mends the mapping, and has the events released, twice.
func testRelease(t *testing.T, w *world) {
	w.spoil(poison)
	first := start(t, w.config(picky(false)))
	w.reaches(t)
	if err := first.end(t); err != nil {
		t.Fatal(err)
	}
	w.write(1, badAccount, 6)
	w.produce(10)
	mended := start(t, w.config(picky(true)))
	w.reaches(t)
	if err := w.pickyHas(parkedFrom(3)); err != nil { // nobody has released it
		t.Error(err)
	}
	w.decide(kafka.ReleaseVerdict, 0, "one")
	eventually(t, "nothing is parked", func() bool { return len(w.waiting(clickhouse.Parked)) == 0 })
	w.write(1, badAccount, 7)
	w.decide(kafka.ReleaseVerdict, 0, "two")
	w.write(1, badAccount, 8)
	w.flush()
	w.reaches(t)
	if err := errors.Join(mended.end(t), w.pickyHas(nothing)); err != nil {
		t.Error(err)
	}
	again := start(t, w.config(picky(true))) // the verdict still stands
	w.produce(3)
	w.reaches(t)
	if err := errors.Join(again.end(t), w.pickyHas(nothing)); err != nil {
		t.Error(err)
	}
	released := w.waiting(clickhouse.Released)
	if len(released) != 4 {
		t.Fatalf("released are %+v", released)
	}
	for _, e := range released {
		if e.Actor != "ada" || e.Attempt != "one" || e.DecidedAt != 1_700_000_000_123 {
			t.Errorf("released is %+v", e)
		}
	}
}

func testVainRelease(t *testing.T, w *world) {
	w.spoil(poison)
	r := start(t, w.config(picky(false)))
	w.reaches(t)
	w.decide(kafka.ReleaseVerdict, 0, "vain")
	eventually(t, "it was tried", func() bool { return w.waiting(clickhouse.Parked)[0].Attempt == "vain" })
	w.write(1, badAccount, 6)
	w.produce(10)
	w.reaches(t)
	if err := errors.Join(r.end(t), w.pickyHas(parkedFrom(3))); err != nil {
		t.Error(err)
	}
	if events := w.waiting(clickhouse.Parked); len(events) != 4 || events[0].Cause != "no such amount" {
		t.Errorf("parked are %+v", events)
	}
}

// testDiscard discards the event that can't be mapped; those behind it go on up to the next.
func testDiscard(t *testing.T, w *world) {
	w.spoil(poison)
	w.write(1, badAccount, venom)
	w.write(1, badAccount, 7)
	w.flush()
	noted := newNoting()
	cfg := w.config(picky(false))
	cfg.Observer = noted
	r := start(t, cfg)
	w.reaches(t)
	w.decide(kafka.DiscardVerdict, 14, "")
	eventually(t, "the next of them is the first", func() bool {
		events := w.waiting(clickhouse.Parked)
		return len(events) == 2 && events[0].Version == 6 && events[0].Cause != ""
	})
	if err := w.pickyHas(func(e entry) bool { return e.Offset == 14 && e.Account == badAccount || parkedFrom(6)(e) }); err != nil {
		t.Error(err)
	}
	w.decide(kafka.DiscardVerdict, w.waiting(clickhouse.Parked)[0].Offset, "")
	eventually(t, "nothing is parked", func() bool { return len(w.waiting(clickhouse.Parked)) == 0 })
	w.produce(3)
	w.reaches(t)
	if err := errors.Join(r.end(t), w.pickyHas(func(e entry) bool { return e.Amount == poison || e.Amount == venom })); err != nil {
		t.Error(err)
	}
	discarded := w.waiting(clickhouse.Discarded)
	if len(discarded) != 2 {
		t.Fatalf("discarded are %+v", discarded)
	}
	for _, e := range discarded {
		if e.Actor != "ada" || e.Why != "a test" || e.DecidedAt != 1_700_000_000_123 || e.Cause == "" || len(e.Value) == 0 {
			t.Errorf("discarded is %+v", e)
		}
	}
	if noted.fates[clickhouse.Discarded] != 2 || noted.fates[clickhouse.Released] != 3 {
		t.Errorf("told was %v", noted.fates)
	}
}

// testParkedRebalance has a second member take one of the partitions over while events are parked, and both release.
func testParkedRebalance(t *testing.T, w *world) {
	w.spoil(poison)
	cfg := w.config(picky(true))
	cfg.InstanceID = ""
	broken := w.config(picky(false))
	broken.InstanceID = ""
	first := start(t, broken)
	w.reaches(t)
	second := start(t, cfg)
	owned := func(r *running) int { return len(r.Status()[0].Partitions) }
	eventually(t, "each has one partition", func() bool { return owned(first) == 1 && owned(second) == 1 })
	w.write(1, badAccount, 6)
	w.produce(20)
	w.reaches(t)
	if err := errors.Join(first.end(t), w.pickyHas(parkedFrom(3))); err != nil {
		t.Error(err)
	}
	w.decide(kafka.ReleaseVerdict, 0, "one")
	eventually(t, "nothing is parked", func() bool { return len(w.waiting(clickhouse.Parked)) == 0 })
	w.produce(5)
	w.reaches(t)
	if err := errors.Join(second.end(t), w.pickyHas(nothing)); err != nil {
		t.Error(err)
	}
}

func testTooMany(t *testing.T, w *world) {
	for i := range 4 {
		w.write(1, fmt.Sprint("acct-", i), poison)
	}
	w.flush()
	noted := newNoting()
	cfg := w.config(picky(false))
	cfg.ParkedMax, cfg.Observer = 3, noted
	err := start(t, cfg).ended(t)
	for _, part := range []string{"no such amount", parking.ErrTooMany.Error(), "version 1 of account \"acct-3\" at bank.events/1@3", "view picky of bank stopped"} {
		if err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	if !slices.Equal(noted.failed, []string{"picky"}) {
		t.Errorf("views that failed: %v", noted.failed)
	}
}

// lifting is a codec one of whose upcasts is wrong, until it is mended.
type lifting struct {
	textCodec
	mended bool
}

func (c lifting) Recorded(ctx string, s es.Stream, p int32, o, ms int64, k, v []byte, h []engine.Header) (es.Recorded, error) {
	if strings.HasSuffix(string(v), fmt.Sprint(" ", poison)) && !c.mended {
		panic("an index out of range")
	}
	return c.textCodec.Recorded(ctx, s, p, o, ms, k, v, h)
}

func testUpcast(t *testing.T, w *world) {
	w.spoil(poison)
	cfg := w.config(picky(true))
	cfg.Codec = lifting{}
	r := start(t, cfg)
	w.reaches(t)
	if err := errors.Join(r.end(t), w.pickyHas(parkedFrom(3))); err != nil {
		t.Error(err)
	}
	if e := w.waiting(clickhouse.Parked)[0]; e.AggregateID != badAccount || e.Aggregate != "account" || e.Version != 3 || !strings.Contains(e.Cause, "an index out of range") {
		t.Errorf("parked is %+v", e)
	}
	cfg.Codec = lifting{mended: true}
	r = start(t, cfg)
	w.decide(kafka.ReleaseVerdict, 0, "mended")
	eventually(t, "nothing is parked", func() bool { return len(w.waiting(clickhouse.Parked)) == 0 })
	if err := errors.Join(r.end(t), w.pickyHas(nothing)); err != nil {
		t.Error(err)
	}
}

func testDesk(t *testing.T, w *world) {
	w.spoil(poison)
	w.write(1, badAccount, venom)
	w.flush()
	r := start(t, w.config(picky(false)))
	w.reaches(t)
	desk := parking.Desk{DB: w.db, Kafka: w.kafka, Who: "ada"}
	found, err := desk.Find(t.Context(), "picky", parking.Aggregate{Type: "account", ID: badAccount})
	if err != nil || len(found) != 1 || found[0].Events != 4 || found[0].Version != 3 || found[0].Offset != 14 || found[0].Cause != "no such amount" {
		t.Fatalf("%+v, %v", found, err)
	}
	if _, err := desk.Find(t.Context(), "picky", parking.Aggregate{Type: "account", ID: "nobody"}); !errors.Is(err, parking.ErrNotParked) {
		t.Errorf("got %v", err)
	}
	settled, err := desk.Release(t.Context(), found[0], 20*time.Second)
	if err != nil || settled.Left != 4 || settled.Cause != "no such amount" {
		t.Errorf("%+v, %v", settled, err)
	}
	settled, err = desk.Discard(t.Context(), found[0], "a test", 20*time.Second)
	if err != nil || settled.Left != 1 || !strings.Contains(settled.Cause, "it panicked") {
		t.Errorf("%+v, %v", settled, err)
	}
	if err := r.end(t); err != nil {
		t.Fatal(err)
	}
	if _, err := desk.Release(t.Context(), found[0], 200*time.Millisecond); !errors.Is(err, parking.ErrUnheard) {
		t.Errorf("nobody is there, and it said %v", err)
	}
	r = start(t, w.config(picky(true))) // and hears what was decided meanwhile
	eventually(t, "nothing is parked", func() bool { return len(w.waiting(clickhouse.Parked)) == 0 })
	if list, err := desk.List(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	if err := errors.Join(r.end(t), w.pickyHas(func(e entry) bool { return e.Amount == poison })); err != nil {
		t.Error(err)
	}
}
