package views

import (
	"fmt"

	"recount/domain/bank/customer"
	"recount/internal/es"
)

// CustomerChange is what one version of a customer tells. A field it does not speak of is empty: the bank's events
// carry personal data only where it was given, so no version knows the whole customer, and the view puts the newest
// of each field together.
type CustomerChange struct {
	Context    string `ch:"context"`
	CustomerID string `ch:"customer_id"`
	Version    uint64 `ch:"version"`
	ValidAt    int64  `ch:"valid_at,millis"`
	RecordedAt int64  `ch:"recorded_at,millis"`
	Partition  int32  `ch:"partition"`
	Offset     int64  `ch:"offset"`
	// Name and Email are told together.
	Name  string `ch:"name"`
	Email string `ch:"email"`
	// The four fields of an address are told together; Country is never empty where they are.
	Street     string `ch:"street"`
	City       string `ch:"city"`
	PostalCode string `ch:"postal_code"`
	Country    string `ch:"country"`
	Status     string `ch:"status"`
}

// Customers is the view of whom the bank knows.
func Customers() es.View {
	table := es.NewTable[CustomerChange]("customers")
	return es.View{
		Name:     "customers",
		Revision: 1,
		From:     es.FromEvents,
		// People look here for what they have just done.
		FreshnessMillis: 100,

		Tables: []es.AnyTable{table},
		Map: func(r es.Recorded, out *es.Rows) error {
			if r.Aggregate != "customer" {
				return nil
			}
			event, ok := r.Event.(customer.Event)
			if !ok {
				return fmt.Errorf("reading event %s of customer %s: %T is no event of a customer", r.Type, r.Meta.AggregateID, r.Event)
			}
			table.Append(out, customerChange(r, event))
			return nil
		},
	}
}

func customerChange(r es.Recorded, event customer.Event) CustomerChange {
	row := CustomerChange{
		Context:    r.Context,
		CustomerID: r.Meta.AggregateID,
		Version:    uint64(r.Meta.Version),
		ValidAt:    r.Meta.ValidAt,
		RecordedAt: r.Meta.RecordedAt,
		Partition:  r.Partition,
		Offset:     r.Offset,
	}
	switch e := event.(type) {
	case customer.CustomerRegistered:
		row.Name, row.Email, row.Status = e.Name, e.Email, string(customer.StatusRegistered)
		row.tellAddress(e.Address)
	case customer.CustomerAddressChanged:
		row.tellAddress(e.Address)
	case customer.CustomerVerified:
		row.Status = string(customer.StatusVerified)
	case customer.CustomerSuspended:
		row.Status = string(customer.StatusSuspended)
	default:
		panic(es.Unhandled(e))
	}
	return row
}

func (c *CustomerChange) tellAddress(a customer.Address) {
	c.Street, c.City, c.PostalCode, c.Country = a.Street, a.City, a.PostalCode, a.Country
}
