// Package money holds what every aggregate of the bank agrees on about money: an amount is a whole number of minor
// units (cents, haléř) in an int64, a currency is an ISO 4217 code, and a sum that does not fit is noticed, never
// wrapped around.
//
// It knows no list of currencies and no exchange rates: which codes exist changes with the world, and a rule that
// changes with the world cannot be folded again.
package money

import "math"

// currencyLength is that of an ISO 4217 alphabetic code.
const currencyLength = 3

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
