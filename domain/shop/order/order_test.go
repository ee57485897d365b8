package order_test

import (
	"math"
	"os"
	"slices"
	"testing"

	"recount/domain/address"
	. "recount/domain/shop/order"
	"recount/internal/es/estest"
)

type row = estest.Case[Command, Event]

// The values that the tables begin with: an order of 3 books at 4.99 with 9.5 % tax and a lamp at 20.00 with 21 %.
var (
	home  = address.Address{Street: "St James's Square 12", City: "London", PostalCode: "SW1Y 4JH", Country: "GB"}
	books = Line{SKU: "book", Quantity: 3, UnitPrice: 499, TaxRate: 950}
	lamp  = Line{SKU: "lamp", Quantity: 1, UnitPrice: 2000, TaxRate: 2100}

	created = OrderCreated{
		CustomerID: "ada", Currency: "EUR", Carrier: "post", ShipTo: home,
		Lines: []PricedLine{{Line: books, Net: 1497, Tax: 142}, {Line: lamp, Net: 2000, Tax: 420}},
		Net:   3497, Tax: 562, Total: 4059,
	}
	allocated = OrderAllocated{CustomerID: "ada", Currency: "EUR", Total: 4059}
	paid      = OrderPaid{CustomerID: "ada", Currency: "EUR", Total: 4059}
	arranged  = ShippingArranged{CustomerID: "ada", Currency: "EUR", Total: 4059}
	givenBack = ShippingCancelled{CustomerID: "ada", Currency: "EUR", Total: 4059, Reason: "lost"}
	shipped   = OrderShipped{CustomerID: "ada", Currency: "EUR", Total: 4059, TrackingNumber: "GB-1"}
	delivered = OrderDelivered{CustomerID: "ada", Currency: "EUR", Total: 4059}
	cancelled = cancelledFrom(StatusPlaced)
	pay       = Pay{Amount: 4059, Currency: "EUR"}
	oneBook   = ItemsReturned{
		ReturnID: "r-1", CustomerID: "ada", Currency: "EUR", Total: 4059, Refund: 546, RefundTax: 47, StatusAfter: StatusDelivered,
		Lines: []ReturnedLine{{Line: 1, SKU: "book", Quantity: 1, Net: 499, Tax: 47}},
	}
)

func cancelledFrom(before Status) OrderCancelled {
	return OrderCancelled{CustomerID: "ada", Currency: "EUR", Total: 4059, Reason: "changed my mind", StatusBefore: before}
}

func given(events ...Event) []Event { return events }

// until is the way of an order up to and with last.
func until(last Event) []Event {
	way := given(created, allocated, paid, arranged, shipped, delivered)
	return way[:slices.IndexFunc(way, func(e Event) bool { return estest.WireName(Type(), e) == estest.WireName(Type(), last) })+1]
}

func after(last Event, more ...Event) []Event { return slices.Concat(until(last), more) }

func place(change func(*Place)) Place {
	c := Place{CustomerID: "ada", Currency: "EUR", Lines: []Line{books, lamp}, Carrier: "post", ShipTo: home}
	change(&c)
	return c
}

func placeLine(change func(*Line)) Place {
	line := books
	change(&line)
	return place(func(c *Place) { c.Lines = []Line{lamp, line} })
}

func cases() []row {
	return slices.Concat(placings(), progresses(), shippings(), cancellings(), returns())
}

