package customer

import "recount/internal/es"

// Type declares the aggregate and its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Customer, Command, Event]{
		Name:     "customer",
		Revision: 1,
		Commands: map[string]Command{
			"Register":      Register{},
			"ChangeAddress": ChangeAddress{},
			"Verify":        Verify{},
			"Suspend":       Suspend{},
		},
		Events: map[string]Event{
			"CustomerRegistered":     CustomerRegistered{},
			"CustomerAddressChanged": CustomerAddressChanged{},
			"CustomerVerified":       CustomerVerified{},
			"CustomerSuspended":      CustomerSuspended{},
		},
	})
}
