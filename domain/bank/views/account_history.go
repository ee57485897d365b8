package views

import "recount/internal/es"

// AccountChange is what one version of an account changed, when it was true and when it was recorded.
type AccountChange struct {
	Context       string `ch:"context"`
	AccountID     string `ch:"account_id"`
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
	// Amount is signed: what the version added to the balance.
	Amount   int64  `ch:"amount"`
	Currency string `ch:"currency"`
	// Status is the status the version brought; empty where it changed none.
	Status    string `ch:"status"`
	Reference string `ch:"reference"`
	Channel   string `ch:"channel"`
	// BalanceAfter and StatusAfter are facts of this version, never the answer for a moment in time.
	BalanceAfter int64  `ch:"balance_after"`
	StatusAfter  string `ch:"status_after"`
}

// AccountHistory is the view of everything that ever happened to every account; account_as_of answers from it.
func AccountHistory() es.View {
	table := es.NewTable[AccountChange]("account_history")
	return es.View{
		Name:     "account_history",
		Revision: 2,
		From:     es.FromEvents,
		Tables:   []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			c, ok, err := accountChange(r)
			if !ok || err != nil {
				return err
			}
			table.Append(out, AccountChange{
				Context:       r.Context,
				AccountID:     r.Meta.AggregateID,
				Version:       uint64(r.Meta.Version),
				ValidAt:       r.Meta.ValidAt,
				RecordedAt:    r.Meta.RecordedAt,
				Partition:     r.Partition,
				Offset:        r.Offset,
				EventType:     r.Type,
				EventID:       r.Meta.EventID,
				CommandID:     r.Meta.CommandID,
				CorrelationID: r.Meta.CorrelationID,
				Actor:         r.Meta.Actor,
				CustomerID:    c.customerID,
				Amount:        c.amount,
				Currency:      c.currency,
				Status:        string(c.status),
				Reference:     c.reference,
				Channel:       c.channel,
				BalanceAfter:  c.balanceAfter,
				StatusAfter:   string(c.statusAfter),
			})
			return nil
		},
	}
}