func placings() []row {
	asIs := place(func(*Place) {})
	return []row{
		{Name: "place", When: asIs, Then: given(created)},
		{Name: "place twice", Given: given(created), When: asIs, Refused: AlreadyPlaced},
		{Name: "place what was cancelled", Given: given(created, cancelled), When: asIs, Refused: AlreadyPlaced},
		{
			Name: "place one article in two lines", When: place(func(c *Place) { c.Lines = []Line{lamp, lamp} }),
			Then: given(OrderCreated{
				CustomerID: "ada", Currency: "EUR", Carrier: "post", ShipTo: home,
				Lines: []PricedLine{{Line: lamp, Net: 2000, Tax: 420}, {Line: lamp, Net: 2000, Tax: 420}}, Net: 4000, Tax: 840, Total: 4840,
			}),
		},
		{
			Name: "place with a time for the money", When: place(func(c *Place) { c.PayWithinSeconds = PayWithinSecondsMax }),
			Then: given(OrderCreated{
				CustomerID: "ada", Currency: "EUR", Carrier: "post", ShipTo: home, PayWithinSeconds: PayWithinSecondsMax,
				Lines: []PricedLine{{Line: books, Net: 1497, Tax: 142}, {Line: lamp, Net: 2000, Tax: 420}}, Net: 3497, Tax: 562, Total: 4059,
			}),
		},
		{Name: "place with less than no time", When: place(func(c *Place) { c.PayWithinSeconds = -1 }), Refused: PayWithinInvalid},
		{Name: "place with too much time", When: place(func(c *Place) { c.PayWithinSeconds = PayWithinSecondsMax + 1 }), Refused: PayWithinInvalid},
		{Name: "place for nobody", When: place(func(c *Place) { c.CustomerID = "" }), Refused: CustomerMissing},
		{Name: "place in small letters", When: place(func(c *Place) { c.Currency = "eur" }), Refused: CurrencyInvalid},
		{Name: "place without a carrier", When: place(func(c *Place) { c.Carrier = "" }), Refused: CarrierMissing},
		{Name: "place to nowhere", When: place(func(c *Place) { c.ShipTo = address.Address{} }), Refused: AddressIncomplete},
		{Name: "place to no country's code", When: place(func(c *Place) { c.ShipTo.Country = "Great Britain" }), Refused: CountryInvalid},
		{Name: "place nothing", When: place(func(c *Place) { c.Lines = nil }), Refused: LinesMissing},
		{Name: "place too many lines", When: place(func(c *Place) { c.Lines = slices.Repeat([]Line{lamp}, LinesMax+1) }), Refused: TooManyLines},
		{Name: "place no article", When: placeLine(func(l *Line) { l.SKU = "" }), Refused: SKUMissing},
		{Name: "place none of an article", When: placeLine(func(l *Line) { l.Quantity = 0 }), Refused: QuantityNotPositive},
		{Name: "place fewer than none", When: placeLine(func(l *Line) { l.Quantity = math.MinInt64 }), Refused: QuantityNotPositive},
		{Name: "place for nothing", When: placeLine(func(l *Line) { l.UnitPrice = 0 }), Refused: PriceNotPositive},
		{Name: "place for less than nothing", When: placeLine(func(l *Line) { l.UnitPrice = -1 }), Refused: PriceNotPositive},
		{Name: "place with a tax below nothing", When: placeLine(func(l *Line) { l.TaxRate = -1 }), Refused: TaxRateInvalid},
		{Name: "place with a tax above the price", When: placeLine(func(l *Line) { l.TaxRate = 10_001 }), Refused: TaxRateInvalid},
		{Name: "place a line that does not fit", When: placeLine(func(l *Line) { l.Quantity, l.UnitPrice = 1<<32, 1<<31 }), Refused: Overflow},
		{Name: "place a line that does not fit with its tax", When: placeLine(func(l *Line) { l.Quantity, l.UnitPrice = 1, math.MaxInt64 }), Refused: Overflow},
		{Name: "place lines that do not fit together", When: placeLine(func(l *Line) { l.Quantity, l.UnitPrice, l.TaxRate = 1, math.MaxInt64-2419, 0 }), Refused: Overflow},
	}
}

func progresses() []row {
	return []row{
		{Name: "allocate", Given: until(created), When: Allocate{}, Then: given(allocated)},
		{Name: "allocate twice", Given: until(allocated), When: Allocate{}},
		{Name: "allocate what has left", Given: until(shipped), When: Allocate{}},
		{Name: "allocate nothing", When: Allocate{}, Refused: NotPlaced},
		{Name: "allocate what was cancelled", Given: given(created, cancelled), When: Allocate{}, Refused: Cancelled},

		{Name: "pay", Given: until(allocated), When: pay, Then: given(paid)},
		{Name: "pay twice", Given: until(paid), When: pay},
		{Name: "pay before there is stock", Given: until(created), When: pay, Refused: NotAllocated},
		{Name: "pay too little", Given: until(allocated), When: Pay{Amount: 4058, Currency: "EUR"}, Refused: AmountMismatch},
		{Name: "pay too much, again", Given: until(paid), When: Pay{Amount: 4060, Currency: "EUR"}, Refused: AmountMismatch},
		{Name: "pay in another currency", Given: until(allocated), When: Pay{Amount: 4059, Currency: "USD"}, Refused: CurrencyMismatch},
		{Name: "pay for nothing", When: pay, Refused: NotPlaced},
		{Name: "pay for what was cancelled", Given: given(created, cancelled), When: pay, Refused: Cancelled},

		{Name: "deliver", Given: until(shipped), When: Deliver{}, Then: given(delivered)},
		{Name: "deliver twice", Given: until(delivered), When: Deliver{}},
		{Name: "deliver what has not left", Given: until(arranged), When: Deliver{}, Refused: NotShipped},
		{Name: "deliver nothing", When: Deliver{}, Refused: NotPlaced},
		{Name: "deliver what was cancelled", Given: given(created, cancelled), When: Deliver{}, Refused: Cancelled},
	}
}

