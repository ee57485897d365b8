// Package views maps the shop's events to the rows that analysts query: one file a view, and for each a file of the same
// name in schemas/clickhouse.
//
// A mapping copies and renames. It holds no business rule, looks nothing up and remembers nothing between two events:
// what a row says, its event said. A mapping that gives other rows for old events needs a new revision, since the rows
// of the old one are in ClickHouse under the same deduplication token.
package views

import (
	"fmt"

	"recount/internal/es"
)

// All returns the shop's views.
func All() []es.View {
	return []es.View{OrderHistory(), InventoryAllocation(), FinancialReport()}
}

// eventOf reads the event of an aggregate's type out of r. It is ok if r is an event of that type at all.
func eventOf[E any](r es.Recorded, aggregate string) (event E, ok bool, err error) {
	if r.Aggregate != aggregate {
		return event, false, nil
	}
	if event, ok = r.Event.(E); !ok {
		return event, false, fmt.Errorf("reading event %s of %s %s: %T is no event of its type", r.Type, aggregate, r.Meta.AggregateID, r.Event)
	}
	return event, true, nil
}
