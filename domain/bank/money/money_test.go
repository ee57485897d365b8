package money_test

import (
	"math"
	"math/big"
	"testing"

	"pgregory.net/rapid"

	"recount/domain/bank/money"
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