func shippings() []row {
	return []row{
		{Name: "arrange shipping", Given: until(paid), When: ArrangeShipping{}, Then: given(arranged)},
		{Name: "arrange it twice", Given: until(arranged), When: ArrangeShipping{}},
		{Name: "arrange it before payment", Given: until(allocated), When: ArrangeShipping{}, Refused: NotPaid},
		{Name: "arrange it for nothing", When: ArrangeShipping{}, Refused: NotPlaced},
		{Name: "arrange it for what was cancelled", Given: after(paid, cancelledFrom(StatusPaid)), When: ArrangeShipping{}, Refused: Cancelled},
		{Name: "arrange it again once it was cancelled", Given: after(arranged, givenBack), When: ArrangeShipping{}, Then: given(arranged)},

		{Name: "cancel shipping", Given: until(arranged), When: CancelShipping{Reason: "lost"}, Then: given(givenBack)},
		{Name: "cancel shipping twice", Given: after(arranged, givenBack), When: CancelShipping{Reason: "lost"}},
		{Name: "cancel shipping of what was cancelled", Given: given(created, cancelled), When: CancelShipping{}},
		{Name: "cancel shipping of what has left", Given: until(shipped), When: CancelShipping{}, Refused: AlreadyShipped},
		{Name: "cancel shipping of nothing", When: CancelShipping{}, Refused: NotPlaced},

		{Name: "ship", Given: until(arranged), When: Ship{TrackingNumber: "GB-1"}, Then: given(shipped)},
		{Name: "ship twice", Given: until(shipped), When: Ship{TrackingNumber: "GB-1"}},
		{Name: "ship what nobody has arranged", Given: until(paid), When: Ship{}, Refused: ShippingNotArranged},
		{Name: "ship what shipping gave back", Given: after(arranged, givenBack), When: Ship{}, Refused: ShippingNotArranged},
		{Name: "ship nothing", When: Ship{}, Refused: NotPlaced},
		{Name: "ship what was cancelled", Given: given(created, cancelled), When: Ship{}, Refused: Cancelled},
	}
}

func cancellings() []row {
	cancel := Cancel{Reason: "changed my mind"}
	return []row{
		{Name: "cancel", Given: until(created), When: cancel, Then: given(cancelled)},
		{Name: "cancel what is allocated", Given: until(allocated), When: cancel, Then: given(cancelledFrom(StatusAllocated))},
		{Name: "cancel what is paid", Given: until(paid), When: cancel, Then: given(cancelledFrom(StatusPaid))},
		{Name: "cancel what shipping gave back", Given: after(arranged, givenBack), When: cancel, Then: given(cancelledFrom(StatusPaid))},
		{Name: "cancel twice", Given: given(created, cancelled), When: Cancel{Reason: "another"}},
		{Name: "cancel what shipping has", Given: until(arranged), When: cancel, Refused: TooLateToCancel},
		{Name: "cancel what has left", Given: until(shipped), When: cancel, Refused: TooLateToCancel},
		{Name: "cancel what has arrived", Given: until(delivered), When: cancel, Refused: TooLateToCancel},
		{Name: "cancel without a reason", Given: until(created), When: Cancel{}, Refused: ReasonMissing},
		{Name: "cancel nothing", When: cancel, Refused: NotPlaced},
	}
}

func takeBack(id string, lines ...ReturnLine) Return { return Return{ReturnID: id, Lines: lines} }

