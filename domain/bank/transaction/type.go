package transaction

import "recount/internal/es"

// Type declares the aggregate: its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Transaction, Command, Event]{
		Name:     "transaction",
		Revision: 1,
		Commands: map[string]Command{
			"Post":            Post{},
			"Complete":        Complete{},
			"Fail":            Fail{},
			"ClaimReversal":   ClaimReversal{},
			"ReleaseReversal": ReleaseReversal{},
			"ConfirmReversal": ConfirmReversal{},
		},
		Events: map[string]Event{
			"TransactionRequested": TransactionRequested{},
			"TransactionPosted":    TransactionPosted{},
			"TransactionFailed":    TransactionFailed{},
			"ReversalClaimed":      ReversalClaimed{},
			"ReversalReleased":     ReversalReleased{},
			"TransactionReversed":  TransactionReversed{},
		},
	})
}
