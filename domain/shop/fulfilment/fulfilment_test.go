package fulfilment_test

import (
	"slices"
	"testing"

	"recount/domain/shop/customer"
	. "recount/domain/shop/fulfilment"
	"recount/domain/shop/inventory"
	"recount/domain/shop/order"
	"recount/domain/shop/payment"
	"recount/domain/shop/shipment"
	"recount/internal/es"
	"recount/internal/es/estest"
	"recount/internal/es/saga"
)

// The order that the tables are about: "1", of two lines.
var (
	created = order.OrderCreated{
		CustomerID: "ada", Currency: "EUR", Carrier: "post", Net: 3497, Tax: 570, Total: 4067,
		Lines: []order.PricedLine{
			{Line: order.Line{SKU: "book", Quantity: 3, UnitPrice: 499, TaxRate: 1000}, Net: 1497, Tax: 150},
			{Line: order.Line{SKU: "lamp", Quantity: 1, UnitPrice: 2000, TaxRate: 2100}, Net: 2000, Tax: 420},
		},
	}
	plan = Plan{
		Order: "1", Customer: "ada", Currency: "EUR", Carrier: "post", Total: 4067, Tax: 570,
		Goods: []Goods{{SKU: "book", Quantity: 3}, {SKU: "lamp", Quantity: 1}},
	}
)

// An order whose money may take five seconds. Its lines are not what it is about.
var (
	hurried     = order.OrderCreated{CustomerID: "ada", Currency: "EUR", Carrier: "post", Tax: 570, Total: 4067, PayWithinSeconds: 5}
	hurriedPlan = Plan{Order: "1", Customer: "ada", Currency: "EUR", Carrier: "post", Total: 4067, Tax: 570, PayWithinMillis: 5_000}
)

func given(inputs ...es.Occurrence) []es.Occurrence { return inputs }

func happened(aggregate, name string, event any) es.Occurrence {
	return es.Happened{Aggregate: aggregate, Type: name, Event: event}
}

// What happens in the tables.
var (
	placed     = happened("order", "OrderCreated", created)
	withdrawn  = happened("order", "OrderCancelled", order.OrderCancelled{Reason: "changed my mind"})
	authorised = happened("payment", "PaymentAuthorised", payment.PaymentAuthorised{OrderID: "1"})
	declined   = happened("payment", "PaymentDeclined", payment.PaymentDeclined{OrderID: "1"})
	dispatched = happened("shipment", "ShipmentDispatched", shipment.ShipmentDispatched{OrderID: "1"})
	lost       = happened("shipment", "ShipmentCancelled", shipment.ShipmentCancelled{OrderID: "1"})
	late       = es.Elapsed{Timer: es.Timer{Name: "step/authorise", Due: 1_000 + PaymentMillis}}
)

func attempt(step string, leg int32, undo bool) string {
	return es.Attempt{Step: step, Leg: leg, Undo: undo, Number: 1}.CommandID(estest.ProcessID)
}

// yes is an accepted command: yes("allocate", 1) that of the second line.
func yes(step string, leg int32) es.Occurrence {
	return es.Answered{CommandID: attempt(step, leg, false), Outcome: es.Accepted}
}

func no(step string, leg int32, code es.Refusal) es.Occurrence {
	return es.Answered{CommandID: attempt(step, leg, false), Outcome: es.Refused, Code: string(code)}
}

func undone(step string, leg int32) es.Occurrence {
	return es.Answered{CommandID: attempt(step, leg, true), Outcome: es.Accepted}
}

func request(step string, leg int32, undo bool, aggregate, id string, body any) es.Request {
	return es.Request{
		CommandID: attempt(step, leg, undo), ValidAt: estest.ProcessValidAt,
		Command: es.Command{Aggregate: aggregate, ID: id, Body: body},
	}
}

func asks(step string, leg int32, undo bool, at int64, target string) saga.StepRequested {
	return saga.StepRequested{Step: step, Leg: leg, Undo: undo, Attempt: 1, At: at, ValidAt: estest.ProcessValidAt, Target: target}
}

