// Package order is the order aggregate: what a customer wants, what it costs, and how far it has come. Amounts are minor
// units of the order's one currency.
//
//	placed → allocated → paid → shipping → shipped → delivered → returned
//	   └─────────┴─────────┴──▶ cancelled
//
// It is the one place where two wishes meet: whoever cancels and whoever hands the goods to shipping ask the same order,
// so that one of them is refused. From ShippingArranged on nobody cancels, unless shipping gives the order back first
// (CancelShipping); what has left can only be returned.
//
// Each command on the way may be sent again: an order that has come that far, or further, answers that nothing changes.
// It never looks at stock, money or parcels: whoever sends Allocate, Pay or Ship says that it is so.
package order

import (
	"slices"

	"recount/internal/es"
)

// Status is how far an order has come. The strings are wire names.
type Status string

// The statuses of an order; one that nobody has placed has none.
const (
	StatusPlaced    Status = "placed"
	StatusAllocated Status = "allocated" // every line has its stock
	StatusPaid      Status = "paid"
	StatusShipping  Status = "shipping" // handed to shipping: too late to cancel
	StatusShipped   Status = "shipped"
	StatusDelivered Status = "delivered"
	StatusReturned  Status = "returned"  // all of it came back
	StatusCancelled Status = "cancelled" // for good
)

// Order is the state of one order. Its zero value has never been placed.
type Order struct {
	Status     Status `avro:"status"`
	CustomerID string `avro:"customer_id"`
	Currency   string `avro:"currency"`
	// Lines are never written to: Evolve makes new ones.
	Lines []Sold `avro:"lines"`
	// Total is what the customer pays, taxes included.
	Total int64 `avro:"total"`
	// Returns are the IDs of what came back.
	Returns []string `avro:"returns"`
}

// Sold is a line of an order, and how much of it came back.
type Sold struct {
	PricedLine
	Returned int64 `avro:"returned"`
}

// Decide returns the facts c makes true, or refuses.
func (o Order) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Place:
		return o.place(c)
	case Allocate:
		return o.allocate()
	case Pay:
		return o.pay(c)
	case ArrangeShipping:
		return o.arrangeShipping()
	case CancelShipping:
		return o.cancelShipping(c)
	case Ship:
		return o.ship(c)
	case Deliver:
		return o.deliver()
	case Cancel:
		return o.cancel(c)
	case Return:
		return o.takeBack(c)
	}
	panic(es.Unhandled(c))
}

// reached reports whether the order has come as far as status, on a way on which it can't be cancelled.
func (o Order) reached(status Status) bool {
	way := [...]Status{StatusPlaced, StatusAllocated, StatusPaid, StatusShipping, StatusShipped, StatusDelivered, StatusReturned}
	return slices.Contains(way[slices.Index(way[:], status):], o.Status)
}

// requireAlive refuses what is asked of an order that is not there yet, or no longer.
func (o Order) requireAlive() error {
	return es.First(
		es.Require(o.Status != "", NotPlaced),
		es.Require(o.Status != StatusCancelled, Cancelled))
}

// Evolve returns the order after e. It never refuses and never panics: e already happened.
func (o Order) Evolve(e Event) Order {
	switch e := e.(type) {
	case OrderCreated:
		o.Status, o.CustomerID, o.Currency, o.Total = StatusPlaced, e.CustomerID, e.Currency, e.Total
		o.Lines = make([]Sold, len(e.Lines))
		for i, line := range e.Lines {
			o.Lines[i] = Sold{PricedLine: line}
		}
	case OrderAllocated:
		o.Status = StatusAllocated
	case OrderPaid:
		o.Status = StatusPaid
	case ShippingArranged:
		o.Status = StatusShipping
	case ShippingCancelled:
		o.Status = StatusPaid
	case OrderShipped:
		o.Status = StatusShipped
	case OrderDelivered:
		o.Status = StatusDelivered
	case OrderCancelled:
		o.Status = StatusCancelled
	case ItemsReturned:
		o.Status = e.StatusAfter
		o.Lines = withReturned(o.Lines, e.Lines)
		o.Returns = append(slices.Clone(o.Returns), e.ReturnID)
	default:
		panic(es.Unhandled(e))
	}
	return o
}
