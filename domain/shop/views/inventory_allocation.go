package views

import (
	"recount/domain/shop/inventory"
	"recount/internal/es"
)

// StockChange is what one version of an article changed, when it was true and when it was recorded.
type StockChange struct {
	Context    string `ch:"context"`
	SKU        string `ch:"sku"`
	Version    uint64 `ch:"version"`
	ValidAt    int64  `ch:"valid_at,millis"`
	RecordedAt int64  `ch:"recorded_at,millis"`
	Partition  int32  `ch:"partition"`
	Offset     int64  `ch:"offset"`
	EventType  string `ch:"event_type"`
	EventID    es.ID  `ch:"event_id"`
	CommandID  string `ch:"command_id"`
	Actor      string `ch:"actor"`
	// OrderID and Line are those of a promise; empty and 0 where the version is about none.
	OrderID string `ch:"order_id"`
	Line    int32  `ch:"line"`
	// OnHand and Allocated are signed: what the version added.
	OnHand    int64  `ch:"on_hand"`
	Allocated int64  `ch:"allocated"`
	Reference string `ch:"reference"`
	// OnHandAfter and AllocatedAfter are facts of this version, never the answer for a moment in time.
	OnHandAfter    int64 `ch:"on_hand_after"`
	AllocatedAfter int64 `ch:"allocated_after"`
}

// InventoryAllocation is the view of how much there is of every article, and how much of that is promised.
func InventoryAllocation() es.View {
	table := es.NewTable[StockChange]("inventory_allocation")
	return es.View{
		Name:     "inventory_allocation",
		Revision: 1,
		From:     es.FromEvents,
		Tables:   []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			event, ok, err := eventOf[inventory.Event](r, "inventory")
			if !ok || err != nil {
				return err
			}
			row := StockChange{
				Context: r.Context, SKU: r.Meta.AggregateID, Version: uint64(r.Meta.Version),
				ValidAt: r.Meta.ValidAt, RecordedAt: r.Meta.RecordedAt, Partition: r.Partition, Offset: r.Offset,
				EventType: r.Type, EventID: r.Meta.EventID, CommandID: r.Meta.CommandID, Actor: r.Meta.Actor,
			}
			row.tell(event)
			table.Append(out, row)
			return nil
		},
	}
}

func (c *StockChange) tell(event inventory.Event) {
	switch e := event.(type) {
	case inventory.StockReceived:
		c.OnHand, c.Reference = e.Quantity, e.Reference
		c.OnHandAfter, c.AllocatedAfter = e.OnHandAfter, e.AllocatedAfter
	case inventory.ItemAllocated:
		c.OrderID, c.Line, c.Allocated = e.OrderID, e.Line, e.Quantity
		c.OnHandAfter, c.AllocatedAfter = e.OnHandAfter, e.AllocatedAfter
	case inventory.ItemReleased:
		c.OrderID, c.Line, c.Allocated = e.OrderID, e.Line, -e.Quantity
		c.OnHandAfter, c.AllocatedAfter = e.OnHandAfter, e.AllocatedAfter
	case inventory.ItemShipped:
		c.OrderID, c.Line, c.OnHand, c.Allocated = e.OrderID, e.Line, -e.Quantity, -e.Quantity
		c.OnHandAfter, c.AllocatedAfter = e.OnHandAfter, e.AllocatedAfter
	case inventory.StockAdjusted:
		c.OnHand, c.Reference = e.Difference, e.Reason
		c.OnHandAfter, c.AllocatedAfter = e.OnHandAfter, e.AllocatedAfter
	default:
		panic(es.Unhandled(e))
	}
}
