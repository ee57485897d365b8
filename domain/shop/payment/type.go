package payment

import "recount/internal/es"

// Type declares the aggregate and its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Payment, Command, Event]{
		Name:     "payment",
		Revision: 1,
		Commands: map[string]Command{
			"Request":   Request{},
			"Authorise": Authorise{},
			"Capture":   Capture{},
			"Decline":   Decline{},
			"Cancel":    Cancel{},
			"Refund":    Refund{},
		},
		Events: map[string]Event{
			"PaymentRequested":  PaymentRequested{},
			"PaymentAuthorised": PaymentAuthorised{},
			"PaymentReceived":   PaymentReceived{},
			"PaymentDeclined":   PaymentDeclined{},
			"PaymentCancelled":  PaymentCancelled{},
			"PaymentRefunded":   PaymentRefunded{},
		},
	})
}
