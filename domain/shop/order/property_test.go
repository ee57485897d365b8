package order_test

import (
	"errors"
	"fmt"
	"math"
	"math/big"
	"slices"
	"testing"

	"pgregory.net/rapid"

	. "recount/domain/shop/order"
	"recount/internal/es"
)

// lines draws everyday lines and those at the edges of an int64.
func lines() *rapid.Generator[[]Line] {
	number := rapid.OneOf(rapid.Int64Range(1, 30), rapid.Int64Range(1, 30), rapid.Int64Range(math.MaxInt32-1, math.MaxInt32+1), rapid.Int64())
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Line {
		return Line{
			SKU: "sku", Quantity: number.Draw(t, "quantity"), UnitPrice: number.Draw(t, "price"),
			TaxRate: rapid.SampledFrom([]int64{0, 1, 1000, 2100, 3333, 9999, 10_000, -1}).Draw(t, "rate"),
		}
	}), 1, 5)
}

// TestAnOrderCostsTheSumOfItsLines adds up in numbers that cannot overflow, and expects a refusal just where no int64
// holds them.
func TestAnOrderCostsTheSumOfItsLines(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := place(func(c *Place) { c.Lines = lines().Draw(t, "lines") })
		valid := !slices.ContainsFunc(c.Lines, func(l Line) bool { return l.Quantity <= 0 || l.UnitPrice <= 0 || l.TaxRate < 0 })
		want := new(big.Int)
		for _, l := range c.Lines {
			want.Add(want, cost(l))
		}
		state, events, err := es.Handle[Order, Command, Event](Order{}, c)
		if fits := valid && want.IsInt64(); fits != (err == nil) || valid && !fits && !errors.Is(err, Overflow) {
			t.Fatalf("%+v costs %v, and is answered with %v", c.Lines, want, err)
		}
		if err != nil {
			return
		}
		told, net, tax := events[0].(OrderCreated), int64(0), int64(0)
		for i, l := range told.Lines {
			net, tax = net+l.Net, tax+l.Tax
			if l.Line != c.Lines[i] || cost(l.Line).Cmp(big.NewInt(l.Net+l.Tax)) != 0 {
				t.Fatalf("line %+v is priced %+v", c.Lines[i], l)
			}
		}
		if told.Net != net || told.Tax != tax || told.Total != net+tax || want.Cmp(big.NewInt(told.Total)) != 0 || state.Total != told.Total {
			t.Fatalf("%+v is not the sum of its lines, %v", told, want)
		}
	})
}

// cost is what a line costs with its tax, a half of a minor unit rounded up.
func cost(l Line) *big.Int {
	net := new(big.Int).Mul(big.NewInt(l.Quantity), big.NewInt(l.UnitPrice))
	tax := new(big.Int).Mul(net, big.NewInt(l.TaxRate))
	tax.Add(tax, big.NewInt(5000)).Div(tax, big.NewInt(10_000))
	return net.Add(net, tax)
}

func commands() *rapid.Generator[Command] {
	return rapid.Custom(func(t *rapid.T) Command {
		simple := []Command{
			Allocate{}, pay, ArrangeShipping{}, Ship{}, Deliver{}, Allocate{}, pay, ArrangeShipping{}, Ship{},
			CancelShipping{Reason: "r"}, Cancel{Reason: "r"}, Pay{Amount: 1, Currency: "EUR"}, place(func(*Place) {}),
		}
		n := rapid.IntRange(0, len(simple)+7).Draw(t, "command")
		if n < len(simple) {
			return simple[n]
		}
		back := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) ReturnLine {
			return ReturnLine{rapid.SampledFrom([]int32{1, 1, 2, 1, 0, 3}).Draw(t, "line"), rapid.SampledFrom([]int64{1, 1, 2, 3, 0}).Draw(t, "quantity")}
		}), 1, 2)
		return takeBack(fmt.Sprint(rapid.IntRange(0, 30).Draw(t, "return")), back.Draw(t, "lines")...)
	})
}

// TestNobodyGetsBackMoreThanWasPaid sends anything to an order. What has left was paid and is not cancelled, refunds stay
// below the total, and come to it once all came back.
func TestNobodyGetsBackMoreThanWasPaid(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var state Order
		var seen []Status
		for _, e := range given(created, allocated, paid, arranged, shipped)[:rapid.IntRange(1, 5).Draw(t, "begun")] {
			state = state.Evolve(e)
			seen = append(seen, state.Status)
		}
		refunded, refundedTax := int64(0), int64(0)
		for _, c := range rapid.SliceOfN(commands(), 60, 120).Draw(t, "commands") {
			after, events, err := es.Handle[Order, Command, Event](state, c)
			if err != nil && fmt.Sprint(after) != fmt.Sprint(state) {
				t.Fatalf("%+v was refused and changed %+v to %+v", c, state, after)
			}
			for _, e := range events {
				if r, ok := e.(ItemsReturned); ok {
					refunded, refundedTax = refunded+r.Refund, refundedTax+r.RefundTax
				}
			}
			if state = after; len(events) > 0 {
				seen = append(seen, state.Status)
			}
		}
		left := slices.Contains(seen, StatusShipped)
		if left && (!slices.Contains(seen, StatusPaid) || slices.Contains(seen, StatusCancelled)) {
			t.Fatalf("an order left on the way %v", seen)
		}
		if refunded > created.Total || refundedTax > created.Tax || refunded > 0 && !left {
			t.Fatalf("%d with %d of tax were given back on the way %v", refunded, refundedTax, seen)
		}
		if all := refunded == created.Total && refundedTax == created.Tax; all != (state.Status == StatusReturned) {
			t.Fatalf("%d with %d of tax came back and the order is %s", refunded, refundedTax, state.Status)
		}
	})
}

// TestEvolveTakesAnyFact folds events in any order with any values.
func TestEvolveTakesAnyFact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.OneOf(
			rapid.Make[OrderCreated]().AsAny(), rapid.Make[OrderAllocated]().AsAny(), rapid.Make[OrderPaid]().AsAny(),
			rapid.Make[ShippingArranged]().AsAny(), rapid.Make[ShippingCancelled]().AsAny(), rapid.Make[OrderShipped]().AsAny(),
			rapid.Make[OrderDelivered]().AsAny(), rapid.Make[OrderCancelled]().AsAny(), rapid.Make[ItemsReturned]().AsAny(),
		)).Draw(t, "facts")
		var state Order
		for _, fact := range facts {
			state = state.Evolve(fact.(Event))
		}
		for _, c := range rapid.SliceOfN(commands(), 1, 5).Draw(t, "commands") {
			_, _, err := es.Handle[Order, Command, Event](state, c) // whatever state came about, it is answered
			if refusal := es.Refusal(""); err != nil && !errors.As(err, &refusal) {
				t.Fatalf("%+v on %+v: %v is no refusal", c, state, err)
			}
		}
	})
}
