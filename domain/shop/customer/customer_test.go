package customer_test

import (
	"fmt"
	"math"
	"os"
	"slices"
	"testing"

	"recount/domain/address"
	. "recount/domain/shop/customer"
	"recount/internal/es/estest"
)

type row = estest.Case[Command, Event]

// The values that the tables begin with.
var (
	home       = address.Address{Street: "St James's Square 12", City: "London", PostalCode: "SW1Y 4JH", Country: "GB"}
	registered = CustomerRegistered{Name: "Ada Lovelace", Email: "ada@example.org", Address: home, Currency: "EUR", CreditLimit: 1000}
	lowered    = CreditLimitChanged{CreditLimit: 500, Currency: "EUR"}
	blocked    = CustomerBlocked{Reason: "fraud"}
	unblocked  = CustomerUnblocked{}
	reserved   = CreditReserved{OrderID: "o-1", Amount: 600, Currency: "EUR", ReservedAfter: 600}
	released   = CreditReleased{OrderID: "o-1", Amount: 600, Currency: "EUR"}
)

func given(events ...Event) []Event { return events }

func register(change func(*Register)) Register {
	c := Register{Name: "Ada Lovelace", Email: "ada@example.org", Address: home, Currency: "EUR", CreditLimit: 1000}
	change(&c)
	return c
}

func reserve(order string, amount int64) ReserveCredit {
	return ReserveCredit{OrderID: order, Amount: amount, Currency: "EUR"}
}

// busy is a customer with as many open orders as there can be.
func busy() []Event {
	events := given(registered)
	for i := range int64(ReservationsMax) {
		events = append(events, CreditReserved{OrderID: fmt.Sprint(i), Amount: 1, Currency: "EUR", ReservedAfter: i + 1})
	}
	return append(events, CreditLimitChanged{CreditLimit: math.MaxInt64, Currency: "EUR"})
}

func cases() []row { return slices.Concat(registrations(), standings(), credits()) }

func registrations() []row {
	return []row{
		{Name: "register", When: register(func(*Register) {}), Then: given(registered)},
		{Name: "register twice", Given: given(registered), When: register(func(*Register) {}), Refused: AlreadyRegistered},
		{Name: "register who is blocked", Given: given(registered, blocked), When: register(func(*Register) {}), Refused: AlreadyRegistered},
		{Name: "register without a name", When: register(func(c *Register) { c.Name = "" }), Refused: NameMissing},
		{Name: "register without an e-mail address", When: register(func(c *Register) { c.Email = "" }), Refused: EmailInvalid},
		{Name: "register with half an e-mail address", When: register(func(c *Register) { c.Email = "ada@" }), Refused: EmailInvalid},
		{Name: "register with the other half", When: register(func(c *Register) { c.Email = "@example.org" }), Refused: EmailInvalid},
		{Name: "register with two e-mail addresses", When: register(func(c *Register) { c.Email = "a@b c@d" }), Refused: EmailInvalid},
		{Name: "register without a city", When: register(func(c *Register) { c.Address.City = "" }), Refused: AddressIncomplete},
		{Name: "register in small letters", When: register(func(c *Register) { c.Address.Country = "gb" }), Refused: CountryInvalid},
		{Name: "register in no currency", When: register(func(c *Register) { c.Currency = "" }), Refused: CurrencyInvalid},
		{Name: "register with a limit below zero", When: register(func(c *Register) { c.CreditLimit = -1 }), Refused: CreditLimitNegative},
	}
}

