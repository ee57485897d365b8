// Package inventory is the inventory aggregate: how much there is of one article (its SKU is the aggregate's ID), and how
// much of that is promised to orders. Quantities are whole pieces.
//
//	0 ≤ allocated ≤ on hand        allocated = the sum of what is promised and has not left
//
// A promise is told apart by order and line, for as long as it is open: the same promise again changes nothing. Once it
// has been released or shipped it is forgotten, or the state of an article would grow with everything ever sold; a
// repeat of then is recognised by its command's ID, like any other.
//
// It knows no order: that what is promised will be paid, and leaves, is for others to see to.
package inventory

import (
	"slices"

	"recount/domain/money"
	"recount/internal/es"
)

// OpenMax bounds the open promises of one article, and so its state.
const OpenMax = 4_000

// Inventory is the state of one article. Its zero value is of an article that was never received.
type Inventory struct {
	// Known is set by the first delivery.
	Known  bool  `avro:"known"`
	OnHand int64 `avro:"on_hand"`
	// Allocated is the sum of Open.
	Allocated int64 `avro:"allocated"`
	// Open is never written to: Evolve makes a new one.
	Open []Allocation `avro:"open"`
}

// Allocation is a promise to one line of an order.
type Allocation struct {
	OrderID string `avro:"order_id"`
	// Line counts from 1.
	Line     int32 `avro:"line"`
	Quantity int64 `avro:"quantity"`
}

// Free is how much can still be promised.
func (s Inventory) Free() int64 { return s.OnHand - s.Allocated }

// Decide returns the facts c makes true, or refuses.
func (s Inventory) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Receive:
		return s.receive(c)
	case Allocate:
		return s.allocate(c)
	case Release:
		return s.release(c)
	case Ship:
		return s.ship(c)
	case Adjust:
		return s.adjust(c)
	}
	panic(es.Unhandled(c))
}

func (s Inventory) receive(c Receive) ([]Event, error) {
	return es.Emit[Event](
		StockReceived{Quantity: c.Quantity, Reference: c.Reference, OnHandAfter: s.OnHand + c.Quantity, AllocatedAfter: s.Allocated},
		es.Require(c.Quantity > 0, QuantityNotPositive),
		es.Require(money.Fits(s.OnHand, c.Quantity), Overflow))
}

func (s Inventory) allocate(c Allocate) ([]Event, error) {
	if open, ok := s.find(c.OrderID, c.Line); ok {
		return nil, es.Require(open.Quantity == c.Quantity, AllocatedOtherwise)
	}
	return es.Emit[Event](
		ItemAllocated{
			OrderID: c.OrderID, Line: c.Line, Quantity: c.Quantity, OnHandAfter: s.OnHand, AllocatedAfter: s.Allocated + c.Quantity,
		},
		es.Require(s.Known, NotStocked),
		es.Require(c.OrderID != "" && c.Line > 0, LineMissing),
		es.Require(c.Quantity > 0, QuantityNotPositive),
		es.Require(c.Quantity <= s.Free(), InsufficientStock),
		es.Require(len(s.Open) < OpenMax, TooManyAllocations))
}

func (s Inventory) release(c Release) ([]Event, error) {
	open, ok := s.find(c.OrderID, c.Line)
	if !ok {
		return nil, es.Require(s.Known, NotStocked)
	}
	return []Event{ItemReleased{
		OrderID: c.OrderID, Line: c.Line, Quantity: open.Quantity, OnHandAfter: s.OnHand, AllocatedAfter: s.Allocated - open.Quantity,
	}}, nil
}

func (s Inventory) ship(c Ship) ([]Event, error) {
	open, ok := s.find(c.OrderID, c.Line)
	return es.Emit[Event](
		ItemShipped{
			OrderID: c.OrderID, Line: c.Line, Quantity: open.Quantity,
			OnHandAfter: s.OnHand - open.Quantity, AllocatedAfter: s.Allocated - open.Quantity,
		},
		es.Require(s.Known, NotStocked),
		es.Require(ok, NotAllocated))
}

func (s Inventory) adjust(c Adjust) ([]Event, error) {
	if err := es.Require(s.Known, NotStocked); err != nil || c.Difference == 0 {
		return nil, err
	}
	return es.Emit[Event](
		StockAdjusted{Difference: c.Difference, Reason: c.Reason, OnHandAfter: s.OnHand + c.Difference, AllocatedAfter: s.Allocated},
		es.Require(c.Reason != "", ReasonMissing),
		// What is free is not negative, so that its opposite can be told; the opposite of a difference might not.
		es.Require(c.Difference >= -s.Free(), BelowAllocated),
		es.Require(c.Difference < 0 || money.Fits(s.OnHand, c.Difference), Overflow))
}

// find returns the open promise to a line of an order.
func (s Inventory) find(order string, line int32) (Allocation, bool) {
	for _, open := range s.Open {
		if open.OrderID == order && open.Line == line {
			return open, true
		}
	}
	return Allocation{}, false
}

// Evolve returns the article after e. It never refuses and never panics: e already happened.
func (s Inventory) Evolve(e Event) Inventory {
	switch e := e.(type) {
	case StockReceived:
		s.Known = true
		s.OnHand += e.Quantity
	case ItemAllocated:
		s.Allocated += e.Quantity
		s.Open = append(slices.Clip(s.Open), Allocation{OrderID: e.OrderID, Line: e.Line, Quantity: e.Quantity})
	case ItemReleased:
		s.Allocated -= e.Quantity
		s.Open = without(s.Open, e.OrderID, e.Line)
	case ItemShipped:
		s.OnHand -= e.Quantity
		s.Allocated -= e.Quantity
		s.Open = without(s.Open, e.OrderID, e.Line)
	case StockAdjusted:
		s.OnHand += e.Difference
	default:
		panic(es.Unhandled(e))
	}
	return s
}

// without returns a copy of open that lacks the promise to a line of an order.
func without(open []Allocation, order string, line int32) []Allocation {
	return slices.DeleteFunc(slices.Clone(open), func(a Allocation) bool { return a.OrderID == order && a.Line == line })
}
