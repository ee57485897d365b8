package transfer

import "recount/internal/es"

// Refusals: the answers "no" of a transfer. The strings are wire names that callers branch on: they never change. What an
// account refuses is in TransferFailed, with the account's own code: money of another currency than the account's, for one.
const (
	// AlreadyRequested refuses another order under the ID of an earlier transfer.
	AlreadyRequested es.Refusal = "transfer/already-requested"
	// AccountMissing refuses a transfer from or to nowhere.
	AccountMissing es.Refusal = "transfer/account-missing"
	// SameAccount refuses a transfer from an account to itself.
	SameAccount es.Refusal = "transfer/same-account"
	// AmountNotPositive refuses to move nothing, or less than nothing.
	AmountNotPositive es.Refusal = "transfer/amount-not-positive"
	// CurrencyInvalid refuses what is not an ISO 4217 code.
	CurrencyInvalid es.Refusal = "transfer/currency-invalid"
	// NotRequested refuses to end a transfer that nobody has requested.
	NotRequested es.Refusal = "transfer/not-requested"
	// AlreadyCompleted refuses to fail a transfer whose money has arrived.
	AlreadyCompleted es.Refusal = "transfer/already-completed"
	// AlreadyFailed refuses to complete a transfer whose money was put back.
	AlreadyFailed es.Refusal = "transfer/already-failed"
)