func standings() []row {
	return []row{
		{Name: "change the limit", Given: given(registered), When: ChangeCreditLimit{CreditLimit: 500, Currency: "EUR"}, Then: given(lowered)},
		{Name: "change it to what it is", Given: given(registered), When: ChangeCreditLimit{CreditLimit: 1000, Currency: "EUR"}},
		{Name: "change it below what is on order", Given: given(registered, reserved), When: ChangeCreditLimit{CreditLimit: 500, Currency: "EUR"}, Then: given(lowered)},
		{Name: "change it below zero", Given: given(registered), When: ChangeCreditLimit{CreditLimit: -1, Currency: "EUR"}, Refused: CreditLimitNegative},
		{Name: "change it in another currency", Given: given(registered), When: ChangeCreditLimit{CreditLimit: 500, Currency: "USD"}, Refused: CurrencyMismatch},
		{Name: "change the limit of nobody", When: ChangeCreditLimit{CreditLimit: 500, Currency: "EUR"}, Refused: NotRegistered},

		{Name: "block", Given: given(registered), When: Block{Reason: "fraud"}, Then: given(blocked)},
		{Name: "block twice", Given: given(registered, blocked), When: Block{Reason: "more fraud"}},
		{Name: "block nobody", When: Block{}, Refused: NotRegistered},
		{Name: "unblock", Given: given(registered, blocked), When: Unblock{}, Then: given(unblocked)},
		{Name: "unblock who is not blocked", Given: given(registered), When: Unblock{}},
		{Name: "unblock nobody", When: Unblock{}, Refused: NotRegistered},
	}
}

func credits() []row {
	return []row{
		{Name: "reserve", Given: given(registered), When: reserve("o-1", 600), Then: given(reserved)},
		{Name: "reserve the same again", Given: given(registered, reserved), When: reserve("o-1", 600)},
		{Name: "reserve the same again while blocked", Given: given(registered, reserved, blocked), When: reserve("o-1", 600)},
		{
			Name: "reserve all there is", Given: given(registered, reserved), When: reserve("o-2", 400),
			Then: given(CreditReserved{OrderID: "o-2", Amount: 400, Currency: "EUR", ReservedAfter: 1000}),
		},
		{Name: "reserve what was released", Given: given(registered, reserved, released), When: reserve("o-1", 600), Then: given(reserved)},
		{Name: "reserve once unblocked", Given: given(registered, blocked, unblocked), When: reserve("o-1", 600), Then: given(reserved)},
		{Name: "reserve otherwise", Given: given(registered, reserved), When: reserve("o-1", 601), Refused: ReservedOtherwise},
		{Name: "reserve too much", Given: given(registered, reserved), When: reserve("o-2", 401), Refused: CreditExceeded},
		{Name: "reserve below a lowered limit", Given: given(registered, reserved, lowered), When: reserve("o-2", 1), Refused: CreditExceeded},
		{Name: "reserve all there could be", Given: given(registered, reserved), When: reserve("o-2", math.MaxInt64), Refused: CreditExceeded},
		{Name: "reserve nothing", Given: given(registered), When: reserve("o-1", 0), Refused: AmountNotPositive},
		{Name: "reserve less than nothing", Given: given(registered), When: reserve("o-1", math.MinInt64), Refused: AmountNotPositive},
		{Name: "reserve in another currency", Given: given(registered), When: ReserveCredit{OrderID: "o-1", Amount: 1, Currency: "USD"}, Refused: CurrencyMismatch},
		{Name: "reserve for no order", Given: given(registered), When: reserve("", 1), Refused: OrderMissing},
		{Name: "reserve while blocked", Given: given(registered, blocked), When: reserve("o-1", 1), Refused: Blocked},
		{Name: "reserve for nobody", When: reserve("o-1", 1), Refused: NotRegistered},
		{Name: "reserve for one order too many", Given: busy(), When: reserve("o-1", 1), Refused: TooManyReservations},

		{Name: "release", Given: given(registered, reserved), When: ReleaseCredit{OrderID: "o-1"}, Then: given(released)},
		{Name: "release while blocked", Given: given(registered, reserved, blocked), When: ReleaseCredit{OrderID: "o-1"}, Then: given(released)},
		{Name: "release twice", Given: given(registered, reserved, released), When: ReleaseCredit{OrderID: "o-1"}},
		{Name: "release for nobody", When: ReleaseCredit{OrderID: "o-1"}, Refused: NotRegistered},
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

func TestNoStateIsSharedWithALaterOne(t *testing.T) {
	t.Parallel()
	if err := estest.Shared[Customer](append(busy()[:9], released)); err != nil {
		t.Error(err)
	}
}
