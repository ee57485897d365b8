package account_test

import (
	"math"
	"testing"

	. "recount/domain/bank/account"
)

var (
	held     = FundsReserved{CustomerID: "ada", HoldID: "h-1", Amount: 60, Currency: "EUR", BalanceAfter: 100, HeldAfter: 60, StatusAfter: StatusOpen}
	captured = FundsCaptured{CustomerID: "ada", HoldID: "h-1", Amount: 60, Currency: "EUR", BalanceAfter: 40, StatusAfter: StatusOpen}
	released = FundsReleased{CustomerID: "ada", HoldID: "h-1", Amount: 60, Currency: "EUR", BalanceAfter: 100, StatusAfter: StatusOpen}
)

func reserve(change func(*Reserve)) Reserve {
	r := Reserve{HoldID: "h-1", Amount: 60, Currency: "EUR"}
	change(&r)
	return r
}

func reservations() []row {
	as := func(*Reserve) {}
	return []row{
		{Name: "reserve", Given: given(opened, hundred), When: reserve(as), Then: given(held)},
		{Name: "reserve the same again", Given: given(opened, hundred, held), When: reserve(as)},
		{Name: "reserve the same again when frozen", Given: given(opened, hundred, held, frozen), When: reserve(as)},
		{Name: "reserve once more after it was released", Given: given(opened, hundred, held, released), When: reserve(as), Then: given(held)},
		{
			Name: "reserve into the overdraft", Given: given(overdraft, hundred), When: reserve(func(r *Reserve) { r.Amount, r.Reference = 150, "hotel" }),
			Then: given(FundsReserved{
				CustomerID: "ada", HoldID: "h-1", Amount: 150, Currency: "EUR", Reference: "hotel", BalanceAfter: 100, HeldAfter: 150, StatusAfter: StatusOpen,
			}),
		},
		{Name: "reserve another amount under an open hold", Given: given(opened, hundred, held), When: reserve(func(r *Reserve) { r.Amount = 61 }), Refused: HeldOtherwise},
		{Name: "reserve for nothing", Given: given(opened, hundred), When: reserve(func(r *Reserve) { r.HoldID = "" }), Refused: HoldMissing},
		{Name: "reserve nothing", Given: given(opened, hundred), When: reserve(func(r *Reserve) { r.Amount = 0 }), Refused: AmountNotPositive},
		{Name: "reserve the least there is", Given: given(opened, hundred), When: reserve(func(r *Reserve) { r.Amount = math.MinInt64 }), Refused: AmountNotPositive},
		{Name: "reserve another currency", Given: given(opened, hundred), When: reserve(func(r *Reserve) { r.Currency = "USD" }), Refused: CurrencyMismatch},
		{Name: "reserve too much", Given: given(opened, hundred), When: reserve(func(r *Reserve) { r.Amount = 101 }), Refused: InsufficientFunds},
		{Name: "reserve what is set aside", Given: given(opened, hundred, held), When: reserve(func(r *Reserve) { r.HoldID, r.Amount = "h-2", 41 }), Refused: InsufficientFunds},
		{
			Name: "reserve more than the sum of the holds can tell",
			Given: given(AccountOpened{CustomerID: "ada", Currency: "EUR", OverdraftLimit: math.MaxInt64}, hundred,
				FundsReserved{HoldID: "h-1", Amount: math.MaxInt64}),
			When: reserve(func(r *Reserve) { r.HoldID, r.Amount = "h-2", 100 }), Refused: Overflow,
		},
		{Name: "reserve too often", Given: manyHolds(), When: reserve(as), Refused: TooManyHolds},
		{Name: "reserve in a frozen account", Given: given(opened, hundred, frozen), When: reserve(as), Refused: Frozen},
		{Name: "reserve before opening", When: reserve(as), Refused: NotOpen},
		{Name: "reserve after closing", Given: given(opened, closed), When: reserve(as), Refused: Closed},
		{Name: "withdraw what is set aside", Given: given(opened, hundred, held), When: Withdraw{Amount: 41, Currency: "EUR"}, Refused: InsufficientFunds},
		{
			Name: "withdraw what is not", Given: given(opened, hundred, held), When: Withdraw{Amount: 40, Currency: "EUR"},
			Then: given(FundsWithdrawn{CustomerID: "ada", Amount: 40, Currency: "EUR", BalanceAfter: 60, StatusAfter: StatusOpen}),
		},
	}
}

