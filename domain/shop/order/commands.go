package order

import "recount/domain/address"

// Command asks for a change. The set is sealed.
//
//sumtype:decl
type Command interface{ command() }

// Line is what a customer wants of one article. Lines are counted from 1, in the order in which they are placed.
type Line struct {
	SKU      string `avro:"sku"`
	Quantity int64  `avro:"quantity"`
	// UnitPrice is without tax.
	UnitPrice int64 `avro:"unit_price"`
	// TaxRate is in hundredths of a percent: 2100 is 21 %.
	TaxRate int64 `avro:"tax_rate"`
}

// Place asks for a new order.
type Place struct {
	// CustomerID is whose order it is. It is not looked up: customers are aggregates of their own.
	CustomerID string          `avro:"customer_id"`
	Currency   string          `avro:"currency"`
	Lines      []Line          `avro:"lines"`
	Carrier    string          `avro:"carrier"`
	ShipTo     address.Address `avro:"ship_to"`
	// PayWithinSeconds is how long the money may take; 0: as long as the shop gives everybody.
	PayWithinSeconds int64 `avro:"pay_within_seconds"`
	// PayFromAccount is the account of the bank that the money is to come from. It is not looked up; empty: it comes from
	// none, and whoever moves the money answers by themselves.
	PayFromAccount string `avro:"pay_from_account"`
}

// Allocate says that every line has its stock.
type Allocate struct{}

// Pay says that all of the order was paid.
type Pay struct {
	Amount   int64  `avro:"amount"`
	Currency string `avro:"currency"`
}

// ArrangeShipping asks to hand the order to shipping. From then on nobody cancels it.
type ArrangeShipping struct{}

// CancelShipping says that shipping gives the order back: it does not leave. An order that shipping does not have stays
// as it is.
type CancelShipping struct {
	Reason string `avro:"reason"`
}

// Ship says that the order has left.
type Ship struct {
	// TrackingNumber is the carrier's; empty where it has none.
	TrackingNumber string `avro:"tracking_number"`
}

// Deliver says that the order has arrived.
type Deliver struct{}

// Cancel asks to end an order that shipping does not have.
type Cancel struct {
	// Reason is for the customer and for whoever asks later: a refusal's code, or words.
	Reason string `avro:"reason"`
}

// ReturnLine is how much of a line comes back.
type ReturnLine struct {
	Line     int32 `avro:"line"`
	Quantity int64 `avro:"quantity"`
}

// Return says that goods came back. It may be sent again under its ReturnID.
type Return struct {
	// ReturnID tells this return from the order's others.
	ReturnID string       `avro:"return_id"`
	Lines    []ReturnLine `avro:"lines"`
	Reason   string       `avro:"reason"`
}

func (Place) command()           {}
func (Allocate) command()        {}
func (Pay) command()             {}
func (ArrangeShipping) command() {}
func (CancelShipping) command()  {}
func (Ship) command()            {}
func (Deliver) command()         {}
func (Cancel) command()          {}
func (Return) command()          {}
