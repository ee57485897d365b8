package inventory_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	. "recount/domain/shop/inventory"
	"recount/internal/es/estest"
)

type row = estest.Case[Command, Event]

// The events that the tables begin with.
var (
	received  = StockReceived{Quantity: 10, Reference: "note 1", OnHandAfter: 10}
	allocated = ItemAllocated{OrderID: "o-1", Line: 1, Quantity: 4, OnHandAfter: 10, AllocatedAfter: 4}
	released  = ItemReleased{OrderID: "o-1", Line: 1, Quantity: 4, OnHandAfter: 10}
	shipped   = ItemShipped{OrderID: "o-1", Line: 1, Quantity: 4, OnHandAfter: 6}
	allocate  = Allocate{OrderID: "o-1", Line: 1, Quantity: 4}
	release   = Release{OrderID: "o-1", Line: 1}
	ship      = Ship{OrderID: "o-1", Line: 1}
)

func given(events ...Event) []Event { return events }

// crowded is an article with as many open promises as there can be.
func crowded() []Event {
	events := given(StockReceived{Quantity: OpenMax + 1, OnHandAfter: OpenMax + 1})
	for i := range int64(OpenMax) {
		events = append(events, ItemAllocated{OrderID: fmt.Sprint(i), Line: 1, Quantity: 1, OnHandAfter: OpenMax + 1, AllocatedAfter: i + 1})
	}
	return events
}

func cases() []row { return slices.Concat(receipts(), allocations(), ends(), adjustments()) }

func receipts() []row {
	return []row{
		{Name: "receive", When: Receive{Quantity: 10, Reference: "note 1"}, Then: given(received)},
		{
			Name: "receive more", Given: given(received, allocated), When: Receive{Quantity: 5},
			Then: given(StockReceived{Quantity: 5, OnHandAfter: 15, AllocatedAfter: 4}),
		},
		{Name: "receive nothing", When: Receive{}, Refused: QuantityNotPositive},
		{Name: "receive less than nothing", Given: given(received), When: Receive{Quantity: -1}, Refused: QuantityNotPositive},
		{Name: "receive more than there can be", Given: given(received), When: Receive{Quantity: math.MaxInt64 - 9}, Refused: Overflow},
	}
}

func allocations() []row {
	return []row{
		{Name: "allocate", Given: given(received), When: allocate, Then: given(allocated)},
		{Name: "allocate the same again", Given: given(received, allocated), When: allocate},
		{
			Name: "allocate all that is free", Given: given(received, allocated), When: Allocate{OrderID: "o-1", Line: 2, Quantity: 6},
			Then: given(ItemAllocated{OrderID: "o-1", Line: 2, Quantity: 6, OnHandAfter: 10, AllocatedAfter: 10}),
		},
		{
			Name: "allocate what was released", Given: given(received, allocated, released), When: Allocate{OrderID: "o-2", Line: 1, Quantity: 10},
			Then: given(ItemAllocated{OrderID: "o-2", Line: 1, Quantity: 10, OnHandAfter: 10, AllocatedAfter: 10}),
		},
		{Name: "allocate the line otherwise", Given: given(received, allocated), When: Allocate{OrderID: "o-1", Line: 1, Quantity: 5}, Refused: AllocatedOtherwise},
		{Name: "allocate more than is free", Given: given(received, allocated), When: Allocate{OrderID: "o-2", Line: 1, Quantity: 7}, Refused: InsufficientStock},
		{Name: "allocate all there could be", Given: given(received), When: Allocate{OrderID: "o-2", Line: 1, Quantity: math.MaxInt64}, Refused: InsufficientStock},
		{Name: "allocate nothing", Given: given(received), When: Allocate{OrderID: "o-1", Line: 1}, Refused: QuantityNotPositive},
		{Name: "allocate less than nothing", Given: given(received), When: Allocate{OrderID: "o-1", Line: 1, Quantity: math.MinInt64}, Refused: QuantityNotPositive},
		{Name: "allocate to no order", Given: given(received), When: Allocate{Line: 1, Quantity: 1}, Refused: LineMissing},
		{Name: "allocate to no line", Given: given(received), When: Allocate{OrderID: "o-1", Quantity: 1}, Refused: LineMissing},
		{Name: "allocate an unknown article", When: allocate, Refused: NotStocked},
		{Name: "allocate to one order too many", Given: crowded(), When: Allocate{OrderID: "o-1", Line: 1, Quantity: 1}, Refused: TooManyAllocations},
	}
}

func ends() []row {
	return []row{
		{Name: "release", Given: given(received, allocated), When: release, Then: given(released)},
		{Name: "release twice", Given: given(received, allocated, released), When: release},
		{Name: "release another line", Given: given(received, allocated), When: Release{OrderID: "o-1", Line: 2}},
		{Name: "release another order's", Given: given(received, allocated), When: Release{OrderID: "o-2", Line: 1}},
		{Name: "release what has left", Given: given(received, allocated, shipped), When: release},
		{Name: "release an unknown article", When: release, Refused: NotStocked},

		{Name: "ship", Given: given(received, allocated), When: ship, Then: given(shipped)},
		{Name: "ship twice", Given: given(received, allocated, shipped), When: ship, Refused: NotAllocated},
		{Name: "ship what was released", Given: given(received, allocated, released), When: ship, Refused: NotAllocated},
		{Name: "ship an unknown article", When: ship, Refused: NotStocked},
	}
}

func adjustments() []row {
	return []row{
		{
			Name: "adjust down to what is promised", Given: given(received, allocated), When: Adjust{Difference: -6, Reason: "broken"},
			Then: given(StockAdjusted{Difference: -6, Reason: "broken", OnHandAfter: 4, AllocatedAfter: 4}),
		},
		{
			Name: "adjust upwards", Given: given(received), When: Adjust{Difference: 1, Reason: "found"},
			Then: given(StockAdjusted{Difference: 1, Reason: "found", OnHandAfter: 11}),
		},
		{Name: "adjust by nothing", Given: given(received), When: Adjust{}},
		{Name: "adjust below what is promised", Given: given(received, allocated), When: Adjust{Difference: -7, Reason: "broken"}, Refused: BelowAllocated},
		{Name: "adjust to the least there is", Given: given(received), When: Adjust{Difference: math.MinInt64, Reason: "broken"}, Refused: BelowAllocated},
		{Name: "adjust to more than there can be", Given: given(received), When: Adjust{Difference: math.MaxInt64, Reason: "found"}, Refused: Overflow},
		{Name: "adjust without a reason", Given: given(received), When: Adjust{Difference: -1}, Refused: ReasonMissing},
		{Name: "adjust an unknown article", When: Adjust{Difference: 1, Reason: "found"}, Refused: NotStocked},
	}
}

func TestInventory(t *testing.T) {
	t.Parallel()
	estest.Run[Inventory](t, cases())
}

func TestEveryRefusalCommandAndEventHasARow(t *testing.T) {
	t.Parallel()
	estest.Complete(t, Type(), os.DirFS("."), cases())
}

func TestNoStateIsSharedWithALaterOne(t *testing.T) {
	t.Parallel()
	other, third := allocated, allocated
	other.OrderID, third.OrderID = "o-2", "o-3"
	if err := estest.Shared[Inventory](given(received, allocated, other, third, shipped, released)); err != nil {
		t.Error(err)
	}
}
