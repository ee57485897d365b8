package refund

import "recount/internal/es"

// Type declares the aggregate and its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Refund, Command, Event]{
		Name:     "refund",
		Revision: 1,
		Commands: map[string]Command{
			"Request":  Request{},
			"Complete": Complete{},
			"Fail":     Fail{},
		},
		Events: map[string]Event{
			"RefundRequested": RefundRequested{},
			"RefundCompleted": RefundCompleted{},
			"RefundFailed":    RefundFailed{},
		},
	})
}
