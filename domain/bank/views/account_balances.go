package views

import "recount/internal/es"

// AccountBalance is one account as one version left it. The newest version is what is true now.
type AccountBalance struct {
	Context    string `ch:"context"`
	AccountID  string `ch:"account_id"`
	Version    uint64 `ch:"version"`
	CustomerID string `ch:"customer_id"`
	Currency   string `ch:"currency"`
	Balance    int64  `ch:"balance"`
	Status     string `ch:"status"`
	ValidAt    int64  `ch:"valid_at,millis"`
	RecordedAt int64  `ch:"recorded_at,millis"`
	Partition  int32  `ch:"partition"`
	Offset     int64  `ch:"offset"`
}

// AccountBalances is the view of every account's newest state.
func AccountBalances() es.View {
	table := es.NewTable[AccountBalance]("account_balances")
	return es.View{
		Name:     "account_balances",
		Revision: 1,
		From:     es.FromEvents,
		// People look here for what they have just done.
		FreshnessMillis: 100,

		Tables: []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			c, ok, err := accountChange(r)
			if !ok || err != nil {
				return err
			}
			table.Append(out, AccountBalance{
				Context:    r.Context,
				AccountID:  r.Meta.AggregateID,
				Version:    uint64(r.Meta.Version),
				CustomerID: c.customerID,
				Currency:   c.currency,
				Balance:    c.balanceAfter,
				Status:     string(c.statusAfter),
				ValidAt:    r.Meta.ValidAt,
				RecordedAt: r.Meta.RecordedAt,
				Partition:  r.Partition,
				Offset:     r.Offset,
			})
			return nil
		},
	}
}
