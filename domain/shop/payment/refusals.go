package payment

import "recount/internal/es"

// Refusals: the answers "no" of a payment. The strings are wire names that callers branch on: they never change.
const (
	// NotRequested refuses any command but Request to a payment that nobody has requested.
	NotRequested es.Refusal = "payment/not-requested"
	// AlreadyRequested refuses to request a payment again, for another amount or order.
	AlreadyRequested es.Refusal = "payment/already-requested"
	// Declined refuses to go on with a payment that was declined.
	Declined es.Refusal = "payment/declined"
	// Cancelled refuses to go on with a payment that was cancelled: an authorisation that comes so late must be let go.
	Cancelled es.Refusal = "payment/cancelled"

	// OrderMissing refuses a payment for no order.
	OrderMissing es.Refusal = "payment/order-missing"
	// CustomerMissing refuses a payment by nobody.
	CustomerMissing es.Refusal = "payment/customer-missing"
	// CurrencyInvalid refuses a payment in what is not an ISO 4217 code.
	CurrencyInvalid es.Refusal = "payment/currency-invalid"
	// AmountNotPositive refuses to move nothing, or less than nothing.
	AmountNotPositive es.Refusal = "payment/amount-not-positive"
	// TaxInvalid refuses a tax below nothing or above its amount, and one that leaves more tax than money.
	TaxInvalid es.Refusal = "payment/tax-invalid"

	// ReferenceMissing refuses an authorisation that nobody could be asked about.
	ReferenceMissing es.Refusal = "payment/reference-missing"
	// AlreadyAuthorised refuses a second authorisation: its money must be let go.
	AlreadyAuthorised es.Refusal = "payment/already-authorised"
	// NotAuthorised refuses to take money that is not set aside.
	NotAuthorised es.Refusal = "payment/not-authorised"
	// NoAccount refuses to collect what comes from no account of the bank.
	NoAccount es.Refusal = "payment/no-account"
	// NotCollecting refuses to have collected what nobody asked to be collected.
	NotCollecting es.Refusal = "payment/not-collecting"
	// NotCollected refuses to take money from an account before it was collected there.
	NotCollected es.Refusal = "payment/not-collected"
	// NotSettled refuses to give back a part of a payment from an account before what was paid for has left, or to put it
	// into the account: until then whoever collected the money puts all of it back.
	NotSettled es.Refusal = "payment/not-settled"
	// AlreadyReceived refuses to decline or to cancel a payment whose money came in: it can be refunded.
	AlreadyReceived es.Refusal = "payment/already-received"

	// NotReceived refuses to give back what did not come in.
	NotReceived es.Refusal = "payment/not-received"
	// RefundIDMissing refuses a refund that can't be told from others.
	RefundIDMissing es.Refusal = "payment/refund-id-missing"
	// RefundedOtherwise refuses another refund under an ID that was used.
	RefundedOtherwise es.Refusal = "payment/refunded-otherwise"
	// RefundedTooMuch refuses to give back more than is left.
	RefundedTooMuch es.Refusal = "payment/refunded-too-much"
	// AccountMismatch refuses a refund that goes elsewhere than where the money came from. What was taken from an account of
	// the bank goes back there: request a refund for it (shop/refund), which has a saga carry it out.
	AccountMismatch es.Refusal = "payment/account-mismatch"
	// RefundUnknown refuses to reverse a refund that there is none of.
	RefundUnknown es.Refusal = "payment/refund-unknown"
	// NotReversible refuses to reverse a refund that went into no account.
	NotReversible es.Refusal = "payment/not-reversible"
	// RefundIsReversed refuses to give back again, under the same ID, what was reversed.
	RefundIsReversed es.Refusal = "payment/refund-reversed"
	// CurrencyMismatch refuses a refund in another currency than the payment's.
	CurrencyMismatch es.Refusal = "payment/currency-mismatch"
	// TooManyRefunds refuses more than RefundsMax refunds.
	TooManyRefunds es.Refusal = "payment/too-many-refunds"
)
