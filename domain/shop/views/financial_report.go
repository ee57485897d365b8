package views

import (
	"recount/domain/shop/payment"
	"recount/internal/es"
)

// MoneyMoved is one movement of money: what came in for an order, went back, or did not arrive there.
type MoneyMoved struct {
	Context    string `ch:"context"`
	PaymentID  string `ch:"payment_id"`
	Version    uint64 `ch:"version"`
	ValidAt    int64  `ch:"valid_at,millis"`
	RecordedAt int64  `ch:"recorded_at,millis"`
	Partition  int32  `ch:"partition"`
	Offset     int64  `ch:"offset"`
	EventType  string `ch:"event_type"`
	EventID    es.ID  `ch:"event_id"`
	CommandID  string `ch:"command_id"`
	OrderID    string `ch:"order_id"`
	CustomerID string `ch:"customer_id"`
	RefundID   string `ch:"refund_id"`
	Currency   string `ch:"currency"`
	// Amount and Tax, which is a part of it, are signed: what came in is positive.
	Amount int64 `ch:"amount"`
	Tax    int64 `ch:"tax"`
}

// FinancialReport is the view of what the shop earned, gave back and owes in taxes. A payment that moved no money has no
// row.
func FinancialReport() es.View {
	table := es.NewTable[MoneyMoved]("financial_report")
	return es.View{
		Name:     "financial_report",
		Revision: 1,
		From:     es.FromEvents,
		Tables:   []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			event, ok, err := eventOf[payment.Event](r, "payment")
			if !ok || err != nil {
				return err
			}
			row := MoneyMoved{
				Context: r.Context, PaymentID: r.Meta.AggregateID, Version: uint64(r.Meta.Version),
				ValidAt: r.Meta.ValidAt, RecordedAt: r.Meta.RecordedAt, Partition: r.Partition, Offset: r.Offset,
				EventType: r.Type, EventID: r.Meta.EventID, CommandID: r.Meta.CommandID,
			}
			if row.tell(event) {
				table.Append(out, row)
			}
			return nil
		},
	}
}

// tell reports whether event moved money.
func (m *MoneyMoved) tell(event payment.Event) bool {
	switch e := event.(type) {
	case payment.PaymentReceived:
		m.OrderID, m.CustomerID, m.Currency, m.Amount, m.Tax = e.OrderID, e.CustomerID, e.Currency, e.Amount, e.Tax
		return true
	case payment.PaymentRefunded:
		m.OrderID, m.CustomerID, m.Currency, m.Amount, m.Tax = e.OrderID, e.CustomerID, e.Currency, -e.Amount, -e.Tax
		m.RefundID = e.RefundID
		return true
	case payment.RefundReversed:
		m.OrderID, m.CustomerID, m.Currency, m.Amount, m.Tax = e.OrderID, e.CustomerID, e.Currency, e.Amount, e.Tax
		m.RefundID = e.RefundID
		return true
	case payment.PaymentRequested, payment.PaymentAuthorised, payment.PaymentDeclined, payment.PaymentCancelled,
		payment.HoldRequested, payment.CollectionRequested, payment.PaymentCollected, payment.DebitRevoked, payment.PaymentSettled:
		return false
	}
	panic(es.Unhandled(event))
}
