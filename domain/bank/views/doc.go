// Package views maps the bank's events to the rows that analysts query: one file a view, and for each a file of the
// same name in schemas/clickhouse.
//
// A mapping copies and renames. It holds no business rule, looks nothing up and remembers nothing between two events:
// what a row says, its event said. A mapping that gives other rows for old events needs a new revision, since the rows
// of the old one are in ClickHouse under the same deduplication token.
package views

import "recount/internal/es"

// All returns the bank's views.
func All() []es.View {
	return []es.View{AccountBalances(), AccountHistory(), Customers(), Transfers()}
}