// until is the way of a fulfilment where all goes well, up to a number of inputs.
func until(n int) []es.Occurrence {
	return given(placed, yes("credit", 0), yes("allocate", 0), yes("allocate", 1), yes("authorise", 0), authorised, yes("confirm", 0), // 7
		yes("capture", 0), yes("pay", 0), yes("settle", 0), yes("shipping", 0), yes("shipment", 0), dispatched, // 13
		yes("ship", 0), yes("leave", 0), yes("leave", 1))[:n]
}

func after(n int, more ...es.Occurrence) []es.Occurrence { return slices.Concat(until(n), more) }

const (
	known     = 7  // everything is there, and the money is being taken
	isPaid    = 9  // the order is handed to shipping
	isWaiting = 12 // for the parcel to leave
)

func TestWhenAllGoesWell(t *testing.T) {
	t.Parallel()
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "credit, goods and money are asked for together", When: placed,
			Then: []any{
				plan, asks("credit", 0, false, 1_000, "customer/ada"),
				asks("allocate", 0, false, 1_000, "inventory/book"), asks("allocate", 1, false, 1_000, "inventory/lamp"),
				asks("authorise", 0, false, 1_000, "payment/1"), saga.TimerSet{Name: "step/authorise", Due: 1_000 + PaymentMillis},
			},
			Sends: []es.Request{
				request("credit", 0, false, "customer", "ada", customer.ReserveCredit{OrderID: "1", Amount: 4067, Currency: "EUR"}),
				request("allocate", 0, false, "inventory", "book", inventory.Allocate{OrderID: "1", Line: 1, Quantity: 3}),
				request("allocate", 1, false, "inventory", "lamp", inventory.Allocate{OrderID: "1", Line: 2, Quantity: 1}),
				request("authorise", 0, false, "payment", "1", payment.Request{OrderID: "1", CustomerID: "ada", Amount: 4067, Tax: 570, Currency: "EUR"}),
			},
		},
		{
			Name: "one line alone is not enough", Given: until(2), When: yes("allocate", 1),
			Then: []any{saga.StepSucceeded{Step: "allocate", Leg: 1}},
		},
		{
			Name: "all lines are", Given: until(3), When: yes("allocate", 1),
			Then:  []any{saga.StepSucceeded{Step: "allocate", Leg: 1}, asks("confirm", 0, false, 4_000, "order/1")},
			Sends: []es.Request{request("confirm", 0, false, "order", "1", order.Allocate{})},
		},
		{Name: "a request for money is no money", Given: until(4), When: yes("authorise", 0), Then: []any{saga.StepAccepted{Step: "authorise"}}},
		{
			Name: "the money is taken once everything is there", Given: until(known - 1), When: yes("confirm", 0),
			Then:  []any{saga.StepSucceeded{Step: "confirm"}, saga.StepSkipped{Step: "collect"}, asks("capture", 0, false, 7_000, "payment/1")},
			Sends: []es.Request{request("capture", 0, false, "payment", "1", payment.Capture{})},
		},
		{
			Name: "the order hears of it", Given: until(known), When: yes("capture", 0),
			Then:  []any{saga.StepSucceeded{Step: "capture"}, asks("pay", 0, false, 8_000, "order/1")},
			Sends: []es.Request{request("pay", 0, false, "order", "1", order.Pay{Amount: 4067, Currency: "EUR"})},
		},
		{
			Name: "the credit is free again, and shipping has the order", Given: until(isPaid - 1), When: yes("pay", 0),
			Then: []any{
				saga.StepSucceeded{Step: "pay"}, asks("settle", 0, false, 9_000, "customer/ada"), asks("shipping", 0, false, 9_000, "order/1"),
			},
			Sends: []es.Request{
				request("settle", 0, false, "customer", "ada", customer.ReleaseCredit{OrderID: "1"}),
				request("shipping", 0, false, "order", "1", order.ArrangeShipping{}),
			},
		},
		{
			Name: "only then a parcel is asked for", Given: until(isPaid + 1), When: yes("shipping", 0),
			Then:  []any{saga.StepSucceeded{Step: "shipping"}, asks("shipment", 0, false, 11_000, "shipment/1")},
			Sends: []es.Request{request("shipment", 0, false, "shipment", "1", shipment.Arrange{OrderID: "1", Carrier: "post"})},
		},
		{
			Name: "it leaves", Given: until(isWaiting), When: dispatched,
			Then:  []any{saga.StepSucceeded{Step: "shipment"}, asks("ship", 0, false, 13_000, "order/1")},
			Sends: []es.Request{request("ship", 0, false, "order", "1", order.Ship{})},
		},
		{
			Name: "with what was promised", Given: until(isWaiting + 1), When: yes("ship", 0),
			Then: []any{
				saga.StepSucceeded{Step: "ship"}, asks("leave", 0, false, 14_000, "inventory/book"), asks("leave", 1, false, 14_000, "inventory/lamp"),
			},
			Sends: []es.Request{
				request("leave", 0, false, "inventory", "book", inventory.Ship{OrderID: "1", Line: 1}),
				request("leave", 1, false, "inventory", "lamp", inventory.Ship{OrderID: "1", Line: 2}),
			},
		},
		{Name: "and that is all", Given: until(15), When: yes("leave", 1), Then: []any{saga.StepSucceeded{Step: "leave", Leg: 1}, saga.StepSkipped{Step: "conclude"}, saga.Completed{}}},
	})
}

