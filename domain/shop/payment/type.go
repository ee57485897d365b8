package payment

import "recount/internal/es"

// Type declares the aggregate and its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Payment, Command, Event]{
		Name:     "payment",
		Revision: 1,
		Commands: map[string]Command{
			"Request":           Request{},
			"Authorise":         Authorise{},
			"Collect":           Collect{},
			"ConfirmCollection": ConfirmCollection{},
			"Capture":           Capture{},
			"Settle":            Settle{},
			"Decline":           Decline{},
			"Cancel":            Cancel{},
			"Refund":            Refund{},
			"ReverseRefund":     ReverseRefund{},
		},
		Events: map[string]Event{
			"PaymentRequested":    PaymentRequested{},
			"PaymentAuthorised":   PaymentAuthorised{},
			"PaymentReceived":     PaymentReceived{},
			"PaymentDeclined":     PaymentDeclined{},
			"PaymentCancelled":    PaymentCancelled{},
			"PaymentRefunded":     PaymentRefunded{},
			"RefundReversed":      RefundReversed{},
			"HoldRequested":       HoldRequested{},
			"CollectionRequested": CollectionRequested{},
			"PaymentCollected":    PaymentCollected{},
			"DebitRevoked":        DebitRevoked{},
			"PaymentSettled":      PaymentSettled{},
		},
		Upcasts: map[string][]func(Event) Event{"PaymentRequested": {beforeAccounts}, "PaymentRefunded": {beforeAccounts}},
	})
}

// beforeAccounts lifts version 1, when no money came from an account of the bank, or none was put back there, to 2: none is
// what the new field's default says.
func beforeAccounts(e Event) Event { return e }
