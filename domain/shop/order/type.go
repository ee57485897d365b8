package order

import "recount/internal/es"

// Type declares the aggregate and its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Order, Command, Event]{
		Name:     "order",
		Revision: 1,
		Commands: map[string]Command{
			"Place":           Place{},
			"Allocate":        Allocate{},
			"Pay":             Pay{},
			"ArrangeShipping": ArrangeShipping{},
			"CancelShipping":  CancelShipping{},
			"Ship":            Ship{},
			"Deliver":         Deliver{},
			"Cancel":          Cancel{},
			"Return":          Return{},
		},
		Events: map[string]Event{
			"OrderCreated":      OrderCreated{},
			"OrderAllocated":    OrderAllocated{},
			"OrderPaid":         OrderPaid{},
			"ShippingArranged":  ShippingArranged{},
			"ShippingCancelled": ShippingCancelled{},
			"OrderShipped":      OrderShipped{},
			"OrderDelivered":    OrderDelivered{},
			"OrderCancelled":    OrderCancelled{},
			"ItemsReturned":     ItemsReturned{},
		},
		Upcasts: map[string][]func(Event) Event{"OrderCreated": {createdBeforeDeadlines, createdBeforeAccounts}},
	})
}

// createdBeforeDeadlines lifts version 1, when every order's money could take equally long, to 2: none of its own is
// what the new field's default says.
func createdBeforeDeadlines(e Event) Event { return e }

// createdBeforeAccounts lifts version 2, when no order was paid from an account of the bank, to 3: none is what the new
// field's default says.
func createdBeforeAccounts(e Event) Event { return e }