func returns() []row {
	const most = math.MaxInt64
	return []row{
		{Name: "return one book", Given: until(delivered), When: takeBack("r-1", ReturnLine{1, 1}), Then: given(oneBook)},
		{
			Name: "return the rest", Given: after(delivered, oneBook), When: Return{ReturnID: "r-2", Lines: []ReturnLine{{2, 1}, {1, 1}, {1, 1}}, Reason: "no lamp, no books"},
			Then: given(ItemsReturned{ // 4059 less 546: the parts are the whole, and no tax is lost to rounding
				ReturnID: "r-2", CustomerID: "ada", Currency: "EUR", Total: 4059, Refund: 3513, RefundTax: 515, Reason: "no lamp, no books",
				Lines: []ReturnedLine{
					{Line: 2, SKU: "lamp", Quantity: 1, Net: 2000, Tax: 420},
					{Line: 1, SKU: "book", Quantity: 1, Net: 499, Tax: 48}, {Line: 1, SKU: "book", Quantity: 1, Net: 499, Tax: 47},
				},
				StatusAfter: StatusReturned,
			}),
		},
		{
			Name: "return to the sender", Given: until(shipped), When: takeBack("r-1", ReturnLine{1, 3}, ReturnLine{2, 1}),
			Then: given(ItemsReturned{
				ReturnID: "r-1", CustomerID: "ada", Currency: "EUR", Total: 4059, Refund: 4059, RefundTax: 562, StatusAfter: StatusReturned,
				Lines: []ReturnedLine{{Line: 1, SKU: "book", Quantity: 3, Net: 1497, Tax: 142}, {Line: 2, SKU: "lamp", Quantity: 1, Net: 2000, Tax: 420}},
			}),
		},
		{Name: "return the same again", Given: after(delivered, oneBook), When: takeBack("r-1", ReturnLine{1, 1})},
		{Name: "return more than was sold", Given: until(delivered), When: takeBack("r-1", ReturnLine{1, 4}), Refused: ReturnedTooMuch},
		{Name: "return more than is out", Given: after(delivered, oneBook), When: takeBack("r-2", ReturnLine{1, 3}), Refused: ReturnedTooMuch},
		{Name: "return too much in two parts", Given: until(delivered), When: takeBack("r-1", ReturnLine{1, 2}, ReturnLine{1, 2}), Refused: ReturnedTooMuch},
		{Name: "return all there could be", Given: until(delivered), When: takeBack("r-1", ReturnLine{1, most}), Refused: ReturnedTooMuch},
		{Name: "return none", Given: until(delivered), When: takeBack("r-1", ReturnLine{1, 0}), Refused: QuantityNotPositive},
		{Name: "return fewer than none", Given: until(delivered), When: takeBack("r-1", ReturnLine{1, -1}), Refused: QuantityNotPositive},
		{Name: "return another line", Given: until(delivered), When: takeBack("r-1", ReturnLine{3, 1}), Refused: LineUnknown},
		{Name: "return line zero", Given: until(delivered), When: takeBack("r-1", ReturnLine{0, 1}), Refused: LineUnknown},
		{Name: "return no line", Given: until(delivered), When: takeBack("r-1"), Refused: LinesMissing},
		{Name: "return under no name", Given: until(delivered), When: takeBack("", ReturnLine{1, 1}), Refused: ReturnIDMissing},
		{Name: "return what has not left", Given: until(arranged), When: takeBack("r-1", ReturnLine{1, 1}), Refused: NotShipped},
		{Name: "return nothing", When: takeBack("r-1", ReturnLine{1, 1}), Refused: NotPlaced},
		{Name: "return what was cancelled", Given: given(created, cancelled), When: takeBack("r-1", ReturnLine{1, 1}), Refused: Cancelled},
	}
}

func TestOrder(t *testing.T) {
	t.Parallel()
	estest.Run[Order](t, cases())
}

func TestEveryRefusalCommandAndEventHasARow(t *testing.T) {
	t.Parallel()
	estest.Complete(t, Type(), os.DirFS("."), cases())
}

func TestNoStateIsSharedWithALaterOne(t *testing.T) {
	t.Parallel()
	again := oneBook
	again.ReturnID = "r-2"
	if err := estest.Shared[Order](after(delivered, oneBook, again)); err != nil {
		t.Error(err)
	}
}
