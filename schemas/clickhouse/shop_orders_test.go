package clickhouse_test

import (
	"fmt"
	"strings"
	"testing"

	"recount/domain/address"
	. "recount/domain/shop/order"
	"recount/internal/es"
)

// ordered is an order of three books and a lamp: 40.67 with the taxes.
func ordered(customer string) Place {
	return Place{
		CustomerID: customer, Currency: "EUR", Carrier: "post", ShipTo: address.Address{Street: "Rue 1", City: "Monaco", Country: "MC"},
		Lines: []Line{{SKU: "book", Quantity: 3, UnitPrice: 499, TaxRate: 1000}, {SKU: "lamp", Quantity: 1, UnitPrice: 2000, TaxRate: 2100}},
	}
}

// twoOrders are one that was sent and came back, and one that was cancelled.
func twoOrders(t *testing.T) []es.Recorded {
	t.Helper()
	first, second := newOrder("o-1"), newOrder("o-2")
	const placed = "2026-03-01 00:00:00"
	return []es.Recorded{
		first.do(t, placed, ordered("ada")),
		first.do(t, placed, Allocate{}),
		first.do(t, placed, Pay{Amount: 4067, Currency: "EUR"}),
		first.do(t, placed, ArrangeShipping{}),
		first.do(t, placed, CancelShipping{Reason: "no box"}),
		first.do(t, placed, ArrangeShipping{}),
		first.do(t, "2026-03-02 00:00:00", Ship{TrackingNumber: "MC-1"}),
		first.do(t, "2026-03-04 00:00:00", Deliver{}),
		first.do(t, "2026-03-09 00:00:00", Return{ReturnID: "r-1", Lines: []ReturnLine{{Line: 1, Quantity: 1}}, Reason: "torn"}),
		first.do(t, "2026-03-08 00:00:00", Return{ReturnID: "r-2", Lines: []ReturnLine{{Line: 1, Quantity: 2}, {Line: 2, Quantity: 1}}}), // found late
		second.do(t, "2026-03-05 00:00:00", ordered("bob")),
		second.do(t, "2026-03-06 00:00:00", Cancel{Reason: "inventory/insufficient-stock"}),
	}
}

func testOrders(t *testing.T, db *database) {
	db.project(t, "order_history", twoOrders(t)...)
	db.expect(t, "SELECT order_id, customer_id, status, reason, currency, total, returned, version, placed_at, changed_at, position FROM orders ORDER BY order_id FORMAT CSV",
		`"o-1","ada","returned","","EUR",4067,4067,10,"2026-06-01 00:00:01.000","2026-06-01 00:00:10.000","shop/3@110"`,
		`"o-2","bob","cancelled","inventory/insufficient-stock","EUR",4067,0,2,"2026-06-01 00:00:01.000","2026-06-01 00:00:02.000","shop/3@102"`)
	db.expect(t, "SELECT version, status, event_type, reason, refund FROM order_history WHERE order_id = 'o-1' AND version IN (1, 5, 9) ORDER BY version FORMAT CSV",
		`1,"placed","OrderCreated","",0`, `5,"paid","ShippingCancelled","no box",0`, `9,"delivered","ItemsReturned","torn",549`)
	for at, want := range map[string][]string{
		"2026-02-28 23:59:59": nil,
		"2026-03-01 00:00:00": {"o-1 shipping 6"}, // all of a moment: the last version of it counts
		"2026-03-03 00:00:00": {"o-1 shipped 7"},
		"2026-03-05 00:00:00": {"o-1 delivered 8", "o-2 placed 1"},
		"2026-03-08 00:00:00": {"o-1 returned 10", "o-2 cancelled 2"},
		"2026-03-09 00:00:00": {"o-1 delivered 10", "o-2 cancelled 2"}, // in the world's order the torn book came last
	} {
		db.expect(t, "SELECT order_id, status, version FROM order_as_of(at = '"+at+"') ORDER BY order_id", want...)
	}
}

func testOrderStates(t *testing.T, db *database) {
	db.project(t, "order_history", twoOrders(t)...)
	db.expect(t, "SELECT step, status, toSecond(entered_at), if(is_last, 0, seconds), is_last FROM order_states WHERE order_id = 'o-1' ORDER BY step",
		"1 placed 1 1 0", "2 allocated 2 1 0", "3 paid 3 1 0", "4 shipping 4 1 0", "5 paid 5 1 0", "6 shipping 6 1 0",
		"7 shipped 7 1 0", "8 delivered 8 2 0", // the torn book leaves it delivered
		"9 returned 10 0 1")
	db.expect(t, "SELECT step, status, customer_id, is_last FROM order_states WHERE order_id = 'o-2' ORDER BY step", "1 placed bob 0", "2 cancelled bob 1")
	const torn = `SELECT countIf(a.left_at != b.entered_at), count() FROM order_states AS a JOIN order_states AS b ON b.order_id = a.order_id AND b.step = a.step + 1`
	db.expect(t, torn, "0 9")
}

func testShopPushdown(t *testing.T, db *database) {
	db.project(t, "order_history", newOrder("o-1").do(t, "2026-03-01 00:00:00", ordered("ada")))
	db.project(t, "inventory_allocation", received(t, newArticle("book"), 3))
	db.tellKnownOf(t, "inventory_allocation", 9)
	const at, both = "(at = '2026-03-01 00:00:00')", "(valid = '2026-03-01 00:00:00', known = '2026-06-01 00:00:05')"
	for key, views := range map[string][]string{
		"order_id": {"order_history", "orders", "order_as_of" + at, "order_states"},
		"sku":      {"inventory_history", "inventory_allocation", "inventory_allocation_as_of" + at, "inventory_allocation_as_known" + both, "open_allocations"},
	} {
		for _, view := range views {
			condition := fmt.Sprintf("Condition: (%s in ['x', 'x'])", key)
			plan := "EXPLAIN indexes = 1 SELECT * FROM " + view
			if got := db.query(t, plan+" WHERE "+key+" = 'x' FORMAT TSVRaw"); !strings.Contains(got, condition) {
				t.Errorf("%s reads everything:\n%s", view, got)
			}
			if got := db.query(t, plan+" FORMAT TSVRaw"); strings.Contains(got, condition) {
				t.Errorf("%s without a condition has one:\n%s", view, got)
			}
		}
	}
}
