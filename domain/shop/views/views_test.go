package views_test

import (
	"slices"
	"strings"
	"testing"

	"recount/domain/address"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/views"
	"recount/internal/es"
	"recount/internal/es/estest"
)

// days has one record of every event that a view of the shop tells of, and those whose rows differ by what the event
// says. Add records; never change or remove one: their like is in somebody's log.
func days() []estest.Record { return slices.Concat(orders(), articles(), payments()) }

func orders() []estest.Record {
	at := func(name string, version int64, event order.Event) estest.Record {
		return record("order "+name, order.Type(), "o-1", version, event)
	}
	home := address.Address{Street: "St James's Square 12", City: "London", PostalCode: "SW1Y 4JH", Country: "GB"}
	line := order.PricedLine{Line: order.Line{SKU: "book", Quantity: 3, UnitPrice: 499, TaxRate: 1000}, Net: 1497, Tax: 150}
	return []estest.Record{
		at("created", 1, order.OrderCreated{
			CustomerID: "ada", Currency: "EUR", Lines: []order.PricedLine{line}, Carrier: "post", ShipTo: home, Net: 1497, Tax: 150, Total: 1647,
		}),
		at("allocated", 2, order.OrderAllocated{CustomerID: "ada", Currency: "EUR", Total: 1647}),
		at("paid", 3, order.OrderPaid{CustomerID: "ada", Currency: "EUR", Total: 1647}),
		at("with shipping", 4, order.ShippingArranged{CustomerID: "ada", Currency: "EUR", Total: 1647}),
		at("given back by shipping", 5, order.ShippingCancelled{CustomerID: "ada", Currency: "EUR", Total: 1647, Reason: "lost"}),
		at("shipped", 6, order.OrderShipped{CustomerID: "ada", Currency: "EUR", Total: 1647, TrackingNumber: "GB-1"}),
		at("delivered", 7, order.OrderDelivered{CustomerID: "ada", Currency: "EUR", Total: 1647}),
		at("cancelled", 8, order.OrderCancelled{CustomerID: "ada", Currency: "EUR", Total: 1647, Reason: "no answer", StatusBefore: order.StatusPlaced}),
		at("returned in part", 9, order.ItemsReturned{
			ReturnID: "r-1", CustomerID: "ada", Currency: "EUR", Total: 1647, Refund: 549, RefundTax: 50, Reason: "torn", StatusAfter: order.StatusDelivered,
			Lines: []order.ReturnedLine{{Line: 1, SKU: "book", Quantity: 1, Net: 499, Tax: 50}},
		}),
		at("returned", 10, order.ItemsReturned{
			ReturnID: "r-2", CustomerID: "ada", Currency: "EUR", Total: 1647, Refund: 1098, RefundTax: 100, StatusAfter: order.StatusReturned,
			Lines: []order.ReturnedLine{{Line: 1, SKU: "book", Quantity: 2, Net: 998, Tax: 100}},
		}),
	}
}

func articles() []estest.Record {
	at := func(name string, version int64, event inventory.Event) estest.Record {
		return record("article "+name, inventory.Type(), "book", version, event)
	}
	return []estest.Record{
		at("received", 1, inventory.StockReceived{Quantity: 10, Reference: "note 1", OnHandAfter: 10}),
		at("allocated", 2, inventory.ItemAllocated{OrderID: "o-1", Line: 2, Quantity: 4, OnHandAfter: 10, AllocatedAfter: 4}),
		at("released", 3, inventory.ItemReleased{OrderID: "o-1", Line: 2, Quantity: 1, OnHandAfter: 10, AllocatedAfter: 3}),
		at("shipped", 4, inventory.ItemShipped{OrderID: "o-1", Line: 2, Quantity: 3, OnHandAfter: 7, AllocatedAfter: 0}),
		at("adjusted", 5, inventory.StockAdjusted{Difference: -2, Reason: "broken", OnHandAfter: 5, AllocatedAfter: 0}),
	}
}

