package views

import (
	"recount/domain/shop/order"
	"recount/internal/es"
)

// OrderChange is what one version of an order changed, when it was true and when it was recorded.
type OrderChange struct {
	Context       string `ch:"context"`
	OrderID       string `ch:"order_id"`
	Version       uint64 `ch:"version"`
	ValidAt       int64  `ch:"valid_at,millis"`
	RecordedAt    int64  `ch:"recorded_at,millis"`
	Partition     int32  `ch:"partition"`
	Offset        int64  `ch:"offset"`
	EventType     string `ch:"event_type"`
	EventID       es.ID  `ch:"event_id"`
	CommandID     string `ch:"command_id"`
	CorrelationID string `ch:"correlation_id"`
	Actor         string `ch:"actor"`
	CustomerID    string `ch:"customer_id"`
	// Status is the one that the version brought: every version of an order tells it.
	Status string `ch:"status"`
	// Reason is why it was cancelled, given back by shipping, or returned.
	Reason   string `ch:"reason"`
	Currency string `ch:"currency"`
	// Total is what the order costs, Refund what is owed for what came back with this version.
	Total  int64 `ch:"total"`
	Refund int64 `ch:"refund"`
}

// OrderHistory is the view of every state that every order went through.
func OrderHistory() es.View {
	table := es.NewTable[OrderChange]("order_history")
	return es.View{
		Name:     "order_history",
		Revision: 1,
		From:     es.FromEvents,
		Tables:   []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			event, ok, err := eventOf[order.Event](r, "order")
			if !ok || err != nil {
				return err
			}
			row := OrderChange{
				Context: r.Context, OrderID: r.Meta.AggregateID, Version: uint64(r.Meta.Version),
				ValidAt: r.Meta.ValidAt, RecordedAt: r.Meta.RecordedAt, Partition: r.Partition, Offset: r.Offset,
				EventType: r.Type, EventID: r.Meta.EventID, CommandID: r.Meta.CommandID, CorrelationID: r.Meta.CorrelationID, Actor: r.Meta.Actor,
			}
			row.tell(event)
			table.Append(out, row)
			return nil
		},
	}
}

func (c *OrderChange) tell(event order.Event) {
	of := func(customer, currency string, total int64, status order.Status) {
		c.CustomerID, c.Currency, c.Total, c.Status = customer, currency, total, string(status)
	}
	switch e := event.(type) {
	case order.OrderCreated:
		of(e.CustomerID, e.Currency, e.Total, order.StatusPlaced)
	case order.OrderAllocated:
		of(e.CustomerID, e.Currency, e.Total, order.StatusAllocated)
	case order.OrderPaid:
		of(e.CustomerID, e.Currency, e.Total, order.StatusPaid)
	case order.ShippingArranged:
		of(e.CustomerID, e.Currency, e.Total, order.StatusShipping)
	case order.ShippingCancelled:
		of(e.CustomerID, e.Currency, e.Total, order.StatusPaid)
		c.Reason = e.Reason
	case order.OrderShipped:
		of(e.CustomerID, e.Currency, e.Total, order.StatusShipped)
	case order.OrderDelivered:
		of(e.CustomerID, e.Currency, e.Total, order.StatusDelivered)
	case order.OrderCancelled:
		of(e.CustomerID, e.Currency, e.Total, order.StatusCancelled)
		c.Reason = e.Reason
	case order.ItemsReturned:
		of(e.CustomerID, e.Currency, e.Total, e.StatusAfter)
		c.Reason, c.Refund = e.Reason, e.Refund
	default:
		panic(es.Unhandled(e))
	}
}
