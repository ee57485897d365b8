package shopday

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// Shares of the orders, in hundredths. An order meets one difficulty at most: which of two it met first would be chance.
const (
	wantScarce   = 30 // one of the articles of which there is little
	badCustomers = 5  // of customers with little credit, or blocked
	silent       = 20 // of the first hour's: nobody answers for the money
	declined     = 8
	thoughtAgain = 5  // the customer cancels while the money is waited for
	debits       = 15 // of the others: paid from an account of the bank, which needs nobody's answer
	unpacked     = 3  // the parcel does not leave
	onTheirWay   = 6  // shipped, and not delivered before the demo ends
	sentBack     = 15
	sentAllBack  = 30 // of those that are sent back, a second time: the rest
)

const (
	linesMax  = 4
	piecesMax = 3
	// SilenceSeconds is how long an order waits for money that nobody answers for: long enough for its hour to come to rest.
	SilenceSeconds = 10
)

// wish is an order of the day, and what everybody outside the shop will do about it.
type wish struct {
	number, hour, customer int
	at                     time.Time
	lines                  []wanted
	// ordinary: nothing but its own fate stops it.
	ordinary bool

	// account is that of the bank which pays; empty: somebody answers for the money.
	account string
	pays    answer
	packs   bool
	arrives bool
	// returns is how often something is sent back: never, once, or a second time what was left.
	returns int
}

// wanted is a line of an order.
type wanted struct {
	sku            string
	pieces         int64
	price, taxRate int64
}

// answer is what whoever is to pay does.
type answer int

const (
	authorises answer = iota
	declines
	cancels // the order
	isSilent
)

func orderID(n int) string { return fmt.Sprintf("order-%06d", n) }

func (o *wish) id() string { return orderID(o.number) }

// orders makes all of the day's up, those of the first hour first.
func (d Day) orders() []wish {
	out := make([]wish, d.Orders)
	rng, bank := d.chance(chanceOfOrders), d.chance(chanceOfDebits)
	taken, hour := map[string]bool{}, 0
	for n := range out {
		o := wish{number: n, hour: n * Hours / d.Orders}
		if o.hour != hour {
			hour = o.hour
			clear(taken)
		}
		o.at = Begin().Add(time.Duration(n) * Hours * time.Hour / time.Duration(d.Orders)).Truncate(time.Second)
		d.fill(rng, &o, taken)
		o.fate(rng)
		d.debit(bank, &o)
		out[n] = o
	}
	return out
}

// fill decides who orders what. taken is what has had its one wish in this hour.
func (d Day) fill(rng *rand.Rand, o *wish, taken map[string]bool) {
	o.customer, o.ordinary = d.goodCustomer(rng), true
	rare := rng.IntN(d.scarce())
	bad := rng.IntN(d.customers()/customersEach)*customersEach + rng.IntN(2)
	pieces := func() int64 { return int64(1 + rng.IntN(piecesMax)) }
	switch roll := rng.IntN(100); {
	case roll < wantScarce && isTurn(rare, o.hour) && !taken[scarceID(rare)]:
		taken[scarceID(rare)], o.ordinary = true, false
		o.lines = append(o.lines, wanted{scarceID(rare), pieces(), price(rare), taxRate(rare)})
	case roll >= 100-badCustomers && isTurn(bad/customersEach, o.hour) && !taken[customerID(bad)]:
		taken[customerID(bad)], o.ordinary = true, false
		o.customer = bad
	}
	for range 1 + rng.IntN(linesMax-len(o.lines)) {
		n := rng.IntN(d.articles())
		o.lines = append(o.lines, wanted{articleID(n), pieces(), price(n), taxRate(n)})
	}
}

// goodCustomer is one to whom the shop sells anything.
func (d Day) goodCustomer(rng *rand.Rand) int {
	each := d.customers() / customersEach
	return rng.IntN(each)*customersEach + 2 + rng.IntN(customersEach-2)
}

// fate decides what everybody does about the order. What no hour bounds, silence and a second return, is for ordinary
// ones: nobody else waits for what they hold.
func (o *wish) fate(rng *rand.Rand) {
	below := func(share int) bool { return rng.IntN(100) < share }
	switch {
	case below(silent) && o.hour == 0 && o.ordinary:
		o.pays = isSilent
	case below(declined):
		o.pays = declines
	case below(thoughtAgain):
		o.pays = cancels
	}
	o.packs, o.arrives = !below(unpacked), !below(onTheirWay)
	if below(sentBack) {
		o.returns = 1
	}
	if below(sentAllBack) && o.returns == 1 && o.ordinary {
		o.returns = 2
	}
}

// debit has some ordinary orders be paid from an account, now and then from one that is frozen or closed.
func (d Day) debit(rng *rand.Rand, o *wish) {
	from, paid := accountID(rng.IntN(d.bankAccounts())), rng.IntN(100) < debits
	if paid && o.ordinary && o.pays == authorises {
		o.account = from
	}
}

func (d Day) place(o *wish) Line {
	var lines []map[string]any
	for _, l := range o.lines {
		lines = append(lines, map[string]any{"sku": l.sku, "quantity": l.pieces, "unit_price": l.price, "tax_rate": l.taxRate})
	}
	data := map[string]any{
		"customer_id": customerID(o.customer), "currency": currency, "carrier": "post", "lines": lines, "ship_to": home(o.customer),
	}
	if o.account != "" {
		data["pay_from_account"] = o.account
	}
	if o.pays == isSilent {
		data["pay_within_seconds"] = SilenceSeconds
	}
	return d.line("shop.order.place", o.id(), "place", o.at, data)
}
