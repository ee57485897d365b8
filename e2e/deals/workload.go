package deals

import (
	"fmt"
	"math/rand/v2"

	"recount/domain/shop/payment"
	"recount/domain/shop/shipment"
	"recount/internal/es"
)

// Line is a command as a file has it.
type Line struct {
	Type      string         `json:"type"`
	ID        string         `json:"id"`
	CommandID string         `json:"command_id"`
	Data      map[string]any `json:"data"`
}

// Workload makes deals up. The same numbers give the same deals.
type Workload struct {
	Seed uint64
	// Accounts are those of the bank, of which one in twenty is closed and one in twenty frozen.
	Accounts int
	// SKUs are articles of the shop, Customers who orders them. Stock is what there is of each article.
	SKUs, Customers int
	Stock           int64
	// Debits is how many of a hundred orders are paid from an account of the bank, some of which are dead.
	Debits int
	// Refunds is of how many of a hundred of those, once they are settled, a part is given back; of half of them then
	// another, or more than is left.
	Refunds int
}

// Shares of the deals, in hundredths.
const (
	toDead       = 10 // transfers to or from accounts that are closed or frozen
	askedAgain   = 5  // transfers that are asked for twice
	tooMuch      = 3  // transfers of more than anybody has
	declined     = 10 // payments
	thoughtAgain = 5  // orders that are cancelled while their payment is waited for
	unpacked     = 3  // parcels that don't leave
)

const (
	inEach     = 20 // accounts: one of them is closed, and one frozen
	paidIn     = 1_000_000_00
	atMost     = 5_000_00
	unitPrice  = 999
	taxRate    = 2100
	linesMax   = 3
	pieceMax   = 3
	creditLow  = 2_000
	creditHigh = 1_000_000_000
)

// The streams of chance: each kind of deal has its own, so that one more of a kind changes no other.
const (
	chanceOfTransfers = iota + 1
	chanceOfOrders
	chanceOfPayments
	chanceOfParcels
	chanceOfDebits
	chanceOfRefunds
)

func (w Workload) chance(of, n uint64) *rand.Rand { return rand.New(rand.NewPCG(w.Seed<<8|of, n)) }

func accountID(n int) string { return fmt.Sprintf("acct-%04d", n) }
func skuID(n int) string     { return fmt.Sprintf("sku-%03d", n) }
func buyerID(n int) string   { return fmt.Sprintf("buyer-%03d", n) }

// command is a line whose command ID says what it is; nothing else here uses it.
func command(kind, id, what string, data map[string]any) Line {
	return Line{Type: kind, ID: id, CommandID: id + "/" + what, Data: data}
}

// Opening are the accounts, the articles and the customers.
func (w Workload) Opening() []Line {
	var out []Line
	for n := range w.Accounts {
		id := accountID(n)
		out = append(out, command("bank.account.open", id, "open", map[string]any{"customer_id": "ada", "currency": "EUR"}))
		if n%inEach == 0 {
			out = append(out, command("bank.account.close", id, "close", map[string]any{}))
			continue
		}
		out = append(out, command("bank.account.deposit", id, "pay in", map[string]any{"amount": paidIn, "currency": "EUR"}))
		if n%inEach == 1 {
			out = append(out, command("bank.account.freeze", id, "freeze", map[string]any{"reason": "court order"}))
		}
	}
	for n := range w.SKUs {
		out = append(out, command("shop.inventory.receive", skuID(n), "receive", map[string]any{"quantity": w.Stock}))
	}
	home := map[string]any{"street": "Rue 1", "city": "Monaco", "country": "MC"}
	for n := range w.Customers {
		limit := creditHigh
		if n%inEach == 0 {
			limit = creditLow
		}
		out = append(out, command("shop.customer.register", buyerID(n), "register", map[string]any{
			"name": "Ada", "email": "ada@example.org", "address": home, "currency": "EUR", "credit_limit": limit,
		}))
		if n%inEach == 1 {
			out = append(out, command("shop.customer.block", buyerID(n), "block", map[string]any{"reason": "never pays"}))
		}
	}
	return out
}

// Transfer is the nth transfer: a line, and one more where it is asked for again, with the same command ID or another.
func (w Workload) Transfer(n int) []Line {
	rng := w.chance(chanceOfTransfers, uint64(n))
	alive := func() int { return rng.IntN(w.Accounts/inEach)*inEach + 2 + rng.IntN(inEach-2) }
	from, to := alive(), alive()
	for to == from {
		to = alive()
	}
	if rng.IntN(100) < toDead {
		dead := rng.IntN(w.Accounts/inEach)*inEach + rng.IntN(2)
		if rng.IntN(4) == 0 {
			from = dead
		} else {
			to = dead
		}
	}
	amount := 1 + rng.Int64N(atMost)
	if rng.IntN(100) < tooMuch {
		amount = 1_000 * paidIn
	}
	line := command("bank.transfer.request", fmt.Sprintf("t-%06d", n), "request", map[string]any{
		"from_account": accountID(from), "to_account": accountID(to), "amount": amount, "currency": "EUR",
	})
	if rng.IntN(100) >= askedAgain {
		return []Line{line}
	}
	again := line
	if rng.IntN(2) == 0 {
		again.CommandID += " again"
	}
	return []Line{line, again}
}

