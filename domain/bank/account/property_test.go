package account_test

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"testing"

	"pgregory.net/rapid"

	. "recount/domain/bank/account"
	"recount/internal/es"
)

// amounts draws everyday sums and those at the edges of an int64.
func amounts() *rapid.Generator[int64] {
	return rapid.OneOf(
		rapid.Int64Range(-2, 200),
		rapid.Int64Range(math.MaxInt64-200, math.MaxInt64),
		rapid.Int64Range(math.MaxInt64/2-2, math.MaxInt64/2+2),
		rapid.Int64())
}

func commands() *rapid.Generator[Command] {
	currency := rapid.SampledFrom([]string{"EUR", "EUR", "EUR", "USD", ""})
	return rapid.Custom(func(t *rapid.T) Command {
		hold := rapid.SampledFrom([]string{"h-1", "h-2", "h-3", ""})
		switch rapid.IntRange(0, 16).Draw(t, "kind") {
		case 0:
			return Open{CustomerID: "ada", Currency: currency.Draw(t, "currency"), OverdraftLimit: amounts().Draw(t, "limit")}
		case 1:
			return Freeze{}
		case 2, 3:
			return Unfreeze{}
		case 4:
			return Close{}
		case 5, 6, 7:
			return Deposit{Amount: amounts().Draw(t, "amount"), Currency: currency.Draw(t, "currency")}
		case 8, 9:
			return Reserve{HoldID: hold.Draw(t, "hold"), Amount: amounts().Draw(t, "amount"), Currency: currency.Draw(t, "currency")}
		case 10, 11:
			return Capture{HoldID: hold.Draw(t, "hold"), Amount: amounts().Draw(t, "amount"), Currency: currency.Draw(t, "currency")}
		case 12:
			return Release{HoldID: hold.Draw(t, "hold")}
		}
		return Withdraw{Amount: amounts().Draw(t, "amount"), Currency: currency.Draw(t, "currency")}
	})
}

// TestTheBooksAddUp keeps books of its own, in numbers that cannot overflow.
func TestTheBooksAddUp(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var state Account
		free := new(big.Int) // what came in, less what went out and what is set aside
		limit := rapid.OneOf(rapid.Int64Range(0, 100), rapid.Int64Range(0, math.MaxInt64)).Draw(t, "limit")
		script := append([]Command{Open{CustomerID: "ada", Currency: "EUR", OverdraftLimit: limit}},
			rapid.SliceOfN(commands(), 0, 60).Draw(t, "commands")...)
		sum := new(big.Int)
		for _, c := range script {
			before := state
			after, events, err := es.Handle(before, c)
			_, again, errAgain := es.Handle(before, c)
			if !reflect.DeepEqual(events, again) || !errors.Is(err, errAgain) {
				t.Fatalf("%+v on %+v is decided %v, %v and then %v, %v", c, before, events, err, again, errAgain)
			}
			if err != nil && (!reflect.DeepEqual(after, before) || len(events) > 0) {
				t.Fatalf("%+v was refused and changed %+v to %+v", c, before, after)
			}
			state = after
			sum.Add(sum, movedBy(events))
			checkBooks(t, state, limit, sum)
			checkHolds(t, state, limit, free.Add(free, freedBy(events)))
			checkFacts(t, state, events)
		}
	})
}

func movedBy(events []Event) *big.Int {
	moved := new(big.Int)
	for _, event := range events {
		switch e := event.(type) {
		case FundsDeposited:
			moved.Add(moved, big.NewInt(e.Amount))
		case FundsWithdrawn:
			moved.Sub(moved, big.NewInt(e.Amount))
		case FundsCaptured:
			moved.Sub(moved, big.NewInt(e.Amount))
		}
	}
	return moved
}

// freedBy is what events add to what is free: a capture takes what was not free before.
func freedBy(events []Event) *big.Int {
	freed := movedBy(events)
	for _, event := range events {
		switch e := event.(type) {
		case FundsReserved:
			freed.Sub(freed, big.NewInt(e.Amount))
		case FundsCaptured:
			freed.Add(freed, big.NewInt(e.Amount))
			freed.Add(freed, big.NewInt(e.Released))
		case FundsReleased:
			freed.Add(freed, big.NewInt(e.Amount))
		}
	}
	return freed
}

