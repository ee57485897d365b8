package clickhouse_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	. "recount/domain/shop/inventory"
	"recount/internal/es"
)

type article = ledger[Inventory, Command, Event]

func received(t *testing.T, a *article, quantity int64) es.Recorded {
	t.Helper()
	return a.do(t, "2026-03-01 00:00:00", Receive{Quantity: quantity, Reference: "note 1"})
}

// backDatedStock is an article of which some was broken a week before anybody noticed.
func backDatedStock(t *testing.T) []es.Recorded {
	t.Helper()
	a := newArticle("book")
	return []es.Recorded{
		received(t, a, 10),
		a.do(t, "2026-03-05 00:00:00", Allocate{OrderID: "o-1", Line: 1, Quantity: 4}),
		a.do(t, "2026-03-05 00:00:00", Allocate{OrderID: "o-2", Line: 1, Quantity: 2}),
		a.do(t, "2026-03-07 00:00:00", Ship{OrderID: "o-1", Line: 1}),
		a.do(t, "2026-03-02 00:00:00", Adjust{Difference: -3, Reason: "wet"}),
		a.do(t, "2026-03-08 00:00:00", Release{OrderID: "o-2", Line: 1}),
	}
}

// testStock also shows that what versions left behind is no answer.
func testStock(t *testing.T, db *database) {
	records := backDatedStock(t)
	db.project(t, "inventory_allocation", records[:5]...)
	db.expect(t, "SELECT sku, order_id, line, quantity FROM open_allocations", "book o-2 1 2")
	db.project(t, "inventory_allocation", records[5:]...)
	db.expect(t, "SELECT count() FROM open_allocations", "0")
	db.expect(t, "SELECT * FROM inventory_allocation", "book 3 0 3 6 2026-03-08 00:00:00.000 2026-06-01 00:00:06.000 shop/3@106")
	db.tellKnownOf(t, "inventory_allocation", 9)
	right := 0
	for _, m := range []struct {
		at    string
		known int
		want  []string // on_hand allocated free
	}{
		{"2026-02-28 00:00:00", 9, nil},
		{"2026-03-01 00:00:00", 9, []string{"10 0 10"}},
		{"2026-03-02 00:00:00", 9, []string{"7 0 7"}},
		{"2026-03-05 00:00:00", 9, []string{"7 6 1"}},
		{"2026-03-05 00:00:00", 4, []string{"10 6 4"}}, // nobody knew of the wet ones
		{"2026-03-07 00:00:00", 9, []string{"3 2 1"}},
		{"2026-03-07 00:00:00", 4, []string{"6 2 4"}},
		{"2026-03-08 00:00:00", 9, []string{"3 0 3"}},
	} {
		db.expect(t, fmt.Sprintf("SELECT on_hand, allocated, free FROM inventory_allocation_as_known(valid = '%s', known = '%s')", m.at, second(m.known)), m.want...)
		if m.known < 9 {
			continue
		}
		db.expect(t, fmt.Sprintf("SELECT on_hand, allocated, free FROM inventory_allocation_as_of(at = '%s')", m.at), m.want...)
		newest := db.query(t, fmt.Sprintf("SELECT argMax(on_hand_after, version) FROM inventory_history WHERE valid_at <= '%s' GROUP BY sku", m.at))
		if len(m.want) == 0 && newest == "" || len(m.want) > 0 && strings.HasPrefix(m.want[0], newest+" ") {
			right++
		}
	}
	if right == 6 {
		t.Error("what the newest version left answers every moment: this stock proves nothing")
	}
	if _, err := db.post("SELECT * FROM inventory_allocation_as_known(valid = '2026-03-01 00:00:00', known = '"+second(10)+"')", nil); err == nil {
		t.Error("what is not known yet is answered")
	}
}

// testStockProperty compares every article on both axes with a fold in Go, on days drawn at random.
func testStockProperty(t *testing.T, db *database) {
	records := randomStock(t, db)
	db.tellKnownOf(t, "inventory_allocation", 100)
	for known := 10; known <= 60; known += 25 {
		believed := slices.DeleteFunc(slices.Clone(records), func(r es.Recorded) bool { return r.Meta.RecordedAt > millis(t, second(known)) })
		for d := 0; d < bookDays; d += 9 {
			at := bookDay(d)
			db.expect(t, fmt.Sprintf("SELECT sku, on_hand, allocated FROM inventory_allocation_as_known(valid = '%s', known = '%s') ORDER BY sku",
				at.Format(time.DateTime), second(known)), foldStock(believed, at.UnixMilli())...)
		}
	}
	db.expect(t, "SELECT sku, on_hand, allocated FROM inventory_allocation ORDER BY sku", foldStock(records, bookDay(bookDays).UnixMilli())...)
	db.expect(t, "SELECT sku, toInt64(sum(quantity)) FROM open_allocations GROUP BY sku ORDER BY sku",
		foldOpen(records)...)
}

func randomStock(t *testing.T, db *database) (records []es.Recorded) {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	draw := rand.New(rand.NewPCG(seed, 0))
	rows := es.NewRows(db.views["inventory_allocation"].Tables...)
	for i := range 10 {
		a := newArticle(fmt.Sprintf("sku-%d", i))
		records = append(records, a.do(t, bookDay(draw.IntN(bookDays)).Format(time.DateTime), Receive{Quantity: 500}))
		for n := range 60 {
			var c Command = Allocate{OrderID: fmt.Sprint("o-", n), Line: 1, Quantity: 1 + draw.Int64N(5)}
			if open := a.state.Open; len(open) > 0 && draw.IntN(2) == 0 {
				one := open[draw.IntN(len(open))]
				c = Ship{OrderID: one.OrderID, Line: one.Line}
				if draw.IntN(2) == 0 {
					c = Release{OrderID: one.OrderID, Line: one.Line}
				}
			}
			records = append(records, a.do(t, bookDay(draw.IntN(bookDays)).Format(time.DateTime), c))
		}
	}
	for _, i := range draw.Perm(len(records)) {
		if err := db.views["inventory_allocation"].Map(records[i], rows); err != nil {
			t.Fatal(err)
		}
	}
	for table, values := range rows.Each {
		db.insert(t, table, values, "")
	}
	return records
}

func foldStock(records []es.Recorded, at int64) (lines []string) {
	onHand, allocated := map[string]int64{}, map[string]int64{}
	for _, r := range records {
		if sku := r.Meta.AggregateID; r.Meta.ValidAt <= at {
			switch e := r.Event.(type) {
			case StockReceived:
				onHand[sku] += e.Quantity
			case ItemAllocated:
				allocated[sku] += e.Quantity
			case ItemReleased:
				allocated[sku] -= e.Quantity
			case ItemShipped:
				onHand[sku], allocated[sku] = onHand[sku]-e.Quantity, allocated[sku]-e.Quantity
			}
			onHand[sku] += 0 // it has a line, whatever moved
		}
	}
	for sku, n := range onHand {
		lines = append(lines, fmt.Sprintf("%s %d %d", sku, n, allocated[sku]))
	}
	slices.Sort(lines)
	return lines
}

// foldOpen is what is promised of each article, if anything is.
func foldOpen(records []es.Recorded) (lines []string) {
	for _, line := range foldStock(records, bookDay(bookDays).UnixMilli()) {
		var (
			sku               string
			onHand, allocated int64
		)
		if _, err := fmt.Sscan(line, &sku, &onHand, &allocated); err == nil && allocated != 0 {
			lines = append(lines, fmt.Sprintf("%s %d", sku, allocated))
		}
	}
	return lines
}
