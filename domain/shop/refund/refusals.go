package refund

import "recount/internal/es"

// Refusals: the answers "no" of a refund. The strings are wire names that callers branch on: they never change. What the
// payment or the account refuses is in RefundFailed, with their own codes.
const (
	// AlreadyRequested refuses another order under the ID of an earlier refund.
	AlreadyRequested es.Refusal = "refund/already-requested"
	// PaymentMissing refuses to give back what came from no payment.
	PaymentMissing es.Refusal = "refund/payment-missing"
	// AccountMissing refuses a refund to nowhere.
	AccountMissing es.Refusal = "refund/account-missing"
	// CurrencyInvalid refuses what is not an ISO 4217 code.
	CurrencyInvalid es.Refusal = "refund/currency-invalid"
	// AmountNotPositive refuses to give back nothing, or less than nothing.
	AmountNotPositive es.Refusal = "refund/amount-not-positive"
	// TaxInvalid refuses a tax below nothing or above its amount.
	TaxInvalid es.Refusal = "refund/tax-invalid"
	// NotRequested refuses to end a refund that nobody has requested.
	NotRequested es.Refusal = "refund/not-requested"
	// AlreadyCompleted refuses to fail a refund whose money has arrived.
	AlreadyCompleted es.Refusal = "refund/already-completed"
	// AlreadyFailed refuses to complete a refund whose money the shop has kept.
	AlreadyFailed es.Refusal = "refund/already-failed"
)
