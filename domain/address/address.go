// Package address is what every context agrees on about a postal address. It is personal data: mark it in schemas.
//
// It refuses nothing by itself, for a refusal's code belongs to an aggregate, and it knows no country's own rules.
package address

// Address is where somebody can be reached by post.
type Address struct {
	Street string `avro:"street"`
	City   string `avro:"city"`
	// PostalCode may be empty: not every country has them.
	PostalCode string `avro:"postal_code"`
	// Country is an ISO 3166-1 code of two letters.
	Country string `avro:"country"`
}

// Complete reports whether it has what every letter needs.
func (a Address) Complete() bool { return a.Street != "" && a.City != "" && a.Country != "" }

// HasCountryCode reports whether its country has the form of an ISO 3166-1 code: two capital letters.
func (a Address) HasCountryCode() bool {
	capital := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	return len(a.Country) == 2 && capital(a.Country[0]) && capital(a.Country[1])
}
