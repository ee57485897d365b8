// Package fulfilment is the saga that carries an order out: every line is promised its goods, the money is taken, the
// parcel is sent. Whatever says no, or does not answer in time, has everything taken back in reverse, and the order
// cancelled with the reason.
//
//	credit ───┬─────────────────────────────────────────────────────────────────┐
//	allocate ─┼▶ confirm ─▶ (collect) ─▶ capture ─▶ pay ┬▶ settle               ├▶ ship ─▶ leave ─▶ (conclude)
//	authorise ┘                                         └▶ shipping ─▶ shipment ┘ (no way back)
//
// What is in brackets is done where the money comes from an account of the bank.
//
// It only sends and listens: whether there is stock, money or a parcel is for their aggregates to say.
package fulfilment

import (
	"recount/domain/shop/customer"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/shipment"
	"recount/internal/es"
	"recount/internal/es/saga"
)

// PaymentMillis is how long whoever moves the money may take to answer, unless the order says otherwise.
const PaymentMillis = 15 * 60_000

// RefundID is that of the refund for an order that came to nothing after it was paid.
const RefundID = "order-cancelled"

// Plan is what the saga knows of an order.
type Plan struct {
	Order    string  `avro:"order"`
	Customer string  `avro:"customer"`
	Currency string  `avro:"currency"`
	Carrier  string  `avro:"carrier"`
	Goods    []Goods `avro:"goods"`
	// Total is what the customer pays, Tax what of it is tax; minor units.
	Total int64 `avro:"total"`
	Tax   int64 `avro:"tax"`
	// PayWithinMillis is how long the money may take; 0: PaymentMillis.
	PayWithinMillis int64 `avro:"pay_within_millis"`
	// Account is that of the bank which the money comes from; empty: it comes from none.
	Account string `avro:"account"`
}

// Goods are those of one line, in the order of the lines.
type Goods struct {
	SKU      string `avro:"sku"`
	Quantity int64  `avro:"quantity"`
}

// Saga declares it. Goods, credit and money are asked for together; the money is taken once all of them are there.
//
// A customer who cancels stops it, until shipping has the order: from then on the order itself refuses to be cancelled,
// and only a parcel that does not leave leads back. Once the order is shipped there is no way back. An operator who has it
// give up while the parcel leaves finds it stuck, with a parcel to catch.
func Saga() es.Process {
	return saga.Declare(saga.Saga[Plan]{
		Name:     "fulfilment",
		Revision: 1,
		Starts:   map[string]func(string, any) Plan{"order.OrderCreated": planOf},
		Stops:    map[string]func(any) es.Refusal{"order.OrderCancelled": func(any) es.Refusal { return order.Cancelled }},
		Steps:    append(taking(), sending()...),
		Abandon: func(p Plan, why saga.Reason) []es.Command {
			return one("order", p.Order, order.Cancel{Reason: why.Code})
		},
		// Before version 2 no order said how long its money may take, and before version 3 none whose account it comes from,
		// which is what the new fields' defaults say.
		Upcasts: []func(Plan) Plan{func(p Plan) Plan { return p }, func(p Plan) Plan { return p }},
	})
}

func planOf(id string, event any) Plan {
	e := event.(order.OrderCreated)
	p := Plan{Order: id, Customer: e.CustomerID, Currency: e.Currency, Carrier: e.Carrier, Total: e.Total, Tax: e.Tax}
	p.PayWithinMillis, p.Account = e.PayWithinSeconds*1_000, e.PayFromAccount
	for _, line := range e.Lines {
		p.Goods = append(p.Goods, Goods{SKU: line.SKU, Quantity: line.Quantity})
	}
	return p
}

