// Package transfer moves money between two accounts of one bank: the transfer aggregate, which keeps what was asked and
// what came of it, and the saga that takes the money from one account and gives it to the other, or puts it back.
//
// The aggregate never looks at an account: whether the money is there, and in which currency, the accounts say when the
// saga asks them.
package transfer

import (
	"recount/domain/money"
	"recount/internal/es"
)

// Status is where a transfer stands. The strings are wire names.
type Status string

// The statuses of a transfer; one that nobody has requested has none.
const (
	StatusRequested Status = "requested"
	StatusCompleted Status = "completed"
	StatusFailed    Status = "failed" // the money is where it was
)

// Transfer is the state of one transfer. Its zero value has never been requested.
type Transfer struct {
	Status Status `avro:"status"`
	Order  Order  `avro:"order"`
}

// Order is what was asked for.
type Order struct {
	From      string `avro:"from_account"`
	To        string `avro:"to_account"`
	Amount    int64  `avro:"amount"` // minor units
	Currency  string `avro:"currency"`
	Reference string `avro:"reference"`
}

// Decide returns the facts c makes true, or refuses.
func (t Transfer) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Request:
		return t.request(c)
	case Complete:
		return t.complete()
	case Fail:
		return t.fail(c)
	}
	panic(es.Unhandled(c))
}

func (t Transfer) request(c Request) ([]Event, error) {
	order := Order(c)
	if t.Status != "" && order == t.Order {
		return nil, nil // the same transfer, asked for once more
	}
	return es.Emit[Event](
		TransferRequested(order),
		es.Require(t.Status == "", AlreadyRequested),
		es.Require(c.From != "" && c.To != "", AccountMissing),
		es.Require(c.From != c.To, SameAccount),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(money.IsCurrency(c.Currency), CurrencyInvalid))
}

func (t Transfer) complete() ([]Event, error) {
	if t.Status == StatusCompleted {
		return nil, nil
	}
	o := t.Order
	return es.Emit[Event](
		TransferCompleted{From: o.From, To: o.To, Amount: o.Amount, Currency: o.Currency, Reference: o.Reference},
		es.Require(t.Status != "", NotRequested),
		es.Require(t.Status != StatusFailed, AlreadyFailed))
}

func (t Transfer) fail(c Fail) ([]Event, error) {
	if t.Status == StatusFailed {
		return nil, nil
	}
	o := t.Order
	return es.Emit[Event](
		TransferFailed{From: o.From, To: o.To, Amount: o.Amount, Currency: o.Currency, Reference: o.Reference, Code: c.Code, Step: c.Step},
		es.Require(t.Status != "", NotRequested),
		es.Require(t.Status != StatusCompleted, AlreadyCompleted))
}

// Evolve returns the transfer after e. It never refuses and never panics: e already happened.
func (t Transfer) Evolve(e Event) Transfer {
	switch e := e.(type) {
	case TransferRequested:
		t.Status, t.Order = StatusRequested, Order(e)
	case TransferCompleted:
		t.Status = StatusCompleted
	case TransferFailed:
		t.Status = StatusFailed
	default:
		panic(es.Unhandled(e))
	}
	return t
}
