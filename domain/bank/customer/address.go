package customer

import "recount/internal/es"

// Address is where a customer can be reached by post.
type Address struct {
	Street string `avro:"street"`
	City   string `avro:"city"`
	// PostalCode may be empty: not every country has them.
	PostalCode string `avro:"postal_code"`
	// Country is an ISO 3166-1 code of two letters.
	Country string `avro:"country"`
}

// require refuses an address that no letter could reach.
func (a Address) require() error {
	return es.First(
		es.Require(a.Street != "" && a.City != "" && a.Country != "", AddressIncomplete),
		es.Require(isCountry(a.Country), CountryInvalid))
}

func isCountry(code string) bool {
	capital := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	return len(code) == 2 && capital(code[0]) && capital(code[1])
}