// checkHolds: what is set aside is never less than nothing, and never more than there is to have.
func checkHolds(t *rapid.T, state Account, limit int64, free *big.Int) {
	want := new(big.Int).Sub(big.NewInt(state.Balance), big.NewInt(state.Held()))
	if state.Held() < 0 || free.Cmp(want) != 0 || free.Cmp(big.NewInt(-limit)) < 0 {
		t.Fatalf("%v is free, by the holds %v, with %d set aside and a limit of %d", free, want, state.Held(), limit)
	}
	if state.Status == StatusClosed && len(state.Holds) > 0 {
		t.Fatalf("closed with %+v", state.Holds)
	}
}

func checkBooks(t *rapid.T, state Account, limit int64, sum *big.Int) {
	if state.Balance < -limit {
		t.Fatalf("balance %d is below the limit of %d", state.Balance, limit)
	}
	if sum.Cmp(big.NewInt(state.Balance)) != 0 {
		t.Fatalf("deposits less withdrawals are %v, the balance is %d", sum, state.Balance)
	}
	if state.Status == StatusClosed && state.Balance != 0 {
		t.Fatalf("closed with %d", state.Balance)
	}
}

// checkFacts compares what the events tell of the state with the state.
func checkFacts(t *rapid.T, state Account, events []Event) {
	for _, event := range events {
		told, held := Account{OverdraftLimit: state.OverdraftLimit, Holds: state.Holds}, state.Held()
		switch e := event.(type) {
		case AccountOpened:
			told.CustomerID, told.Currency, told.Status, told.OverdraftLimit = e.CustomerID, e.Currency, StatusOpen, e.OverdraftLimit
		case FundsDeposited:
			told.CustomerID, told.Currency, told.Status, told.Balance = e.CustomerID, e.Currency, e.StatusAfter, e.BalanceAfter
		case FundsWithdrawn:
			told.CustomerID, told.Currency, told.Status, told.Balance = e.CustomerID, e.Currency, e.StatusAfter, e.BalanceAfter
		case FundsReserved:
			told.CustomerID, told.Currency, told.Status, told.Balance, held = e.CustomerID, e.Currency, e.StatusAfter, e.BalanceAfter, e.HeldAfter
		case FundsCaptured:
			told.CustomerID, told.Currency, told.Status, told.Balance, held = e.CustomerID, e.Currency, e.StatusAfter, e.BalanceAfter, e.HeldAfter
		case FundsReleased:
			told.CustomerID, told.Currency, told.Status, told.Balance, held = e.CustomerID, e.Currency, e.StatusAfter, e.BalanceAfter, e.HeldAfter
		case AccountFrozen:
			told.CustomerID, told.Currency, told.Status, told.Balance = e.CustomerID, e.Currency, StatusFrozen, e.BalanceAfter
		case AccountUnfrozen:
			told.CustomerID, told.Currency, told.Status, told.Balance = e.CustomerID, e.Currency, StatusOpen, e.BalanceAfter
		case AccountClosed:
			told.CustomerID, told.Currency, told.Status = e.CustomerID, e.Currency, StatusClosed
		}
		if !reflect.DeepEqual(told, state) || held != state.Held() {
			t.Fatalf("%+v left %+v", event, state)
		}
	}
}

// TestEvolveTakesAnyFact folds events in any order with any values: a fact cannot be refused, and not everything that
// will ever be written was decided by today's rules.
func TestEvolveTakesAnyFact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.OneOf(
			rapid.Make[AccountOpened]().AsAny(), rapid.Make[FundsDeposited]().AsAny(), rapid.Make[FundsWithdrawn]().AsAny(),
			rapid.Make[FundsReserved]().AsAny(), rapid.Make[FundsCaptured]().AsAny(), rapid.Make[FundsReleased]().AsAny(),
			rapid.Make[AccountFrozen]().AsAny(), rapid.Make[AccountUnfrozen]().AsAny(), rapid.Make[AccountClosed]().AsAny(),
		)).Draw(t, "facts")
		var once, twice Account
		for _, fact := range facts {
			once = once.Evolve(fact.(Event))
		}
		for _, fact := range facts {
			twice = twice.Evolve(fact.(Event))
		}
		if !reflect.DeepEqual(once, twice) {
			t.Fatalf("the same facts fold to %+v and %+v", once, twice)
		}
		for _, c := range []Command{Open{}, Deposit{Amount: 1}, Withdraw{Amount: 1}, Reserve{HoldID: "h", Amount: 1}, Capture{HoldID: "h", Amount: 1}, Release{HoldID: "h"}, Freeze{}, Unfreeze{}, Close{}} {
			_, _, err := es.Handle(once, c) // whatever state came about, it is answered
			if refusal := es.Refusal(""); err != nil && !errors.As(err, &refusal) {
				t.Fatalf("%+v on %+v: %v is no refusal", c, once, err)
			}
		}
	})
}
