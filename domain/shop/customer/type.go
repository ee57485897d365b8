package customer

import "recount/internal/es"

// Type declares the aggregate and its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Customer, Command, Event]{
		Name:     "customer",
		Revision: 1,
		Commands: map[string]Command{
			"Register":          Register{},
			"ChangeCreditLimit": ChangeCreditLimit{},
			"Block":             Block{},
			"Unblock":           Unblock{},
			"ReserveCredit":     ReserveCredit{},
			"ReleaseCredit":     ReleaseCredit{},
		},
		Events: map[string]Event{
			"CustomerRegistered": CustomerRegistered{},
			"CreditLimitChanged": CreditLimitChanged{},
			"CustomerBlocked":    CustomerBlocked{},
			"CustomerUnblocked":  CustomerUnblocked{},
			"CreditReserved":     CreditReserved{},
			"CreditReleased":     CreditReleased{},
		},
	})
}
