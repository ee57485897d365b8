package customer

import "recount/internal/es"

// Refusals: the answers "no" of a customer. The strings are wire names that callers branch on: they never change.
const (
	// NotRegistered refuses any command but Register to somebody the shop does not know.
	NotRegistered es.Refusal = "customer/not-registered"
	// AlreadyRegistered refuses to register a customer a second time.
	AlreadyRegistered es.Refusal = "customer/already-registered"
	// NameMissing refuses a customer without a name.
	NameMissing es.Refusal = "customer/name-missing"
	// EmailInvalid refuses what cannot be an e-mail address: one @, with something on both sides.
	EmailInvalid es.Refusal = "customer/email-invalid"
	// AddressIncomplete refuses an address without street, city or country.
	AddressIncomplete es.Refusal = "customer/address-incomplete"
	// CountryInvalid refuses a country that is not an ISO 3166-1 code of two capital letters.
	CountryInvalid es.Refusal = "customer/country-invalid"
	// CurrencyInvalid refuses a customer whose currency is not an ISO 4217 code.
	CurrencyInvalid es.Refusal = "customer/currency-invalid"
	// CreditLimitNegative refuses a limit below zero.
	CreditLimitNegative es.Refusal = "customer/credit-limit-negative"
	// CurrencyMismatch refuses a limit or an order in another currency than the customer's.
	CurrencyMismatch es.Refusal = "customer/currency-mismatch"
	// Blocked refuses an order of a blocked customer.
	Blocked es.Refusal = "customer/blocked"
	// OrderMissing refuses to reserve credit for no order.
	OrderMissing es.Refusal = "customer/order-missing"
	// AmountNotPositive refuses to reserve nothing, or less than nothing.
	AmountNotPositive es.Refusal = "customer/amount-not-positive"
	// CreditExceeded refuses more on order than the limit allows.
	CreditExceeded es.Refusal = "customer/credit-exceeded"
	// ReservedOtherwise refuses to reserve another amount for an order than it holds already.
	ReservedOtherwise es.Refusal = "customer/reserved-otherwise"
	// TooManyReservations refuses more than ReservationsMax open orders.
	TooManyReservations es.Refusal = "customer/too-many-reservations"
)
