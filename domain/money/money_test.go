package money_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"recount/domain/money"
)

func TestACurrencyIsThreeCapitalLetters(t *testing.T) {
	t.Parallel()
	for code, want := range map[string]bool{
		"EUR": true, "CZK": true, "XXX": true,
		"": false, "EU": false, "EURO": false, "eur": false, "EuR": false, "E1R": false, "E R": false, "€UR": false, "Ä€": false,
	} {
		if got := money.IsCurrency(code); got != want {
			t.Errorf("IsCurrency(%q) = %v", code, got)
		}
	}
}

func TestFitsAgreesWithUnboundedArithmetic(t *testing.T) {
	t.Parallel()
	limit := big.NewInt(math.MaxInt64)
	rapid.Check(t, func(t *rapid.T) {
		balance := rapid.Int64().Draw(t, "balance")
		amount := rapid.Int64Range(1, math.MaxInt64).Draw(t, "amount")
		sum := new(big.Int).Add(big.NewInt(balance), big.NewInt(amount))
		if got, want := money.Fits(balance, amount), sum.Cmp(limit) <= 0; got != want {
			t.Fatalf("Fits(%d, %d) = %v", balance, amount, got)
		}
	})
}

// positive draws everyday numbers, and those at the edges of an int64 and of its square root.
func positive() *rapid.Generator[int64] {
	return rapid.OneOf(rapid.Int64Range(0, 200), rapid.Int64Range(math.MaxInt32-2, math.MaxInt32+2),
		rapid.Int64Range(math.MaxInt64-2, math.MaxInt64), rapid.Int64Range(0, math.MaxInt64))
}

func TestTimesAgreesWithUnboundedArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		price, quantity := positive().Draw(t, "price"), positive().Draw(t, "quantity")
		want := new(big.Int).Mul(big.NewInt(price), big.NewInt(quantity))
		if got, ok := money.Times(price, quantity); ok != want.IsInt64() || ok && got != want.Int64() {
			t.Fatalf("Times(%d, %d) = %d, %v; it is %v", price, quantity, got, ok, want)
		}
	})
}

func TestPartAgreesWithUnboundedArithmetic(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount, whole := positive().Draw(t, "amount"), max(1, positive().Draw(t, "whole"))
		part := rapid.Int64Range(0, whole).Draw(t, "part")
		want := new(big.Int).Mul(big.NewInt(amount), big.NewInt(part))
		want.Add(want, big.NewInt(whole/2)).Quo(want, big.NewInt(whole))
		if got := money.Part(amount, part, whole); got != want.Int64() {
			t.Fatalf("Part(%d, %d, %d) = %d, it is %v", amount, part, whole, got, want)
		}
	})
}

func TestNoPartIsMoreThanThereIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		amount := rapid.Int64().Draw(t, "amount")
		got := money.Part(amount, rapid.Int64().Draw(t, "part"), rapid.Int64().Draw(t, "whole"))
		if got < 0 || got > max(0, amount) {
			t.Fatalf("%d of %d", got, amount)
		}
	})
}

func TestAHalfIsRoundedUp(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ amount, rate, want int64 }{
		{1000, 2100, 210}, {1, 5000, 1}, {1, 4999, 0}, {3, 5000, 2}, {0, money.Whole, 0}, {math.MaxInt64, money.Whole, math.MaxInt64}, {10, 0, 0},
	} {
		if got := money.Share(tc.amount, tc.rate); got != tc.want {
			t.Errorf("Share(%d, %d) = %d, want %d", tc.amount, tc.rate, got, tc.want)
		}
	}
}
