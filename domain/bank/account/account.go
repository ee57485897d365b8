// Package account is the account aggregate: what may happen to one bank account, and what each fact means for its
// balance. Amounts are minor units of the account's one currency.
//
// An account is judged by its newest state, in the order in which commands are recorded: a back-dated withdrawal is
// refused if the money is not there now, whatever the balance was on that day.
//
// It never looks at another aggregate, at a clock or at what a report needs beyond its own facts.
package account

import (
	"slices"

	"recount/domain/money"
	"recount/internal/es"
)

// Status is where an account stands. The strings are wire names.
type Status string

// The statuses of an account; an account nobody has opened has none.
const (
	StatusOpen   Status = "open"
	StatusFrozen Status = "frozen" // receives money and lets none go
	StatusClosed Status = "closed" // for good
)

// Account is the state of one account. Its zero value has never been opened.
type Account struct {
	Status         Status `avro:"status"`
	CustomerID     string `avro:"customer_id"`
	Currency       string `avro:"currency"`
	OverdraftLimit int64  `avro:"overdraft_limit"`
	// Balance never falls below -OverdraftLimit.
	Balance int64 `avro:"balance"`
	// Holds are what of it is set aside. They are never written to: Evolve makes new ones.
	Holds []Hold `avro:"holds"`
}

// Decide returns the facts c makes true, or refuses.
func (a Account) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Open:
		return a.open(c)
	case Deposit:
		return a.deposit(c)
	case Withdraw:
		return a.withdraw(c)
	case Reserve:
		return a.reserve(c)
	case Capture:
		return a.capture(c)
	case Release:
		return a.release(c)
	case Freeze:
		return a.freeze(c)
	case Unfreeze:
		return a.unfreeze()
	case Close:
		return a.close()
	}
	panic(es.Unhandled(c))
}

func (a Account) open(c Open) ([]Event, error) {
	return es.Emit[Event](
		AccountOpened{CustomerID: c.CustomerID, Currency: c.Currency, OverdraftLimit: c.OverdraftLimit},
		es.Require(a.Status != StatusClosed, Closed),
		es.Require(a.Status == "", AlreadyOpen),
		es.Require(c.CustomerID != "", CustomerMissing),
		es.Require(money.IsCurrency(c.Currency), CurrencyInvalid),
		es.Require(c.OverdraftLimit >= 0, OverdraftLimitNegative))
}

func (a Account) deposit(c Deposit) ([]Event, error) {
	// The event is only kept if every rule holds, so a sum that wrapped around is never seen.
	return es.Emit[Event](
		FundsDeposited{
			CustomerID: a.CustomerID, Amount: c.Amount, Currency: c.Currency, Reference: c.Reference,
			BalanceAfter: a.Balance + c.Amount, StatusAfter: a.Status, Channel: c.Channel,
		},
		a.requireAlive(),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Currency == a.Currency, CurrencyMismatch),
		es.Require(money.Fits(a.Balance, c.Amount), Overflow))
}

func (a Account) withdraw(c Withdraw) ([]Event, error) {
	return es.Emit[Event](
		FundsWithdrawn{
			CustomerID: a.CustomerID, Amount: c.Amount, Currency: c.Currency, Reference: c.Reference,
			BalanceAfter: a.Balance - c.Amount, StatusAfter: a.Status, Channel: c.Channel,
		},
		a.requireAlive(),
		es.Require(a.Status != StatusFrozen, Frozen),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Currency == a.Currency, CurrencyMismatch),
		es.Require(a.covers(c.Amount), InsufficientFunds))
}

func (a Account) freeze(c Freeze) ([]Event, error) {
	if a.Status == StatusFrozen {
		return nil, nil
	}
	return es.Emit[Event](
		AccountFrozen{CustomerID: a.CustomerID, Currency: a.Currency, BalanceAfter: a.Balance, Reason: c.Reason},
		a.requireAlive())
}

func (a Account) unfreeze() ([]Event, error) {
	if a.Status == StatusOpen {
		return nil, nil
	}
	return es.Emit[Event](
		AccountUnfrozen{CustomerID: a.CustomerID, Currency: a.Currency, BalanceAfter: a.Balance},
		a.requireAlive())
}

func (a Account) close() ([]Event, error) {
	if a.Status == StatusClosed {
		return nil, nil
	}
	return es.Emit[Event](
		AccountClosed{CustomerID: a.CustomerID, Currency: a.Currency},
		a.requireAlive(),
		es.Require(a.Status != StatusFrozen, Frozen),
		es.Require(len(a.Holds) == 0, HoldsOpen),
		es.Require(a.Balance == 0, BalanceNotZero))
}

// requireAlive refuses what is asked of an account that is not there yet, or no longer.
func (a Account) requireAlive() error {
	return es.First(
		es.Require(a.Status != "", NotOpen),
		es.Require(a.Status != StatusClosed, Closed))
}

// covers reports whether amount may be withdrawn, or set aside. With amount positive and the limit not negative the
// difference cannot overflow, and balance less what is held is never below the opposite of the limit; balance plus limit
// could overflow.
func (a Account) covers(amount int64) bool { return amount-a.OverdraftLimit <= a.Balance-a.Held() }

// Evolve returns the account after e. It never refuses and never panics: e already happened.
func (a Account) Evolve(e Event) Account {
	switch e := e.(type) {
	case AccountOpened:
		a.Status = StatusOpen
		a.CustomerID, a.Currency, a.OverdraftLimit = e.CustomerID, e.Currency, e.OverdraftLimit
	case FundsDeposited:
		a.Balance += e.Amount
	case FundsWithdrawn:
		a.Balance -= e.Amount
	case FundsReserved:
		a.Holds = append(slices.Clip(a.Holds), Hold{ID: e.HoldID, Amount: e.Amount})
	case FundsCaptured:
		a.Balance -= e.Amount
		a.Holds = without(a.Holds, e.HoldID)
	case FundsReleased:
		a.Holds = without(a.Holds, e.HoldID)
	case AccountFrozen:
		a.Status = StatusFrozen
	case AccountUnfrozen:
		a.Status = StatusOpen
	case AccountClosed:
		a.Status = StatusClosed
	default:
		panic(es.Unhandled(e))
	}
	return a
}
