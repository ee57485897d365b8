package order

import "recount/domain/address"

// Event states what happened. The set is sealed.
//
// Every event tells the customer, the currency and the order's total, so that a report needs no look-up. Where it goes
// is told once, where it was given.
//
//sumtype:decl
type Event interface{ event() }

// PricedLine is a line and what it costs.
type PricedLine struct {
	Line
	// Net is the price of all of the line, Tax what comes on top.
	Net int64 `avro:"net"`
	Tax int64 `avro:"tax"`
}

// OrderCreated begins an order.
type OrderCreated struct {
	CustomerID string          `avro:"customer_id"`
	Currency   string          `avro:"currency"`
	Lines      []PricedLine    `avro:"lines"`
	Carrier    string          `avro:"carrier"`
	ShipTo     address.Address `avro:"ship_to"`
	// PayWithinSeconds is how long the money may take; 0: as long as the shop gives everybody.
	PayWithinSeconds int64 `avro:"pay_within_seconds"`
	// PayFromAccount is the account of the bank that the money is to come from; empty: it comes from none.
	PayFromAccount string `avro:"pay_from_account"`
	// Net and Tax are the sums of the lines', Total both together.
	Net   int64 `avro:"net"`
	Tax   int64 `avro:"tax"`
	Total int64 `avro:"total"`
}

// OrderAllocated says that every line has its stock.
type OrderAllocated struct {
	CustomerID string `avro:"customer_id"`
	Currency   string `avro:"currency"`
	Total      int64  `avro:"total"`
}

// OrderPaid says that the total was paid.
type OrderPaid struct {
	CustomerID string `avro:"customer_id"`
	Currency   string `avro:"currency"`
	Total      int64  `avro:"total"`
}

// ShippingArranged says that shipping has the order.
type ShippingArranged struct {
	CustomerID string `avro:"customer_id"`
	Currency   string `avro:"currency"`
	Total      int64  `avro:"total"`
}

// ShippingCancelled says that shipping gave the order back, as it was before: paid.
type ShippingCancelled struct {
	CustomerID string `avro:"customer_id"`
	Currency   string `avro:"currency"`
	Total      int64  `avro:"total"`
	Reason     string `avro:"reason"`
}

// OrderShipped says that the order has left.
type OrderShipped struct {
	CustomerID     string `avro:"customer_id"`
	Currency       string `avro:"currency"`
	Total          int64  `avro:"total"`
	TrackingNumber string `avro:"tracking_number"`
}

// OrderDelivered says that the order has arrived.
type OrderDelivered struct {
	CustomerID string `avro:"customer_id"`
	Currency   string `avro:"currency"`
	Total      int64  `avro:"total"`
}

// OrderCancelled ends an order that has not left.
type OrderCancelled struct {
	CustomerID   string `avro:"customer_id"`
	Currency     string `avro:"currency"`
	Total        int64  `avro:"total"`
	Reason       string `avro:"reason"`
	StatusBefore Status `avro:"status_before"`
}

// ReturnedLine is how much of a line came back, and what it is worth.
type ReturnedLine struct {
	Line     int32  `avro:"line"`
	SKU      string `avro:"sku"`
	Quantity int64  `avro:"quantity"`
	Net      int64  `avro:"net"`
	Tax      int64  `avro:"tax"`
}

// ItemsReturned says that goods came back.
type ItemsReturned struct {
	ReturnID   string         `avro:"return_id"`
	CustomerID string         `avro:"customer_id"`
	Currency   string         `avro:"currency"`
	Total      int64          `avro:"total"`
	Lines      []ReturnedLine `avro:"lines"`
	// Refund is what the customer is owed for them, RefundTax the tax in it.
	Refund    int64  `avro:"refund"`
	RefundTax int64  `avro:"refund_tax"`
	Reason    string `avro:"reason"`
	// StatusAfter is returned once all of the order came back; until then it stays as it was.
	StatusAfter Status `avro:"status_after"`
}

func (OrderCreated) event()      {}
func (OrderAllocated) event()    {}
func (OrderPaid) event()         {}
func (ShippingArranged) event()  {}
func (ShippingCancelled) event() {}
func (OrderShipped) event()      {}
func (OrderDelivered) event()    {}
func (OrderCancelled) event()    {}
func (ItemsReturned) event()     {}
