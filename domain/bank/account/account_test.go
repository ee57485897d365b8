package account_test

import (
	"math"
	"os"
	"reflect"
	"slices"
	"testing"

	. "recount/domain/bank/account"
	"recount/internal/es/estest"
)

type row = estest.Case[Command, Event]

// The events that the tables begin with.
var (
	opened    = AccountOpened{CustomerID: "ada", Currency: "EUR"}
	overdraft = AccountOpened{CustomerID: "ada", Currency: "EUR", OverdraftLimit: 50}
	hundred   = FundsDeposited{CustomerID: "ada", Amount: 100, Currency: "EUR", BalanceAfter: 100, StatusAfter: StatusOpen}
	frozen    = AccountFrozen{CustomerID: "ada", Currency: "EUR", Reason: "court order"}
	unfrozen  = AccountUnfrozen{CustomerID: "ada", Currency: "EUR"}
	closed    = AccountClosed{CustomerID: "ada", Currency: "EUR"}
)

func given(events ...Event) []Event { return events }

func cases() []row {
	return slices.Concat(openings(), deposits(), withdrawals(), reservations(), captures(), endings())
}

func openings() []row {
	return []row{
		{Name: "open", When: Open{CustomerID: "ada", Currency: "EUR", OverdraftLimit: 50}, Then: given(overdraft)},
		{Name: "open without an overdraft", When: Open{CustomerID: "ada", Currency: "EUR"}, Then: given(opened)},
		{Name: "open twice", Given: given(opened), When: Open{CustomerID: "bob", Currency: "EUR"}, Refused: AlreadyOpen},
		{Name: "open a frozen account", Given: given(opened, frozen), When: Open{CustomerID: "ada", Currency: "EUR"}, Refused: AlreadyOpen},
		{Name: "open a closed account", Given: given(opened, closed), When: Open{CustomerID: "ada", Currency: "EUR"}, Refused: Closed},
		{Name: "open for nobody", When: Open{Currency: "EUR"}, Refused: CustomerMissing},
		{Name: "open without a currency", When: Open{CustomerID: "ada"}, Refused: CurrencyInvalid},
		{Name: "open in small letters", When: Open{CustomerID: "ada", Currency: "eur"}, Refused: CurrencyInvalid},
		{Name: "open with a limit below zero", When: Open{CustomerID: "ada", Currency: "EUR", OverdraftLimit: -1}, Refused: OverdraftLimitNegative},
	}
}

func deposits() []row {
	return []row{
		{
			Name: "deposit", Given: given(opened),
			When: Deposit{Amount: 100, Currency: "EUR", Reference: "wages", Channel: "online"},
			Then: given(FundsDeposited{CustomerID: "ada", Amount: 100, Currency: "EUR", Reference: "wages", BalanceAfter: 100, StatusAfter: StatusOpen, Channel: "online"}),
		},
		{
			Name: "deposit into a frozen account", Given: given(opened, hundred, frozen), When: Deposit{Amount: 1, Currency: "EUR"},
			Then: given(FundsDeposited{CustomerID: "ada", Amount: 1, Currency: "EUR", BalanceAfter: 101, StatusAfter: StatusFrozen}),
		},
		{
			Name: "deposit all there can be", Given: given(opened), When: Deposit{Amount: math.MaxInt64, Currency: "EUR"},
			Then: given(FundsDeposited{CustomerID: "ada", Amount: math.MaxInt64, Currency: "EUR", BalanceAfter: math.MaxInt64, StatusAfter: StatusOpen}),
		},
		{Name: "deposit more than there can be", Given: given(opened, hundred), When: Deposit{Amount: math.MaxInt64 - 99, Currency: "EUR"}, Refused: Overflow},
		{Name: "deposit nothing", Given: given(opened), When: Deposit{Currency: "EUR"}, Refused: AmountNotPositive},
		{Name: "deposit less than nothing", Given: given(opened), When: Deposit{Amount: -1, Currency: "EUR"}, Refused: AmountNotPositive},
		{Name: "deposit the least there is", Given: given(opened), When: Deposit{Amount: math.MinInt64, Currency: "EUR"}, Refused: AmountNotPositive},
		{Name: "deposit another currency", Given: given(opened), When: Deposit{Amount: 1, Currency: "USD"}, Refused: CurrencyMismatch},
		{Name: "deposit no currency", Given: given(opened), When: Deposit{Amount: 1}, Refused: CurrencyMismatch},
		{Name: "deposit before opening", When: Deposit{Amount: 1, Currency: "EUR"}, Refused: NotOpen},
		{Name: "deposit no currency before opening", When: Deposit{Amount: 1}, Refused: NotOpen},
		{Name: "deposit after closing", Given: given(opened, closed), When: Deposit{Amount: 1, Currency: "EUR"}, Refused: Closed},
	}
}

