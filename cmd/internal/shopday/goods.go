package shopday

import (
	"fmt"
	"time"
)

const currency = "EUR"

// How many articles and customers there are for so many orders, and the least.
const (
	ordersPerArticle  = 25
	ordersPerScarce   = 14
	ordersPerCustomer = 8
	articlesMin       = 8
	scarceMin         = 6
	customersMin      = 20
)

const (
	plenty    = 100_000 // of an article that never runs out
	scarceMax = 4       // of one that does
	scrapped  = 3       // articles of which a piece is found broken
)

// Of every customersEach customers one has hardly any credit, and one is blocked.
const (
	customersEach = 20
	creditHigh    = 100_000_000_00
	creditLow     = 40_00
)

func (d Day) articles() int  { return max(articlesMin, d.Orders/ordersPerArticle) }
func (d Day) scarce() int    { return max(scarceMin, d.Orders/ordersPerScarce) }
func (d Day) customers() int { return max(customersMin, d.Orders/ordersPerCustomer) }

func articleID(n int) string  { return fmt.Sprintf("sku-%04d", n) }
func scarceID(n int) string   { return fmt.Sprintf("rare-%04d", n) }
func customerID(n int) string { return fmt.Sprintf("buyer-%05d", n) }

// hasLittleCredit and isBlocked say what a customer's number says of the customer.
func hasLittleCredit(customer int) bool { return customer%customersEach == 0 }
func isBlocked(customer int) bool       { return customer%customersEach == 1 }

// isTurn says whether what has one wish at a time may have it in an hour.
func isTurn(n, hour int) bool { return n%3 == hour%3 }

// Opening returns what happens before the shop opens: goods come, customers are registered, accounts opened.
func (d Day) Opening() []Line {
	early := Begin().Add(-2 * time.Hour)
	var out []Line
	receive := func(sku string, pieces int64) {
		out = append(out, d.line("shop.inventory.receive", sku, "delivery", early, map[string]any{"quantity": pieces, "reference": "delivery note 1"}))
	}
	for n := range d.articles() {
		receive(articleID(n), plenty)
	}
	for n := range d.scarce() {
		receive(scarceID(n), int64(1+n%scarceMax))
	}
	for n := range min(scrapped, d.articles()) {
		out = append(out, d.line("shop.inventory.adjust", articleID(n), "stock-taking", early, map[string]any{"difference": -1, "reason": "broken"}))
	}
	for n := range d.customers() {
		out = append(out, d.register(n, early)...)
	}
	return append(out, d.accounts(early)...)
}

func (d Day) register(n int, at time.Time) []Line {
	id, limit := customerID(n), int64(creditHigh)
	if hasLittleCredit(n) {
		limit = creditLow
	}
	lines := []Line{d.line("shop.customer.register", id, "register", at, map[string]any{
		"name": fmt.Sprintf("Buyer %d", n), "email": id + "@example.org", "address": home(n), "currency": currency, "credit_limit": limit,
	})}
	if isBlocked(n) {
		lines = append(lines, d.line("shop.customer.block", id, "block", at, map[string]any{"reason": "never pays"}))
	}
	return lines
}

func home(customer int) map[string]any {
	return map[string]any{"street": fmt.Sprintf("Marktplatz %d", 1+customer), "city": "Jena", "postal_code": "07743", "country": "DE"}
}

// price and taxRate are those of an article: a tenth of the price of most is tax that is less than on the rest.
func price(n int) int64 { return int64(499 + 731*(n%23)) }

func taxRate(n int) int64 {
	if n%3 == 0 {
		return 700
	}
	return 1_900
}