// taking are the steps up to the money.
func taking() []saga.Step[Plan] {
	return []saga.Step[Plan]{
		{
			Name: "credit", After: []string{},
			Do: func(p Plan) []es.Command {
				return one("customer", p.Customer, customer.ReserveCredit{OrderID: p.Order, Amount: p.Total, Currency: p.Currency})
			},
			Undo: releaseCredit,
		},
		{
			Name: "allocate", After: []string{},
			Do: lines(func(p Plan, line int32, g Goods) any {
				return inventory.Allocate{OrderID: p.Order, Line: line, Quantity: g.Quantity}
			}),
			Undo: lines(func(p Plan, line int32, _ Goods) any { return inventory.Release{OrderID: p.Order, Line: line} }),
		},
		{
			Name: "authorise", After: []string{}, DeadlineMillis: PaymentMillis, DeadlineOf: func(p Plan) int64 { return p.PayWithinMillis },
			Do: func(p Plan) []es.Command {
				return one("payment", p.Order, payment.Request{
					OrderID: p.Order, CustomerID: p.Customer, Amount: p.Total, Tax: p.Tax, Currency: p.Currency, Account: p.Account,
				})
			},
			Await: map[string]func(any) es.Refusal{
				"payment.PaymentAuthorised": done,
				"payment.PaymentDeclined":   func(any) es.Refusal { return payment.Declined },
				"payment.PaymentCancelled":  func(any) es.Refusal { return payment.Cancelled },
			},
			Undo: cancelPayment,
		},
		{
			Name: "confirm", After: []string{"allocate"},
			Do: func(p Plan) []es.Command { return one("order", p.Order, order.Allocate{}) },
		},
		{
			// A bank is asked for its account's money: a court may have frozen it since it was set aside.
			Name: "collect", After: []string{"credit", "authorise", "confirm"}, DeadlineMillis: PaymentMillis,
			Do: fromAccount(func(p Plan) []es.Command { return one("payment", p.Order, payment.Collect{}) }),
			Await: map[string]func(any) es.Refusal{
				"payment.PaymentCollected": done,
				"payment.PaymentDeclined":  func(any) es.Refusal { return payment.Declined },
				"payment.PaymentCancelled": func(any) es.Refusal { return payment.Cancelled },
			},
			Undo: fromAccount(cancelPayment),
		},
		{
			Name: "capture",
			Do:   func(p Plan) []es.Command { return one("payment", p.Order, payment.Capture{}) },
			Undo: func(p Plan) []es.Command {
				return one("payment", p.Order, payment.Refund{
					RefundID: RefundID, Amount: p.Total, Tax: p.Tax, Currency: p.Currency, Reason: "the order is cancelled",
				})
			},
		},
		{
			Name: "pay",
			Do: func(p Plan) []es.Command {
				return one("order", p.Order, order.Pay{Amount: p.Total, Currency: p.Currency})
			},
		},
		{
			// What is paid is no longer on order. Taken back, nothing of it is left to release.
			Name: "settle", Do: releaseCredit,
		},
	}
}

// sending are the steps from the money to the parcel.
func sending() []saga.Step[Plan] {
	return []saga.Step[Plan]{
		{
			// The order first: from here on it refuses to be cancelled, so that no parcel leaves for a cancelled one.
			Name: "shipping", After: []string{"pay"},
			Do: func(p Plan) []es.Command { return one("order", p.Order, order.ArrangeShipping{}) },
			Undo: func(p Plan) []es.Command {
				return one("order", p.Order, order.CancelShipping{Reason: "the parcel does not leave"})
			},
		},
		{
			Name: "shipment",
			Do: func(p Plan) []es.Command {
				return one("shipment", p.Order, shipment.Arrange{OrderID: p.Order, Carrier: p.Carrier})
			},
			Await: map[string]func(any) es.Refusal{
				"shipment.ShipmentDispatched": done,
				"shipment.ShipmentCancelled":  func(any) es.Refusal { return shipment.Cancelled },
			},
			Undo: func(p Plan) []es.Command {
				return one("shipment", p.Order, shipment.Cancel{Reason: "the order is cancelled"})
			},
		},
		{
			Name: "ship", After: []string{"settle", "shipment"}, Final: true,
			Do: func(p Plan) []es.Command { return one("order", p.Order, order.Ship{}) },
		},
		{
			Name: "leave",
			Do:   lines(func(p Plan, line int32, _ Goods) any { return inventory.Ship{OrderID: p.Order, Line: line} }),
		},
		{
			// Whoever collected the money need no longer be ready to put it back.
			Name: "conclude",
			Do:   fromAccount(func(p Plan) []es.Command { return one("payment", p.Order, payment.Settle{}) }),
		},
	}
}

func done(any) es.Refusal { return "" }

func cancelPayment(p Plan) []es.Command {
	return one("payment", p.Order, payment.Cancel{Reason: "the order is cancelled"})
}

// fromAccount has commands sent only where the money comes from an account of the bank.
func fromAccount(commands func(Plan) []es.Command) func(Plan) []es.Command {
	return func(p Plan) []es.Command {
		if p.Account == "" {
			return nil
		}
		return commands(p)
	}
}

func releaseCredit(p Plan) []es.Command {
	return one("customer", p.Customer, customer.ReleaseCredit{OrderID: p.Order})
}

// lines sends a command to the article of every line. Lines are counted from 1.
func lines(body func(p Plan, line int32, g Goods) any) func(Plan) []es.Command {
	return func(p Plan) []es.Command {
		var all []es.Command
		for i, g := range p.Goods {
			all = append(all, es.Command{Aggregate: "inventory", ID: g.SKU, Body: body(p, int32(i)+1, g)})
		}
		return all
	}
}

func one(aggregate, id string, body any) []es.Command {
	return []es.Command{{Aggregate: aggregate, ID: id, Body: body}}
}
