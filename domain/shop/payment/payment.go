// Package payment is the payment aggregate: the money for one order, and what became of it. Its ID is the order's, so
// that an order is paid for once, and so that both lie in one partition. Amounts are minor units of the payment's one
// currency.
//
//	requested → authorised → (collecting → collected →) received → refunded
//	    └────────────┴──────────────┴────────────┴──▶ declined, cancelled
//
// What is in brackets is for payments from an account of the bank: their money is collected there before it counts as
// received, and put back if the payment comes to nothing before it is settled. Until then they are given back as a whole
// or not at all. What is given back later goes into the account that it came from, and is reversed if the account does not
// take it.
//
// Whoever moves the money (a bank, a card scheme) answers a request with Authorise or Decline, and late answers are told
// so: to an authorisation after the end the answer is no, so that the money is let go. Only what was received can be
// refunded, in parts and never more than that.
package payment

import (
	"slices"

	"recount/internal/es"
)

// Status is where a payment stands. The strings are wire names.
type Status string

// The statuses of a payment; one that nobody has requested has none.
const (
	StatusRequested  Status = "requested"
	StatusAuthorised Status = "authorised" // set aside for us
	StatusCollecting Status = "collecting" // from an account of the bank
	StatusCollected  Status = "collected"
	StatusReceived   Status = "received"
	StatusDeclined   Status = "declined"  // for good
	StatusCancelled  Status = "cancelled" // for good
	StatusRefunded   Status = "refunded"  // all of it
)

// RefundsMax bounds the refunds of one payment, and so its state.
const RefundsMax = 100

// Payment is the state of one payment. Its zero value was never requested.
type Payment struct {
	Status     Status `avro:"status"`
	OrderID    string `avro:"order_id"`
	CustomerID string `avro:"customer_id"`
	// Amount is all of the money, Tax what of it is tax.
	Amount   int64  `avro:"amount"`
	Tax      int64  `avro:"tax"`
	Currency string `avro:"currency"`
	// Reference is that of whoever authorised it.
	Reference string `avro:"reference"`
	// Account is that of the bank which the money comes from; empty: it comes from none.
	Account string `avro:"account"`
	// Settled: what was paid for has left.
	Settled bool `avro:"settled"`
	// Refunds are never written to: Evolve makes new ones.
	Refunds []Refunded `avro:"refunds"`
}

// Refunded is a part that was given back.
type Refunded struct {
	RefundID string `avro:"refund_id"`
	Amount   int64  `avro:"amount"`
	Tax      int64  `avro:"tax"`
	// Account is that of the bank which it went into; empty: into none.
	Account string `avro:"account"`
	// Reversed: it did not arrive, and is not given back after all.
	Reversed bool `avro:"reversed"`
}

// Decide returns the facts c makes true, or refuses.
func (p Payment) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Request:
		return p.request(c)
	case Authorise:
		return p.authorise(c)
	case Collect:
		return p.collect()
	case ConfirmCollection:
		return p.confirmCollection()
	case Capture:
		return p.capture()
	case Settle:
		return p.settle()
	case Decline:
		return p.decline(c)
	case Cancel:
		return p.cancel(c)
	case Refund:
		return p.refund(c)
	case ReverseRefund:
		return p.reverseRefund(c)
	}
	panic(es.Unhandled(c))
}

// requireOpen refuses what is asked of a payment that is not there yet, or has come to nothing.
func (p Payment) requireOpen() error {
	return es.First(
		es.Require(p.Status != "", NotRequested),
		es.Require(p.Status != StatusDeclined, Declined),
		es.Require(p.Status != StatusCancelled, Cancelled))
}

// isOver reports whether the payment has come to nothing by itself, or was given back as a whole: it needs no end.
func (p Payment) isOver() bool {
	return p.Status == StatusCancelled || p.Status == StatusDeclined || p.Status == StatusRefunded
}

// isCollected reports whether the money of a payment from an account was taken there, whatever came then.
func (p Payment) isCollected() bool {
	return p.Account != "" && (p.Status == StatusCollected || p.isReceived())
}

// isReceived reports whether the money came in, whatever of it was given back.
func (p Payment) isReceived() bool { return p.Status == StatusReceived || p.Status == StatusRefunded }

// Evolve returns the payment after e. It never refuses and never panics: e already happened.
func (p Payment) Evolve(e Event) Payment {
	switch e := e.(type) {
	case PaymentRequested:
		p.Status = StatusRequested
		p.OrderID, p.CustomerID, p.Amount, p.Tax, p.Currency = e.OrderID, e.CustomerID, e.Amount, e.Tax, e.Currency
		p.Account = e.Account
	case HoldRequested, DebitRevoked: // the payment stays what it was
	case PaymentAuthorised:
		p.Status, p.Reference = StatusAuthorised, e.Reference
	case CollectionRequested:
		p.Status = StatusCollecting
	case PaymentCollected:
		p.Status = StatusCollected
	case PaymentReceived:
		p.Status = StatusReceived
	case PaymentSettled:
		p.Settled = true
	case PaymentDeclined:
		p.Status = StatusDeclined
	case PaymentCancelled:
		p.Status = StatusCancelled
	case PaymentRefunded:
		p.Status = e.StatusAfter
		p.Refunds = append(slices.Clip(p.Refunds), Refunded{RefundID: e.RefundID, Amount: e.Amount, Tax: e.Tax, Account: e.Account})
	case RefundReversed:
		p.Status, p.Refunds = StatusReceived, withReversed(p.Refunds, e.RefundID)
	default:
		panic(es.Unhandled(e))
	}
	return p
}
