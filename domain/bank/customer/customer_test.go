package customer_test

import (
	"errors"
	"os"
	"testing"

	"pgregory.net/rapid"

	. "recount/domain/bank/customer"
	"recount/internal/es"
	"recount/internal/es/estest"
)

type row = estest.Case[Command, Event]

// The values that the tables begin with.
var (
	home       = Address{Street: "St James's Square 12", City: "London", PostalCode: "SW1Y 4JH", Country: "GB"}
	away       = Address{Street: "Rue Grimaldi 1", City: "Monaco", Country: "MC"}
	registered = CustomerRegistered{Name: "Ada Lovelace", Email: "ada@example.org", Address: home}
	verified   = CustomerVerified{}
	suspended  = CustomerSuspended{Reason: "fraud"}
)

func given(events ...Event) []Event { return events }

func register(change func(*Register)) Register {
	c := Register{Name: "Ada Lovelace", Email: "ada@example.org", Address: home}
	change(&c)
	return c
}

func cases() []row {
	return []row{
		{Name: "register", When: register(func(*Register) {}), Then: given(registered)},
		{Name: "register twice", Given: given(registered), When: register(func(*Register) {}), Refused: AlreadyRegistered},
		{Name: "register a suspended customer", Given: given(registered, suspended), When: register(func(*Register) {}), Refused: AlreadyRegistered},
		{Name: "register without a name", When: register(func(c *Register) { c.Name = "" }), Refused: NameMissing},
		{Name: "register without an e-mail address", When: register(func(c *Register) { c.Email = "" }), Refused: EmailInvalid},
		{Name: "register with half an e-mail address", When: register(func(c *Register) { c.Email = "ada@" }), Refused: EmailInvalid},
		{Name: "register with the other half", When: register(func(c *Register) { c.Email = "@example.org" }), Refused: EmailInvalid},
		{Name: "register with two e-mail addresses", When: register(func(c *Register) { c.Email = "a@b c@d" }), Refused: EmailInvalid},
		{Name: "register without a street", When: register(func(c *Register) { c.Address.Street = "" }), Refused: AddressIncomplete},
		{Name: "register without a city", When: register(func(c *Register) { c.Address.City = "" }), Refused: AddressIncomplete},
		{Name: "register without a country", When: register(func(c *Register) { c.Address.Country = "" }), Refused: AddressIncomplete},
		{Name: "register in no country's code", When: register(func(c *Register) { c.Address.Country = "Great Britain" }), Refused: CountryInvalid},
		{Name: "register in small letters", When: register(func(c *Register) { c.Address.Country = "gb" }), Refused: CountryInvalid},

		{Name: "change the address", Given: given(registered), When: ChangeAddress{Address: away}, Then: given(CustomerAddressChanged{Address: away})},
		{Name: "change it to what it is", Given: given(registered), When: ChangeAddress{Address: home}},
		{Name: "change it and back", Given: given(registered, CustomerAddressChanged{Address: away}), When: ChangeAddress{Address: home}, Then: given(CustomerAddressChanged{Address: home})},
		{Name: "change it to nowhere", Given: given(registered), When: ChangeAddress{}, Refused: AddressIncomplete},
		{Name: "change the address of nobody", When: ChangeAddress{Address: away}, Refused: NotRegistered},
		{Name: "change the address of nobody to nowhere", When: ChangeAddress{}, Refused: NotRegistered},
		{Name: "change the address while suspended", Given: given(registered, suspended), When: ChangeAddress{Address: away}, Refused: Suspended},

		{Name: "verify", Given: given(registered), When: Verify{}, Then: given(verified)},
		{Name: "verify twice", Given: given(registered, verified), When: Verify{}},
		{Name: "verify nobody", When: Verify{}, Refused: NotRegistered},
		{Name: "verify while suspended", Given: given(registered, verified, suspended), When: Verify{}, Refused: Suspended},

		{Name: "suspend", Given: given(registered, verified), When: Suspend{Reason: "fraud"}, Then: given(suspended)},
		{Name: "suspend twice", Given: given(registered, suspended), When: Suspend{Reason: "more fraud"}},
		{Name: "suspend nobody", When: Suspend{}, Refused: NotRegistered},
	}
}

func TestCustomer(t *testing.T) {
	t.Parallel()
	estest.Run[Customer](t, cases())
}

func TestEveryRefusalCommandAndEventHasARow(t *testing.T) {
	t.Parallel()
	estest.Complete(t, Type(), os.DirFS("."), cases())
}

// TestEvolveTakesAnyFact folds events in any order with any values.
func TestEvolveTakesAnyFact(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		facts := rapid.SliceOf(rapid.OneOf(
			rapid.Make[CustomerRegistered]().AsAny(), rapid.Make[CustomerAddressChanged]().AsAny(),
			rapid.Make[CustomerVerified]().AsAny(), rapid.Make[CustomerSuspended]().AsAny(),
		)).Draw(t, "facts")
		var state Customer
		for _, fact := range facts {
			state = state.Evolve(fact.(Event))
		}
		for _, c := range []Command{Register{}, ChangeAddress{Address: home}, Verify{}, Suspend{}} {
			after, events, err := es.Handle(state, c)
			if refusal := es.Refusal(""); err != nil && (!errors.As(err, &refusal) || after != state || events != nil) {
				t.Fatalf("%+v on %+v: %v, %+v, %v", c, state, err, after, events)
			}
		}
	})
}
