package customer

import "recount/internal/es"

// Refusals: the answers "no" of a customer. The strings are wire names that callers branch on: they never change.
const (
	// NotRegistered refuses any command but Register to somebody the bank does not know.
	NotRegistered es.Refusal = "customer/not-registered"
	// AlreadyRegistered refuses to register a customer a second time.
	AlreadyRegistered es.Refusal = "customer/already-registered"
	// Suspended refuses to change or to verify a suspended customer.
	Suspended es.Refusal = "customer/suspended"
	// NameMissing refuses a customer without a name.
	NameMissing es.Refusal = "customer/name-missing"
	// EmailInvalid refuses what cannot be an e-mail address: one @, with something on both sides.
	EmailInvalid es.Refusal = "customer/email-invalid"
	// AddressIncomplete refuses an address without street, city or country.
	AddressIncomplete es.Refusal = "customer/address-incomplete"
	// CountryInvalid refuses a country that is not an ISO 3166-1 code of two capital letters.
	CountryInvalid es.Refusal = "customer/country-invalid"
)