// refusedWith are the events that a refusal leads to before anything is undone.
func refusedWith(step string, leg int32, code es.Refusal) []any {
	return []any{
		saga.StepRefused{Step: step, Leg: leg, Code: string(code)}, saga.StopRequested{Code: string(code), Step: step},
		saga.CompensationStarted{Code: string(code)},
	}
}

func stopped(code string, first ...any) []any {
	return append(first, saga.StopRequested{Code: code}, saga.CompensationStarted{Code: code})
}

// What is sent where an order comes to nothing.
var (
	cancelRequest = request("authorise", 0, true, "payment", "1", payment.Cancel{Reason: "the order is cancelled"})
	refund        = request("capture", 0, true, "payment", "1", payment.Refund{
		RefundID: RefundID, Amount: 4067, Tax: 570, Currency: "EUR", Reason: "the order is cancelled",
	})
)

func abandon(code string) []es.Request {
	return []es.Request{request("abandon", 0, false, "order", "1", order.Cancel{Reason: code})}
}

func TestARefusalTakesEverythingBackInReverse(t *testing.T) {
	t.Parallel()
	short := given(placed, yes("credit", 0), no("allocate", 1, inventory.InsufficientStock), yes("allocate", 0), yes("authorise", 0))
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "a shortage waits for what is under way", Given: until(1), When: no("allocate", 1, inventory.InsufficientStock),
			Then: refusedWith("allocate", 1, inventory.InsufficientStock),
		},
		{
			Name: "and then undoes it in reverse: the money first", Given: short[:4], When: short[4],
			Then:  []any{saga.StepSucceeded{Step: "authorise"}, asks("authorise", 0, true, 5_000, "payment/1")},
			Sends: []es.Request{cancelRequest},
		},
		{
			Name: "then the goods that were promised, and no others", Given: short, When: undone("authorise", 0),
			Then:  []any{saga.StepSucceeded{Step: "authorise", Undo: true}, asks("allocate", 0, true, 6_000, "inventory/book")},
			Sends: []es.Request{request("allocate", 0, true, "inventory", "book", inventory.Release{OrderID: "1", Line: 1})},
		},
		{
			Name: "then the credit", Given: append(slices.Clone(short), undone("authorise", 0)), When: undone("allocate", 0),
			Then:  []any{saga.StepSucceeded{Step: "allocate", Undo: true}, asks("credit", 0, true, 7_000, "customer/ada")},
			Sends: []es.Request{request("credit", 0, true, "customer", "ada", customer.ReleaseCredit{OrderID: "1"})},
		},
		{
			Name: "and cancels the order with its reason", Given: append(slices.Clone(short), undone("authorise", 0), undone("allocate", 0)), When: undone("credit", 0),
			Then:  []any{saga.StepSucceeded{Step: "credit", Undo: true}, asks("abandon", 0, false, 8_000, "order/1")},
			Sends: abandon("inventory/insufficient-stock"),
		},
		{
			Name: "a customer without credit takes nothing", When: no("credit", 0, customer.Blocked),
			Given: given(placed, no("allocate", 0, "inventory/not-stocked"), no("allocate", 1, "inventory/not-stocked"), no("authorise", 0, payment.AlreadyRequested)),
			Then:  []any{saga.StepRefused{Step: "credit", Code: "customer/blocked"}, asks("abandon", 0, false, 5_000, "order/1")},
			Sends: abandon("inventory/not-stocked"),
		},
		{Name: "the saga's own cancelling changes nothing", Given: short, When: withdrawn, Refused: es.NoWayBack},
	})
}

