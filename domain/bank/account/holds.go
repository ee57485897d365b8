package account

import (
	"slices"

	"recount/domain/money"
	"recount/internal/es"
)

// HoldsMax bounds the open holds of one account, and so its state.
const HoldsMax = 1_000

// Hold is money that is set aside for somebody: it is still in the account, and nobody else gets it.
type Hold struct {
	ID     string `avro:"hold_id"`
	Amount int64  `avro:"amount"`
}

// Held is how much of the balance is set aside.
func (a Account) Held() (sum int64) {
	for _, h := range a.Holds {
		sum += h.Amount
	}
	return sum
}

// hold returns the open hold of an ID.
func (a Account) hold(id string) (Hold, bool) {
	i := slices.IndexFunc(a.Holds, func(h Hold) bool { return h.ID == id })
	if i < 0 {
		return Hold{}, false
	}
	return a.Holds[i], true
}

// reserve sets money aside. It may be asked for again as it was, for as long as the hold is open.
func (a Account) reserve(c Reserve) ([]Event, error) {
	if open, ok := a.hold(c.HoldID); ok {
		return nil, es.First(a.requireAlive(), es.Require(open.Amount == c.Amount && c.Currency == a.Currency, HeldOtherwise))
	}
	return es.Emit[Event](
		FundsReserved{
			CustomerID: a.CustomerID, HoldID: c.HoldID, Amount: c.Amount, Currency: c.Currency, Reference: c.Reference,
			BalanceAfter: a.Balance, HeldAfter: a.Held() + c.Amount, StatusAfter: a.Status,
		},
		a.requireAlive(),
		es.Require(a.Status != StatusFrozen, Frozen),
		es.Require(c.HoldID != "", HoldMissing),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Currency == a.Currency, CurrencyMismatch),
		es.Require(a.covers(c.Amount), InsufficientFunds),
		// With an overdraft as large as int64 allows, more can be covered than the sum of the holds can tell.
		es.Require(money.Fits(a.Held(), c.Amount), Overflow),
		es.Require(len(a.Holds) < HoldsMax, TooManyHolds))
}

// capture takes what was set aside, or a part of it; the rest is free again. The hold is forgotten then: a repeat is
// recognised by its command's ID, like any other.
func (a Account) capture(c Capture) ([]Event, error) {
	open, ok := a.hold(c.HoldID)
	return es.Emit[Event](
		FundsCaptured{
			CustomerID: a.CustomerID, HoldID: c.HoldID, Amount: c.Amount, Released: open.Amount - c.Amount, Currency: c.Currency,
			Reference: c.Reference, BalanceAfter: a.Balance - c.Amount, HeldAfter: a.Held() - open.Amount, StatusAfter: a.Status, Channel: c.Channel,
		},
		a.requireAlive(),
		es.Require(a.Status != StatusFrozen, Frozen),
		es.Require(ok, NotHeld),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Currency == a.Currency, CurrencyMismatch),
		es.Require(c.Amount <= open.Amount, CapturedTooMuch))
}

// release frees what was set aside. What is not held, or no longer, stays so. A frozen account frees it too: no money leaves.
func (a Account) release(c Release) ([]Event, error) {
	open, ok := a.hold(c.HoldID)
	if err := es.Require(a.Status != "", NotOpen); err != nil || !ok {
		return nil, err
	}
	return []Event{FundsReleased{
		CustomerID: a.CustomerID, HoldID: c.HoldID, Amount: open.Amount, Currency: a.Currency,
		BalanceAfter: a.Balance, HeldAfter: a.Held() - open.Amount, StatusAfter: a.Status,
	}}, nil
}

// without returns a copy of holds that lacks one.
func without(holds []Hold, id string) []Hold {
	return slices.DeleteFunc(slices.Clone(holds), func(h Hold) bool { return h.ID == id })
}
