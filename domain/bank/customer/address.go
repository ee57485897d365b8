package customer

import (
	"recount/domain/address"
	"recount/internal/es"
)

// Address is where a customer can be reached by post.
type Address = address.Address

// requireAddress refuses an address that no letter could reach.
func requireAddress(a Address) error {
	return es.First(
		es.Require(a.Complete(), AddressIncomplete),
		es.Require(a.HasCountryCode(), CountryInvalid))
}
