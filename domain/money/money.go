// Package money holds what every context agrees on about money: an amount is a whole number of minor units (cents,
// haléř) in an int64, a currency is an ISO 4217 code, and a sum that does not fit is noticed, never wrapped around.
//
// It knows no list of currencies, no exchange rates and no country's taxes: what changes with the world can't be folded
// again.
package money

import (
	"math"
	"math/bits"
)

// currencyLength is that of an ISO 4217 alphabetic code.
const currencyLength = 3

// Whole is all of an amount, in the hundredths of a percent that rates are given in.
const Whole = 10_000

// IsCurrency reports whether code has the form of an ISO 4217 currency: three capital letters.
func IsCurrency(code string) bool {
	if len(code) != currencyLength {
		return false
	}
	for i := range len(code) {
		if code[i] < 'A' || code[i] > 'Z' {
			return false
		}
	}
	return true
}

// Fits reports whether balance plus a positive amount still is an int64.
func Fits(balance, amount int64) bool { return balance <= math.MaxInt64-amount }

// Times returns price times quantity, neither of them negative; ok is false where no int64 holds it.
func Times(price, quantity int64) (amount int64, ok bool) {
	high, low := bits.Mul64(uint64(price), uint64(quantity))
	return int64(low), high == 0 && low <= math.MaxInt64
}

// Share returns the part of amount that rate says, in hundredths of a percent.
func Share(amount, rate int64) int64 { return Part(amount, rate, Whole) }

// Part returns what part of whole is of amount: amount × part ÷ whole, a half rounded up. None of it is negative; a part
// below nothing counts as nothing and one above the whole as all, so that whatever comes in, no more is given than there
// is and nothing wraps around.
func Part(amount, part, whole int64) int64 {
	if amount <= 0 || part <= 0 {
		return 0
	}
	if part >= whole {
		return amount
	}
	high, low := bits.Mul64(uint64(amount), uint64(part))
	low, carry := bits.Add64(low, uint64(whole)/2, 0)
	quotient, _ := bits.Div64(high+carry, low, uint64(whole)) // part is below whole, so that the quotient fits
	return int64(quotient)
}