// manyHolds are as many as there may be.
func manyHolds() []Event {
	events := given(opened, FundsDeposited{Amount: 10_000})
	for n := range HoldsMax {
		events = append(events, FundsReserved{HoldID: string(rune('A' + n)), Amount: 1})
	}
	return events
}

func captures() []row {
	capture := func(change func(*Capture)) Capture {
		c := Capture{HoldID: "h-1", Amount: 60, Currency: "EUR"}
		change(&c)
		return c
	}
	as := func(*Capture) {}
	return []row{
		{Name: "capture", Given: given(opened, hundred, held), When: capture(as), Then: given(captured)},
		{
			Name: "capture a part", Given: given(opened, hundred, held),
			When: capture(func(c *Capture) { c.Amount, c.Reference, c.Channel = 50, "hotel", "card" }),
			Then: given(FundsCaptured{
				CustomerID: "ada", HoldID: "h-1", Amount: 50, Released: 10, Currency: "EUR", Reference: "hotel", BalanceAfter: 50, StatusAfter: StatusOpen, Channel: "card",
			}),
		},
		{Name: "capture what was captured", Given: given(opened, hundred, held, captured), When: capture(as), Refused: NotHeld},
		{Name: "capture what was released", Given: given(opened, hundred, held, released), When: capture(as), Refused: NotHeld},
		{Name: "capture more than was set aside", Given: given(opened, hundred, held), When: capture(func(c *Capture) { c.Amount = 61 }), Refused: CapturedTooMuch},
		{Name: "capture nothing", Given: given(opened, hundred, held), When: capture(func(c *Capture) { c.Amount = 0 }), Refused: AmountNotPositive},
		{Name: "capture another currency", Given: given(opened, hundred, held), When: capture(func(c *Capture) { c.Currency = "USD" }), Refused: CurrencyMismatch},
		{Name: "capture from a frozen account", Given: given(opened, hundred, held, frozen), When: capture(as), Refused: Frozen},
		{Name: "capture before opening", When: capture(as), Refused: NotOpen},
		{Name: "capture after closing", Given: given(opened, closed), When: capture(as), Refused: Closed},

		{Name: "release", Given: given(opened, hundred, held), When: Release{HoldID: "h-1"}, Then: given(released)},
		{
			Name: "release in a frozen account", Given: given(opened, hundred, held, frozen), When: Release{HoldID: "h-1"},
			Then: given(FundsReleased{CustomerID: "ada", HoldID: "h-1", Amount: 60, Currency: "EUR", BalanceAfter: 100, StatusAfter: StatusFrozen}),
		},
		{Name: "release again", Given: given(opened, hundred, held, released), When: Release{HoldID: "h-1"}},
		{Name: "release what was captured", Given: given(opened, hundred, held, captured), When: Release{HoldID: "h-1"}},
		{Name: "release after closing", Given: given(opened, closed), When: Release{HoldID: "h-1"}},
		{Name: "release before opening", When: Release{HoldID: "h-1"}, Refused: NotOpen},
		{Name: "close with money set aside", Given: given(overdraft, FundsReserved{HoldID: "h-1", Amount: 10}), When: Close{}, Refused: HoldsOpen},
	}
}

// TestAHoldSharesNoMemory folds two futures of one past: neither may change what the other is set aside for.
func TestAHoldSharesNoMemory(t *testing.T) {
	t.Parallel()
	past := Account{}.Evolve(opened).Evolve(hundred).Evolve(held)
	one := past.Evolve(FundsReserved{HoldID: "h-2", Amount: 1})
	other := past.Evolve(FundsReserved{HoldID: "h-3", Amount: 2}).Evolve(released)
	if one.Held() != 61 || other.Held() != 2 || past.Held() != 60 || one.Holds[1].ID != "h-2" {
		t.Errorf("%+v, %+v, %+v", past.Holds, one.Holds, other.Holds)
	}
}
