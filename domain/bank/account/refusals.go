package account

import "recount/internal/es"

// Refusals: the answers "no" of an account. The strings are wire names that callers branch on: they never change.
const (
	// NotOpen refuses any command but Open to an account that nobody has opened.
	NotOpen es.Refusal = "account/not-open"
	// AlreadyOpen refuses to open an account a second time.
	AlreadyOpen es.Refusal = "account/already-open"
	// Closed refuses every command to an account that was closed, but to close it once more. Closed is final.
	Closed es.Refusal = "account/closed"
	// Frozen refuses to take money out of a frozen account, or to close it.
	Frozen es.Refusal = "account/frozen"
	// CustomerMissing refuses to open an account that belongs to nobody.
	CustomerMissing es.Refusal = "account/customer-missing"
	// CurrencyInvalid refuses to open an account in what is not an ISO 4217 code.
	CurrencyInvalid es.Refusal = "account/currency-invalid"
	// OverdraftLimitNegative refuses to open an account with an overdraft limit below zero.
	OverdraftLimitNegative es.Refusal = "account/overdraft-limit-negative"
	// AmountNotPositive refuses to move nothing, or less than nothing.
	AmountNotPositive es.Refusal = "account/amount-not-positive"
	// CurrencyMismatch refuses money in another currency than the account's.
	CurrencyMismatch es.Refusal = "account/currency-mismatch"
	// InsufficientFunds refuses to take out, or set aside, more than the balance and the overdraft limit together, less
	// what is set aside.
	InsufficientFunds es.Refusal = "account/insufficient-funds"
	// Overflow refuses a deposit whose balance no int64 can hold.
	Overflow es.Refusal = "account/overflow"
	// HoldMissing refuses to set money aside for nobody knows what.
	HoldMissing es.Refusal = "account/hold-missing"
	// HeldOtherwise refuses another hold under the ID of one that is open.
	HeldOtherwise es.Refusal = "account/held-otherwise"
	// TooManyHolds refuses more open holds than an account may have.
	TooManyHolds es.Refusal = "account/too-many-holds"
	// NotHeld refuses to take what is not set aside, or no longer.
	NotHeld es.Refusal = "account/not-held"
	// CapturedTooMuch refuses to take more than was set aside.
	CapturedTooMuch es.Refusal = "account/captured-too-much"
	// HoldsOpen refuses to close an account in which money is set aside.
	HoldsOpen es.Refusal = "account/holds-open"
	// BalanceNotZero refuses to close an account that holds or owes money.
	BalanceNotZero es.Refusal = "account/balance-not-zero"
)
