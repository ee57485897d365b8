package transfer

import "recount/internal/es"

// Type declares the aggregate: its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Transfer, Command, Event]{
		Name:     "transfer",
		Revision: 1,
		Commands: map[string]Command{
			"Request":  Request{},
			"Complete": Complete{},
			"Fail":     Fail{},
		},
		Events: map[string]Event{
			"TransferRequested": TransferRequested{},
			"TransferCompleted": TransferCompleted{},
			"TransferFailed":    TransferFailed{},
		},
	})
}