func withdrawals() []row {
	return []row{
		{
			Name: "withdraw all", Given: given(opened, hundred), When: Withdraw{Amount: 100, Currency: "EUR", Reference: "rent", Channel: "atm"},
			Then: given(FundsWithdrawn{CustomerID: "ada", Amount: 100, Currency: "EUR", Reference: "rent", BalanceAfter: 0, StatusAfter: StatusOpen, Channel: "atm"}),
		},
		{
			Name: "withdraw down to the limit", Given: given(overdraft, hundred), When: Withdraw{Amount: 150, Currency: "EUR"},
			Then: given(FundsWithdrawn{CustomerID: "ada", Amount: 150, Currency: "EUR", BalanceAfter: -50, StatusAfter: StatusOpen}),
		},
		{
			Name:  "withdraw where balance and limit together do not fit",
			Given: given(AccountOpened{CustomerID: "ada", Currency: "EUR", OverdraftLimit: math.MaxInt64}, hundred),
			When:  Withdraw{Amount: math.MaxInt64, Currency: "EUR"},
			Then:  given(FundsWithdrawn{CustomerID: "ada", Amount: math.MaxInt64, Currency: "EUR", BalanceAfter: 100 - math.MaxInt64, StatusAfter: StatusOpen}),
		},
		{Name: "withdraw too much", Given: given(opened, hundred), When: Withdraw{Amount: 101, Currency: "EUR"}, Refused: InsufficientFunds},
		{Name: "withdraw beyond the limit", Given: given(overdraft, hundred), When: Withdraw{Amount: 151, Currency: "EUR"}, Refused: InsufficientFunds},
		{Name: "withdraw nothing", Given: given(opened, hundred), When: Withdraw{Currency: "EUR"}, Refused: AmountNotPositive},
		{Name: "withdraw less than nothing", Given: given(opened, hundred), When: Withdraw{Amount: -1, Currency: "EUR"}, Refused: AmountNotPositive},
		{Name: "withdraw the least there is", Given: given(overdraft), When: Withdraw{Amount: math.MinInt64, Currency: "EUR"}, Refused: AmountNotPositive},
		{Name: "withdraw another currency", Given: given(opened, hundred), When: Withdraw{Amount: 1, Currency: "USD"}, Refused: CurrencyMismatch},
		{Name: "withdraw from a frozen account", Given: given(opened, hundred, frozen), When: Withdraw{Amount: 1, Currency: "EUR"}, Refused: Frozen},
		{
			Name: "withdraw once unfrozen", Given: given(opened, hundred, frozen, unfrozen), When: Withdraw{Amount: 1, Currency: "EUR"},
			Then: given(FundsWithdrawn{CustomerID: "ada", Amount: 1, Currency: "EUR", BalanceAfter: 99, StatusAfter: StatusOpen}),
		},
		{Name: "withdraw before opening", When: Withdraw{Amount: 1, Currency: "EUR"}, Refused: NotOpen},
		{Name: "withdraw after closing", Given: given(opened, closed), When: Withdraw{Amount: 1, Currency: "EUR"}, Refused: Closed},
	}
}

func endings() []row {
	return []row{
		{
			Name: "freeze", Given: given(opened, hundred), When: Freeze{Reason: "court order"},
			Then: given(AccountFrozen{CustomerID: "ada", Currency: "EUR", BalanceAfter: 100, Reason: "court order"}),
		},
		{Name: "freeze twice", Given: given(opened, frozen), When: Freeze{Reason: "another"}},
		{Name: "freeze before opening", When: Freeze{}, Refused: NotOpen},
		{Name: "freeze after closing", Given: given(opened, closed), When: Freeze{}, Refused: Closed},

		{
			Name: "unfreeze", Given: given(opened, hundred, frozen), When: Unfreeze{},
			Then: given(AccountUnfrozen{CustomerID: "ada", Currency: "EUR", BalanceAfter: 100}),
		},
		{Name: "unfreeze what is not frozen", Given: given(opened), When: Unfreeze{}},
		{Name: "unfreeze before opening", When: Unfreeze{}, Refused: NotOpen},
		{Name: "unfreeze after closing", Given: given(opened, closed), When: Unfreeze{}, Refused: Closed},

		{Name: "close", Given: given(opened), When: Close{}, Then: given(closed)},
		{Name: "close twice", Given: given(opened, closed), When: Close{}},
		{Name: "close with money in it", Given: given(opened, hundred), When: Close{}, Refused: BalanceNotZero},
		{Name: "close in debt", Given: given(overdraft, FundsWithdrawn{Amount: 10}), When: Close{}, Refused: BalanceNotZero},
		{Name: "close a frozen account", Given: given(opened, frozen), When: Close{}, Refused: Frozen},
		{Name: "close before opening", When: Close{}, Refused: NotOpen},
	}
}

func TestAccount(t *testing.T) {
	t.Parallel()
	estest.Run[Account](t, cases())
}

func TestEveryRefusalCommandAndEventHasARow(t *testing.T) {
	t.Parallel()
	estest.Complete(t, Type(), os.DirFS("."), cases())
}

func TestAnUpcastSaysThatNobodyAskedForTheChannel(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct{ old, want Event }{
		"FundsDeposited": {
			FundsDeposited{CustomerID: "ada", Amount: 1, Currency: "EUR", Reference: "r", BalanceAfter: 2, StatusAfter: StatusOpen},
			FundsDeposited{CustomerID: "ada", Amount: 1, Currency: "EUR", Reference: "r", BalanceAfter: 2, StatusAfter: StatusOpen, Channel: ChannelUnrecorded},
		},
		"FundsWithdrawn": {
			FundsWithdrawn{CustomerID: "ada", Amount: 1, Currency: "EUR", Reference: "r", BalanceAfter: 2, StatusAfter: StatusOpen},
			FundsWithdrawn{CustomerID: "ada", Amount: 1, Currency: "EUR", Reference: "r", BalanceAfter: 2, StatusAfter: StatusOpen, Channel: ChannelUnrecorded},
		},
	} {
		lifts := Type().Upcasts(name)
		if len(lifts) != 1 {
			t.Fatalf("%s has %d upcasts, want one from version 1 to 2", name, len(lifts))
		}
		if got := lifts[0](tc.old); !reflect.DeepEqual(got, tc.want) {
			t.Errorf("got %+v, want %+v", got, tc.want)
		}
	}
}