func TestSilenceAndSecondThoughts(t *testing.T) {
	t.Parallel()
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "a declined payment is not cancelled, but the rest released", Given: after(5, yes("confirm", 0)), When: declined,
			Then: append(refusedWith("authorise", 0, payment.Declined), asks("allocate", 0, true, 7_000, "inventory/book"), asks("allocate", 1, true, 7_000, "inventory/lamp")),
			Sends: []es.Request{
				request("allocate", 0, true, "inventory", "book", inventory.Release{OrderID: "1", Line: 1}),
				request("allocate", 1, true, "inventory", "lamp", inventory.Release{OrderID: "1", Line: 2}),
			},
		},
		{
			Name: "a payment that does not answer in time is cancelled", Given: given(placed, yes("credit", 0), yes("allocate", 0), yes("allocate", 1), yes("confirm", 0), yes("authorise", 0)), When: late,
			Then: []any{
				saga.TimerFired{Name: "step/authorise"}, saga.StopRequested{Code: saga.StepLate, Step: "authorise"},
				saga.CompensationStarted{Code: saga.StepLate}, asks("authorise", 0, true, 7_000, "payment/1"),
			},
			Sends: []es.Request{cancelRequest},
		},
		{
			Name: "sooner, if the order says so", When: happened("order", "OrderCreated", hurried),
			Then: []any{
				hurriedPlan, asks("credit", 0, false, 1_000, "customer/ada"), saga.StepSkipped{Step: "allocate"},
				asks("authorise", 0, false, 1_000, "payment/1"), saga.TimerSet{Name: "step/authorise", Due: 1_000 + 5_000},
				asks("confirm", 0, false, 1_000, "order/1"),
			},
			Sends: []es.Request{
				request("credit", 0, false, "customer", "ada", customer.ReserveCredit{OrderID: "1", Amount: 4067, Currency: "EUR"}),
				request("authorise", 0, false, "payment", "1", payment.Request{OrderID: "1", CustomerID: "ada", Amount: 4067, Tax: 570, Currency: "EUR"}),
				request("confirm", 0, false, "order", "1", order.Allocate{}),
			},
		},
		{Name: "an answer that comes later changes nothing", Given: after(5, yes("confirm", 0), late), When: authorised, Refused: es.NotAwaited},
		{Name: "nor does one when all is over", Given: until(16), When: authorised, Refused: es.Ended},
		{Name: "nor time once there was an answer", Given: until(known), When: late, Refused: es.NotAwaited},
		{
			Name: "a customer who cancels stops it", Given: after(5, yes("confirm", 0)), When: withdrawn,
			Then:  append(stopped("order/cancelled"), asks("authorise", 0, true, 7_000, "payment/1")),
			Sends: []es.Request{cancelRequest},
		},
		{
			Name: "also while the money is being taken, which is awaited", Given: until(known), When: withdrawn,
			Then: stopped("order/cancelled"),
		},
		{
			Name: "and given back", Given: after(known, withdrawn), When: yes("capture", 0),
			Then:  []any{saga.StepSucceeded{Step: "capture"}, asks("capture", 0, true, 9_000, "payment/1")},
			Sends: []es.Request{refund},
		},
		{
			Name: "a parcel that does not leave has shipping give the order back", Given: until(isWaiting), When: lost,
			Then:  append(refusedWith("shipment", 0, shipment.Cancelled), asks("shipping", 0, true, 13_000, "order/1")),
			Sends: []es.Request{request("shipping", 0, true, "order", "1", order.CancelShipping{Reason: "the parcel does not leave"})},
		},
		{
			Name: "and the money too", Given: after(isWaiting, lost), When: undone("shipping", 0),
			Then:  []any{saga.StepSucceeded{Step: "shipping", Undo: true}, asks("capture", 0, true, 14_000, "payment/1")},
			Sends: []es.Request{refund},
		},
		{Name: "what has left can't be stopped", Given: until(14), When: es.Ordered{Order: es.OrderCompensate}, Refused: es.NoWayBack},
	})
}

