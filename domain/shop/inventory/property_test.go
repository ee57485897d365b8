package inventory_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	. "recount/domain/shop/inventory"
	"recount/internal/es"
)

func commands() *rapid.Generator[Command] {
	quantity := rapid.OneOf(rapid.Int64Range(-1, 12), rapid.Int64Range(-1, 12), rapid.Int64())
	return rapid.Custom(func(t *rapid.T) Command {
		order, line := fmt.Sprint(rapid.IntRange(1, 4).Draw(t, "order")), rapid.Int32Range(0, 2).Draw(t, "line")
		switch rapid.IntRange(0, 9).Draw(t, "kind") {
		case 0, 1:
			return Receive{Quantity: quantity.Draw(t, "quantity")}
		case 2:
			return Adjust{Difference: quantity.Draw(t, "difference"), Reason: "counted"}
		case 3:
			return Adjust{Difference: -quantity.Draw(t, "difference"), Reason: "counted"}
		case 4, 5:
			return Release{OrderID: order, Line: line}
		case 6:
			return Ship{OrderID: order, Line: line}
		}
		return Allocate{OrderID: order, Line: line, Quantity: quantity.Draw(t, "quantity")}
	})
}

// promise is what the test's own books tell promises apart by.
type promise struct {
	order string
	line  int32
}

// TestStockIsNeverBelowWhatIsPromised keeps books of its own beside random commands, and looks at every version.
func TestStockIsNeverBelowWhatIsPromised(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var state Inventory
		open := map[promise]int64{}
		for _, c := range rapid.SliceOfN(commands(), 60, 120).Draw(t, "commands") {
			after, events, err := es.Handle[Inventory, Command, Event](state, c)
			if err != nil && !reflect.DeepEqual(after, state) {
				t.Fatalf("%+v was refused and changed %+v to %+v", c, state, after)
			}
			state = after
			for _, e := range events {
				note(open, e)
				checkStock(t, state, open, e)
			}
		}
	})
}

func note(open map[promise]int64, e Event) {
	switch e := e.(type) {
	case ItemAllocated:
		open[promise{e.OrderID, e.Line}] += e.Quantity // a second one would be counted twice here, and noticed
	case ItemReleased:
		delete(open, promise{e.OrderID, e.Line})
	case ItemShipped:
		delete(open, promise{e.OrderID, e.Line})
	case StockReceived, StockAdjusted:
	}
}

func checkStock(t *rapid.T, state Inventory, open map[promise]int64, e Event) {
	sum := int64(0)
	for _, quantity := range open {
		sum += quantity
	}
	if state.OnHand < 0 || state.Allocated < 0 || state.Free() < 0 {
		t.Fatalf("%+v left %+v: below zero", e, state)
	}
	if state.Allocated != sum || len(state.Open) != len(open) {
		t.Fatalf("%+v left %+v, where %v is promised", e, state, open)
	}
	told := reflect.ValueOf(e)
	if told.FieldByName("OnHandAfter").Int() != state.OnHand || told.FieldByName("AllocatedAfter").Int() != state.Allocated {
		t.Fatalf("%+v left %+v", e, state)
	}
}

// TestEvolveTakesAnyFact folds events in any order with any values.
func TestEvolveTakesAnyFact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.OneOf(
			rapid.Make[StockReceived]().AsAny(), rapid.Make[ItemAllocated]().AsAny(), rapid.Make[ItemReleased]().AsAny(),
			rapid.Make[ItemShipped]().AsAny(), rapid.Make[StockAdjusted]().AsAny(),
		)).Draw(t, "facts")
		var state Inventory
		for _, fact := range facts {
			state = state.Evolve(fact.(Event))
		}
		for _, c := range append(rapid.SliceOfN(commands(), 1, 5).Draw(t, "commands"), Adjust{Difference: math.MinInt64, Reason: "r"}) {
			_, _, err := es.Handle[Inventory, Command, Event](state, c) // whatever state came about, it is answered
			if refusal := es.Refusal(""); err != nil && !errors.As(err, &refusal) {
				t.Fatalf("%+v on %+v: %v is no refusal", c, state, err)
			}
		}
	})
}
