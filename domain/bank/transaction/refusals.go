package transaction

import "recount/internal/es"

// Refusals: the answers "no" of an entry. The strings are wire names that callers branch on: they never change. What an
// account refuses is in TransactionFailed, with the account's own code.
const (
	// AlreadyRequested refuses another entry under the ID of an earlier one.
	AlreadyRequested es.Refusal = "transaction/already-requested"
	// TooFewLegs refuses an entry that moves nothing from one account to another.
	TooFewLegs es.Refusal = "transaction/too-few-legs"
	// TooManyLegs refuses an entry of more than LegsMax legs.
	TooManyLegs es.Refusal = "transaction/too-many-legs"
	// AccountMissing refuses a leg that names no account.
	AccountMissing es.Refusal = "transaction/account-missing"
	// AccountTwice refuses two legs of one account.
	AccountTwice es.Refusal = "transaction/account-twice"
	// AmountZero refuses a leg that does nothing, or of which there is no opposite.
	AmountZero es.Refusal = "transaction/amount-zero"
	// Unbalanced refuses legs that don't come to nothing in all.
	Unbalanced es.Refusal = "transaction/unbalanced"
	// CurrencyInvalid refuses what is not an ISO 4217 code.
	CurrencyInvalid es.Refusal = "transaction/currency-invalid"
	// NotRequested refuses what is asked of an entry that nobody has requested.
	NotRequested es.Refusal = "transaction/not-requested"
	// NotPosted refuses to take back what is not in the accounts.
	NotPosted es.Refusal = "transaction/not-posted"
	// AlreadyPosted refuses to fail an entry whose legs are in their accounts.
	AlreadyPosted es.Refusal = "transaction/already-posted"
	// AlreadyFailed refuses to complete an entry of which nothing is left.
	AlreadyFailed es.Refusal = "transaction/already-failed"
	// AlreadyReversed refuses to take back what another entry takes back, or took back.
	AlreadyReversed es.Refusal = "transaction/already-reversed"
	// NotOpposite refuses a reversal whose legs are not the opposite of the entry's.
	NotOpposite es.Refusal = "transaction/not-opposite"
	// NotClaimed refuses to confirm a reversal that nobody has claimed.
	NotClaimed es.Refusal = "transaction/not-claimed"
)
