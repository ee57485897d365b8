// Package transaction posts an entry of several legs: money leaves some accounts and comes to others, all of it or
// nothing. The aggregate keeps what was asked for and what came of it; the saga posts it, leg by leg.
//
//	requested → posted → reversed
//	    └──▶ failed
//
// What is posted is never deleted. It is taken back by another entry with the opposite legs, which names it, and which it
// knows: of two entries that want to take it back, one is refused.
//
// The aggregate never looks at an account: whether the money is there, and in which currency, the accounts say when the
// saga asks them.
package transaction

import (
	"slices"

	"recount/domain/money"
	"recount/internal/es"
)

// Status is where an entry stands. The strings are wire names.
type Status string

// The statuses of an entry; one that nobody has requested has none.
const (
	StatusRequested Status = "requested"
	StatusPosted    Status = "posted"
	StatusFailed    Status = "failed"   // nothing of it is left in any account
	StatusReversed  Status = "reversed" // another entry took it back
)

// LegsMax bounds the legs of one entry, and so its state and what its saga sends at a time.
const LegsMax = 50

// Transaction is the state of one entry. Its zero value has never been requested.
type Transaction struct {
	Status Status `avro:"status"`
	Entry  Entry  `avro:"entry"`
	// Reversal is the entry that takes this one back, or took it back; empty: none.
	Reversal string `avro:"reversal"`
}

// Entry is what was asked for. Its legs are never written to.
type Entry struct {
	Currency  string `avro:"currency"`
	Legs      []Leg  `avro:"legs"`
	Reference string `avro:"reference"`
	Reverses  string `avro:"reverses"`
}

// Decide returns the facts c makes true, or refuses.
func (t Transaction) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Post:
		return t.post(c)
	case Complete:
		return t.complete()
	case Fail:
		return t.fail(c)
	case ClaimReversal:
		return t.claim(c)
	case ReleaseReversal:
		return t.release(c)
	case ConfirmReversal:
		return t.confirm(c)
	}
	panic(es.Unhandled(c))
}

func (t Transaction) post(c Post) ([]Event, error) {
	e := t.Entry
	if t.Status != "" && c.Currency == e.Currency && c.Reference == e.Reference && c.Reverses == e.Reverses && slices.Equal(c.Legs, e.Legs) {
		return nil, nil // the same entry, asked for once more
	}
	return es.Emit[Event](
		TransactionRequested(c),
		es.Require(t.Status == "", AlreadyRequested),
		es.Require(money.IsCurrency(c.Currency), CurrencyInvalid),
		es.Require(len(c.Legs) >= 2, TooFewLegs),
		es.Require(len(c.Legs) <= LegsMax, TooManyLegs),
		balanced(c.Legs))
}

// balanced refuses legs that are not an entry.
func balanced(legs []Leg) error {
	var in, out int64 // apart, so that neither sum wraps around unnoticed
	for i, l := range legs {
		switch {
		case l.Account == "":
			return AccountMissing
		case slices.ContainsFunc(legs[:i], func(o Leg) bool { return o.Account == l.Account }):
			return AccountTwice
		case l.Amount == 0 || l.Amount == -l.Amount:
			return AmountZero
		case l.Amount > 0 && money.Fits(in, l.Amount):
			in += l.Amount
		case l.Amount < 0 && money.Fits(out, -l.Amount):
			out -= l.Amount
		default:
			return Unbalanced
		}
	}
	return es.Require(in == out, Unbalanced)
}

func (t Transaction) complete() ([]Event, error) {
	if t.Status == StatusPosted || t.Status == StatusReversed {
		return nil, nil
	}
	return es.Emit[Event](
		TransactionPosted(t.Entry),
		es.Require(t.Status != "", NotRequested),
		es.Require(t.Status != StatusFailed, AlreadyFailed))
}

func (t Transaction) fail(c Fail) ([]Event, error) {
	if t.Status == StatusFailed {
		return nil, nil
	}
	e := t.Entry
	return es.Emit[Event](
		TransactionFailed{Currency: e.Currency, Legs: e.Legs, Reference: e.Reference, Reverses: e.Reverses, Code: c.Code, Step: c.Step},
		es.Require(t.Status != "", NotRequested),
		es.Require(t.Status == StatusRequested, AlreadyPosted))
}

func (t Transaction) claim(c ClaimReversal) ([]Event, error) {
	if err := es.First(
		es.Require(t.Status == StatusPosted || t.Status == StatusReversed, NotPosted),
		es.Require(t.Reversal == "" || t.Reversal == c.By, AlreadyReversed),
		es.Require(c.Currency == t.Entry.Currency && opposite(c.Legs, t.Entry.Legs), NotOpposite),
	); err != nil || t.Reversal == c.By {
		return nil, err
	}
	return []Event{ReversalClaimed{Currency: t.Entry.Currency, Legs: t.Entry.Legs, By: c.By}}, nil
}

// opposite says whether one set of legs takes the other back. None of an entry's accounts is there twice.
func opposite(one, other []Leg) bool {
	return len(one) == len(other) && !slices.ContainsFunc(one, func(l Leg) bool {
		return !slices.Contains(other, Leg{Account: l.Account, Amount: -l.Amount})
	})
}

// release gives a claim up. Who has none, or no longer, has nothing to give up.
func (t Transaction) release(c ReleaseReversal) ([]Event, error) {
	if t.Reversal != c.By || t.Reversal == "" {
		return nil, es.Require(t.Status != "", NotRequested)
	}
	return es.Emit[Event](
		ReversalReleased{Currency: t.Entry.Currency, Legs: t.Entry.Legs, By: c.By},
		es.Require(t.Status != StatusReversed, AlreadyReversed))
}

func (t Transaction) confirm(c ConfirmReversal) ([]Event, error) {
	if err := es.First(
		es.Require(t.Status != "", NotRequested),
		es.Require(t.Reversal != "", NotClaimed),
		es.Require(t.Reversal == c.By, AlreadyReversed),
	); err != nil || t.Status == StatusReversed {
		return nil, err
	}
	return []Event{TransactionReversed{Currency: t.Entry.Currency, Legs: t.Entry.Legs, By: c.By}}, nil
}

// Evolve returns the entry after e. It never refuses and never panics: e already happened.
func (t Transaction) Evolve(e Event) Transaction {
	switch e := e.(type) {
	case TransactionRequested:
		t.Status, t.Entry = StatusRequested, Entry(e)
	case TransactionPosted:
		t.Status = StatusPosted
	case TransactionFailed:
		t.Status = StatusFailed
	case ReversalClaimed:
		t.Reversal = e.By
	case ReversalReleased:
		t.Reversal = ""
	case TransactionReversed:
		t.Status = StatusReversed
	default:
		panic(es.Unhandled(e))
	}
	return t
}