// Order is the nth order.
func (w Workload) Order(n int) Line {
	rng := w.chance(chanceOfOrders, uint64(n))
	var lines []map[string]any
	for range 1 + rng.IntN(linesMax) {
		lines = append(lines, map[string]any{
			"sku": skuID(rng.IntN(w.SKUs)), "quantity": 1 + rng.IntN(pieceMax), "unit_price": unitPrice, "tax_rate": taxRate,
		})
	}
	data := map[string]any{
		"customer_id": buyerID(rng.IntN(w.Customers)), "currency": "EUR", "carrier": "post", "lines": lines,
		"ship_to": map[string]any{"street": "Rue 1", "city": "Monaco", "country": "MC"},
	}
	if rng := w.chance(chanceOfDebits, uint64(n)); rng.IntN(100) < w.Debits {
		data["pay_from_account"] = accountID(rng.IntN(w.Accounts))
	}
	return command("shop.order.place", fmt.Sprintf("o-%06d", n), "place", data)
}

// DebitsOf is how many of the first orders are paid from an account: each has a saga of its own.
func (w Workload) DebitsOf(orders int) (n int) {
	for o := range orders {
		if _, debit := w.Order(o).Data["pay_from_account"]; debit {
			n++
		}
	}
	return n
}

// Answer is what people answer to an event of the shop: whoever moves the money, packs the parcels, or has ordered.
// Asked again, they answer the same.
func (w Workload) Answer(r es.Recorded) []Line {
	id := r.Meta.AggregateID
	var number uint64
	if _, err := fmt.Sscanf(id, "o-%d", &number); err != nil {
		return nil // nobody here has ordered it
	}
	switch e := r.Event.(type) {
	case payment.PaymentRequested:
		switch n := w.chance(chanceOfPayments, number).IntN(100); {
		case n < declined && e.Account == "":
			return []Line{command("shop.payment.decline", id, "decline", map[string]any{"reason": "no cover"})}
		case n >= declined && n < declined+thoughtAgain:
			return []Line{command("shop.order.cancel", id, "cancel", map[string]any{"reason": "changed my mind"})}
		case e.Account != "":
			return nil // a saga answers
		}
		return []Line{command("shop.payment.authorise", id, "authorise", map[string]any{"reference": "auth-" + id})}
	case payment.PaymentSettled:
		return w.refunds(number, id, e)
	case shipment.ShipmentArranged:
		if w.chance(chanceOfParcels, number).IntN(100) < unpacked {
			return []Line{command("shop.shipment.cancel", id, "cancel parcel", map[string]any{"reason": "no box is large enough"})}
		}
		return []Line{command("shop.shipment.dispatch", id, "dispatch", map[string]any{"tracking_number": "MC-" + id})}
	}
	return nil
}

// refunds are those of a payment from an account: all of it, a third, or two of them; or a third and all, of which
// whichever comes first leaves too little for the other.
func (w Workload) refunds(number uint64, id string, e payment.PaymentSettled) []Line {
	order := w.Order(int(number)).Data
	from, debit := order["pay_from_account"]
	rng := w.chance(chanceOfRefunds, number)
	if !debit || rng.IntN(100) >= w.Refunds {
		return nil
	}
	parts := []int64{e.Amount / 3}
	switch rng.IntN(4) {
	case 0:
		parts = append(parts, e.Amount/3)
	case 1:
		parts = append(parts, e.Amount)
	case 2:
		parts[0] = e.Amount
	}
	var out []Line
	for n, amount := range parts {
		tax := amount * taxRate / (100_00 + taxRate)
		if amount == e.Amount {
			tax = amount - priceOf(order) // to the last cent: each line's tax was rounded by itself
		}
		out = append(out, command("shop.refund.request", fmt.Sprintf("%s-r%d", id, n), "request", map[string]any{
			"payment_id": id, "account": from, "amount": amount, "tax": tax, "currency": e.Currency, "reason": "torn",
		}))
	}
	return out
}

// priceOf is what an order's articles cost without tax.
func priceOf(order map[string]any) (price int64) {
	for _, line := range order["lines"].([]map[string]any) {
		price += int64(line["quantity"].(int)) * int64(line["unit_price"].(int))
	}
	return price
}
