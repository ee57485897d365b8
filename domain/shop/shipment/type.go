package shipment

import "recount/internal/es"

// Type declares the aggregate and its wire names. Names are added, never changed.
func Type() es.AggregateType {
	return es.Declare(es.Type[Shipment, Command, Event]{
		Name:     "shipment",
		Revision: 1,
		Commands: map[string]Command{
			"Arrange":  Arrange{},
			"Dispatch": Dispatch{},
			"Deliver":  Deliver{},
			"Cancel":   Cancel{},
		},
		Events: map[string]Event{
			"ShipmentArranged":   ShipmentArranged{},
			"ShipmentDispatched": ShipmentDispatched{},
			"ShipmentDelivered":  ShipmentDelivered{},
			"ShipmentCancelled":  ShipmentCancelled{},
		},
	})
}