// An order that is paid from an account of the bank.
var (
	byDebit     = order.OrderCreated{CustomerID: "ada", Currency: "EUR", Carrier: "post", Tax: 570, Total: 4067, PayFromAccount: "acct-1"}
	debitPlan   = Plan{Order: "1", Customer: "ada", Currency: "EUR", Carrier: "post", Total: 4067, Tax: 570, Account: "acct-1"}
	collected   = happened("payment", "PaymentCollected", payment.PaymentCollected{OrderID: "1"})
	debited     = given(happened("order", "OrderCreated", byDebit), yes("credit", 0), yes("authorise", 0), authorised, yes("confirm", 0)) // 5
	isConcluded = slices.Concat(debited, given(yes("collect", 0), collected, yes("capture", 0), yes("pay", 0), yes("settle", 0), yes("shipping", 0),
		yes("shipment", 0), dispatched, yes("ship", 0)))
)

func TestMoneyFromAnAccountIsCollectedFirst(t *testing.T) {
	t.Parallel()
	cancelCollection := request("collect", 0, true, "payment", "1", payment.Cancel{Reason: "the order is cancelled"})
	estest.RunProcess(t, Saga(), []estest.ProcessCase{
		{
			Name: "the account is named", When: happened("order", "OrderCreated", byDebit),
			Then: []any{
				debitPlan, asks("credit", 0, false, 1_000, "customer/ada"), saga.StepSkipped{Step: "allocate"},
				asks("authorise", 0, false, 1_000, "payment/1"), saga.TimerSet{Name: "step/authorise", Due: 1_000 + PaymentMillis},
				asks("confirm", 0, false, 1_000, "order/1"),
			},
			Sends: []es.Request{
				request("credit", 0, false, "customer", "ada", customer.ReserveCredit{OrderID: "1", Amount: 4067, Currency: "EUR"}),
				request("authorise", 0, false, "payment", "1", payment.Request{OrderID: "1", CustomerID: "ada", Amount: 4067, Tax: 570, Currency: "EUR", Account: "acct-1"}),
				request("confirm", 0, false, "order", "1", order.Allocate{}),
			},
		},
		{
			Name: "its money is collected once everything is there", Given: debited[:4], When: debited[4],
			Then: []any{
				saga.StepSucceeded{Step: "confirm"}, asks("collect", 0, false, 5_000, "payment/1"), saga.TimerSet{Name: "step/collect", Due: 5_000 + PaymentMillis},
			},
			Sends: []es.Request{request("collect", 0, false, "payment", "1", payment.Collect{})},
		},
		{Name: "which takes its time", Given: debited, When: yes("collect", 0), Then: []any{saga.StepAccepted{Step: "collect"}}},
		{
			Name: "and only then counts as received", Given: isConcluded[:6], When: collected,
			Then:  []any{saga.StepSucceeded{Step: "collect"}, asks("capture", 0, false, 7_000, "payment/1")},
			Sends: []es.Request{request("capture", 0, false, "payment", "1", payment.Capture{})},
		},
		{
			Name: "an account that was frozen meanwhile", Given: isConcluded[:6], When: declined,
			Then:  append(refusedWith("collect", 0, payment.Declined), asks("authorise", 0, true, 7_000, "payment/1")),
			Sends: []es.Request{cancelRequest},
		},
		{
			Name: "a bank that does not answer", Given: isConcluded[:6], When: es.Elapsed{Timer: es.Timer{Name: "step/collect", Due: 5_000 + PaymentMillis}},
			Then: []any{
				saga.TimerFired{Name: "step/collect"}, saga.StopRequested{Code: saga.StepLate, Step: "collect"},
				saga.CompensationStarted{Code: saga.StepLate}, asks("collect", 0, true, 7_000, "payment/1"),
			},
			Sends: []es.Request{cancelCollection},
		},
		{
			Name: "what has left is settled", Given: isConcluded[:13], When: isConcluded[13],
			Then: []any{
				saga.StepSucceeded{Step: "ship"}, saga.StepSkipped{Step: "leave"}, asks("conclude", 0, false, 14_000, "payment/1"),
			},
			Sends: []es.Request{request("conclude", 0, false, "payment", "1", payment.Settle{})},
		},
		{Name: "and that is all", Given: isConcluded, When: yes("conclude", 0), Then: []any{saga.StepSucceeded{Step: "conclude"}, saga.Completed{}}},
	})
}
