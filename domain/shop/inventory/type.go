package inventory

import "recount/internal/es"

// Type declares the aggregate and its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Inventory, Command, Event]{
		Name:     "inventory",
		Revision: 1,
		Commands: map[string]Command{
			"Receive":  Receive{},
			"Allocate": Allocate{},
			"Release":  Release{},
			"Ship":     Ship{},
			"Adjust":   Adjust{},
		},
		Events: map[string]Event{
			"StockReceived": StockReceived{},
			"ItemAllocated": ItemAllocated{},
			"ItemReleased":  ItemReleased{},
			"ItemShipped":   ItemShipped{},
			"StockAdjusted": StockAdjusted{},
		},
	})
}
