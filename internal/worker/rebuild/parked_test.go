package rebuild

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"recount/internal/clickhouse"
	"recount/internal/embedded/embeddedtest"
	"recount/internal/kafka"
	"recount/internal/partition"
	"recount/internal/worker/parking"
)

// badAmount is that of the fifth event that is produced in each partition, the first of an account.
const badAmount = 5

func bad() mapping {
	m := first()
	m.Bad = badAmount
	return m
}

// parkedOf counts the events of a generation that came to a fate, and the accounts they are of.
func (w *world) parkedOf(view string, generation int, fate clickhouse.Fate) (events, accounts int) {
	w.t.Helper()
	found, err := w.db.ParkedEvents(w.t.Context(), clickhouse.ParkedFilter{View: view, Generation: generation, Fate: fate})
	if err != nil {
		w.t.Fatal(err)
	}
	of := map[string]bool{}
	for _, e := range found {
		of[e.AggregateID] = true
	}
	return len(found), len(of)
}

// waiting is how many events there are of the accounts that are parked in some partitions.
func (w *world) waiting(partitions ...int) (n int) {
	for _, p := range partitions {
		n += w.versions[fmt.Sprintf("acct-%d-4", p)]
	}
	return n
}

// without returns nil if a table has the log's events but for some, each once.
func (w *world) without(table string, missing int) error {
	var rows, different uint64
	if err := w.db.Row(w.t.Context(), "SELECT count(), uniqExact(partition, offset) FROM "+table).Scan(&rows, &different); err != nil {
		return err
	}
	if want := uint64(w.events - missing); rows != want || different != want {
		return fmt.Errorf("table %s has %d rows of %d offsets, and should have %d of the %d events", table, rows, different, want, w.events)
	}
	return nil
}

func (w *world) discard(view string, partition int32, offset int64) {
	w.t.Helper()
	err := kafka.GiveVerdicts(w.t.Context(), w.kafka, kafka.Verdict{
		Kind: kafka.DiscardVerdict, Context: "bank", View: view, Aggregate: "account", ID: fmt.Sprintf("acct-%d-4", partition),
		Partition: partition, Offset: offset, At: time.UnixMilli(1), By: "ada", Why: "a test",
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// testParked rebuilds a view of which events are parked, one of them discarded, and then with a mapping that was mended.
func testParked(t *testing.T, w *world) {
	stop := w.beginWith(70, bad())
	if _, err := w.rebuild(w.config(bad()), Options{Keep: 1}); err != nil {
		t.Fatal(err) // what both have parked is no difference
	}
	w.produce(20)
	eventually(t, "the new generation is followed", func() bool { n, _ := w.count(ledger); return n == uint64(w.events-w.waiting(0, 1, 2)) })
	if events, accounts := w.parkedOf(ledger, 2, clickhouse.Parked); events != w.waiting(0, 1, 2) || accounts != worldPartitions {
		t.Errorf("%d events of %d accounts are parked", events, accounts)
	}
	w.discard(ledger, 0, 4)
	eventually(t, "one account is let go", func() bool {
		_, accounts := w.parkedOf(ledger, 2, clickhouse.Parked)
		return accounts == worldPartitions
	})
	eventually(t, "the next event that can't be mapped is the first", func() bool {
		events, _ := w.parkedOf(ledger, 2, clickhouse.Released)
		return events > 0
	})
	stop()

	mended := first()
	_, err := w.rebuild(w.config(mended), Options{Keep: 1}, ledger)
	if !errors.Is(err, ErrDiffers) {
		t.Errorf("got %v", err)
	}
	if _, err := w.rebuild(w.config(mended), Options{Keep: 1, ExpectChange: true}, ledger); err != nil {
		t.Fatal(err)
	}
	if err := w.without(ledger, 1); err != nil {
		t.Error(err)
	}
	all, err := w.db.ParkedEvents(t.Context(), clickhouse.ParkedFilter{View: ledger, Generation: 3})
	if err != nil || len(all) != 1 || all[0].Fate != clickhouse.Discarded || all[0].Actor != "ada" || all[0].Why != "a test" || all[0].Offset != 4 {
		t.Errorf("of the new generation there is %+v, %v", all, err)
	}
	if left, _ := w.parkedOf(ledger, 1, ""); left != 0 {
		t.Errorf("%d events of a generation that was dropped are still there", left)
	}
}

func testParkedFrom(t *testing.T, w *world) {
	w.beginWith(70, bad())
	if _, err := w.rebuild(w.config(bad()), Options{From: clickhouse.Vector{"bank": {0: 50, 1: 70, 2: 0}}}, plain); err != nil {
		t.Fatal(err)
	}
	w.produce(20)
	eventually(t, "the new generation is followed", func() bool { n, _ := w.count(plain); return n == uint64(w.events-w.waiting(0, 1, 2)) })
	if err := w.without(plain, w.waiting(0, 1, 2)); err != nil {
		t.Error(err)
	}
	if events, accounts := w.parkedOf(plain, 2, clickhouse.Parked); events != w.waiting(0, 1, 2) || accounts != worldPartitions {
		t.Errorf("%d events of %d accounts are parked", events, accounts)
	}
}

func testParkedMend(t *testing.T, w *world) {
	w.beginWith(20, bad())
	r, err := New(t.Context(), w.config(first()))
	if err != nil {
		t.Fatal(err)
	}
	for p := range worldPartitions {
		id := fmt.Sprintf("acct-%d-4", p)
		if partition.Of(id, worldPartitions) != int32(p) {
			continue
		}
		if _, err := r.Mend(t.Context(), plain, "account", id); err == nil || !strings.Contains(err.Error(), "projectors parked release plain account/"+id) {
			t.Errorf("got %v", err)
		}
		return
	}
	t.Fatal("none of the accounts is where its ID says: the test needs others")
}

// TestARebuildKilledWhileItParks kills one with what it parked written down and the rows of the same block in doubt.
func TestARebuildKilledWhileItParks(t *testing.T) {
	t.Parallel()
	url := embeddedtest.ClickHouse(t).URL()
	for name, c := range map[string]childConfig{
		"inserted": {Point: Inserted, Nth: 1}, "marked": {Point: Marked, Nth: 4}, "followed": {Point: Followed},
		"without order": {Point: Inserted, Nth: 1, WithoutPark: parking.GuardOrder},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, url)
			w.beginWith(150, bad())
			c.View, c.Bad, c.Keep = plain, badAmount, 1
			err := twoLives(w, c)
			if c.WithoutPark != 0 {
				if !strings.Contains(fmt.Sprint(err), ErrDiffers.Error()) {
					t.Errorf("events were let through behind one that waits, and comparing said %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			w.produce(20)
			eventually(t, "the new generation is followed", func() bool {
				n, _ := w.count(plain)
				return w.shown(plain) == 2 && n >= uint64(w.events-w.waiting(0, 1, 2))
			})
			if err := w.without(plain, w.waiting(0, 1, 2)); err != nil {
				t.Error(err)
			}
			if events, accounts := w.parkedOf(plain, 2, clickhouse.Parked); events != w.waiting(0, 1, 2) || accounts != worldPartitions {
				t.Errorf("%d events of %d accounts are parked", events, accounts)
			}
		})
	}
}
