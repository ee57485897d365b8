// Package refund is the refund aggregate: money that goes back into the account of the bank which a payment took it from,
// and what came of it. One payment may have several, each with an ID of its own, which is also that of the refund in the
// payment. Amounts are minor units.
//
//	requested ─▶ completed, failed
//
// The aggregate never looks at a payment or at an account: whether so much is left to give back, and whether the account
// takes it, they say when a saga asks them. A refund that has failed left nothing behind: the shop has the money.
package refund

import (
	"recount/domain/money"
	"recount/internal/es"
)

// Status is where a refund stands. The strings are wire names.
type Status string

// The statuses of a refund; one that nobody has requested has none.
const (
	StatusRequested Status = "requested"
	StatusCompleted Status = "completed" // the money is in the account
	StatusFailed    Status = "failed"    // the money is where it was
)

// Refund is the state of one refund. Its zero value has never been requested.
type Refund struct {
	Status Status `avro:"status"`
	Order  Order  `avro:"order"`
}

// Order is what was asked for.
type Order struct {
	PaymentID string `avro:"payment_id"`
	Account   string `avro:"account"`
	Amount    int64  `avro:"amount"`
	Tax       int64  `avro:"tax"`
	Currency  string `avro:"currency"`
	Reason    string `avro:"reason"`
}

// Decide returns the facts c makes true, or refuses.
func (r Refund) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Request:
		return r.request(c)
	case Complete:
		return r.complete()
	case Fail:
		return r.fail(c)
	}
	panic(es.Unhandled(c))
}

func (r Refund) request(c Request) ([]Event, error) {
	order := Order(c)
	if r.Status != "" && order == r.Order {
		return nil, nil // the same refund, asked for once more
	}
	return es.Emit[Event](
		RefundRequested(order),
		es.Require(r.Status == "", AlreadyRequested),
		es.Require(c.PaymentID != "", PaymentMissing),
		es.Require(c.Account != "", AccountMissing),
		es.Require(money.IsCurrency(c.Currency), CurrencyInvalid),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Tax >= 0 && c.Tax <= c.Amount, TaxInvalid))
}

func (r Refund) complete() ([]Event, error) {
	if r.Status == StatusCompleted {
		return nil, nil
	}
	return es.Emit[Event](
		RefundCompleted(r.Order),
		es.Require(r.Status != "", NotRequested),
		es.Require(r.Status != StatusFailed, AlreadyFailed))
}

func (r Refund) fail(c Fail) ([]Event, error) {
	if r.Status == StatusFailed {
		return nil, nil
	}
	o := r.Order
	return es.Emit[Event](
		RefundFailed{
			PaymentID: o.PaymentID, Account: o.Account, Amount: o.Amount, Tax: o.Tax, Currency: o.Currency, Reason: o.Reason,
			Code: c.Code, Step: c.Step,
		},
		es.Require(r.Status != "", NotRequested),
		es.Require(r.Status != StatusCompleted, AlreadyCompleted))
}

// Evolve returns the refund after e. It never refuses and never panics: e already happened.
func (r Refund) Evolve(e Event) Refund {
	switch e := e.(type) {
	case RefundRequested:
		r.Status, r.Order = StatusRequested, Order(e)
	case RefundCompleted:
		r.Status = StatusCompleted
	case RefundFailed:
		r.Status = StatusFailed
	default:
		panic(es.Unhandled(e))
	}
	return r
}