func payments() []estest.Record {
	at := func(name string, version int64, event payment.Event) estest.Record {
		return record("payment "+name, payment.Type(), "o-1", version, event)
	}
	return []estest.Record{
		at("requested", 1, payment.PaymentRequested{OrderID: "o-1", CustomerID: "ada", Amount: 1647, Tax: 150, Currency: "EUR"}),
		at("authorised", 2, payment.PaymentAuthorised{OrderID: "o-1", CustomerID: "ada", Amount: 1647, Currency: "EUR", Reference: "auth-7"}),
		at("received", 3, payment.PaymentReceived{OrderID: "o-1", CustomerID: "ada", Amount: 1647, Tax: 150, Currency: "EUR", Reference: "auth-7"}),
		at("declined", 4, payment.PaymentDeclined{OrderID: "o-1", CustomerID: "ada", Amount: 1647, Currency: "EUR", Reason: "no cover"}),
		at("cancelled", 5, payment.PaymentCancelled{OrderID: "o-1", CustomerID: "ada", Amount: 1647, Currency: "EUR", Reason: "no answer"}),
		at("refunded", 6, payment.PaymentRefunded{
			OrderID: "o-1", CustomerID: "ada", RefundID: "r-1", Amount: 549, Tax: 50, Currency: "EUR", StatusAfter: payment.StatusReceived,
		}),
		at("held", 7, payment.HoldRequested{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1647, Currency: "EUR"}),
		at("being collected", 8, payment.CollectionRequested{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1647, Currency: "EUR"}),
		at("collected", 9, payment.PaymentCollected{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1647, Currency: "EUR"}),
		at("revoked", 10, payment.DebitRevoked{OrderID: "o-1", CustomerID: "ada", Account: "acct-1", Amount: 1647, Currency: "EUR", Code: "payment/cancelled"}),
		at("settled", 11, payment.PaymentSettled{OrderID: "o-1", CustomerID: "ada", Amount: 1647, Currency: "EUR"}),
		at("refunded into an account", 12, payment.PaymentRefunded{
			OrderID: "o-1", CustomerID: "ada", RefundID: "r-2", Amount: 549, Tax: 50, Currency: "EUR", StatusAfter: payment.StatusReceived, Account: "acct-1",
		}),
		at("refund reversed", 13, payment.RefundReversed{
			OrderID: "o-1", CustomerID: "ada", RefundID: "r-2", Amount: 549, Tax: 50, Currency: "EUR", Account: "acct-1", Reason: "account/closed",
		}),
	}
}

func record(name string, a es.AggregateType, id string, version int64, event any) estest.Record {
	return estest.Place("shop", name, a, id, version, 1, "clerk", event)
}

func TestRowsChangeOnlyWithARevision(t *testing.T) {
	t.Parallel()
	for _, view := range views.All() {
		t.Run(view.Name, func(t *testing.T) {
			t.Parallel()
			estest.Golden(t, view, days()...)
		})
	}
}

func TestTheDaysHaveEveryEvent(t *testing.T) {
	t.Parallel()
	estest.EveryEvent(t, days(), order.Type(), inventory.Type(), payment.Type())
}

// TestAForeignEventIsAnError gives each mapping an event that claims to be of its aggregate and is not.
func TestAForeignEventIsAnError(t *testing.T) {
	t.Parallel()
	tells := map[string]string{"order_history": "order", "inventory_allocation": "inventory", "financial_report": "payment"}
	for _, view := range views.All() {
		for _, aggregate := range []string{"order", "inventory", "payment", "customer", "shipment"} {
			r := es.Recorded{Aggregate: aggregate, Type: "Renamed", Event: struct{}{}}
			r.Meta.AggregateID = "id-1"
			err := view.Map(r, es.NewRows(view.Tables...))
			if tells[view.Name] != aggregate && err != nil {
				t.Errorf("%s: got %v for an event of %s, which is none of its business", view.Name, err, aggregate)
			}
			if tells[view.Name] == aggregate && (err == nil || !strings.Contains(err.Error(), "Renamed") || !strings.Contains(err.Error(), "id-1")) {
				t.Errorf("%s: got %v for a foreign event of %s, want an error that names it", view.Name, err, aggregate)
			}
		}
	}
}
