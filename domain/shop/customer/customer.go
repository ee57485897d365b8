// Package customer is the shop's customer aggregate: who orders, how much they may have on order without having paid,
// and whether the shop deals with them at all. Amounts are minor units of the customer's one currency.
//
//	0 ≤ reserved        reserved = the sum of what is on order and neither paid nor cancelled
//
// A reservation is told apart by its order, for as long as it is open: the same again changes nothing. Once released it
// is forgotten, or the state would grow with everything ever ordered.
//
// It is not the bank's customer, whatever their IDs: another context, with rules and topics of its own.
package customer

import (
	"slices"
	"strings"

	"recount/domain/address"
	"recount/internal/es"
)

// Status is where a customer stands. The strings are wire names.
type Status string

// The statuses of a customer; somebody the shop does not know has none.
const (
	StatusActive  Status = "active"
	StatusBlocked Status = "blocked" // may order nothing more until unblocked
)

// ReservationsMax bounds the open orders of one customer, and so the state.
const ReservationsMax = 1_000

// Customer is the state of one customer: what later decisions depend on, so no personal data. Its zero value is not
// registered.
type Customer struct {
	Status      Status `avro:"status"`
	Currency    string `avro:"currency"`
	CreditLimit int64  `avro:"credit_limit"`
	// Reserved is the sum of Reservations. It is above the limit where the limit was lowered.
	Reserved int64 `avro:"reserved"`
	// Reservations are never written to: Evolve makes new ones.
	Reservations []Reservation `avro:"reservations"`
}

// Reservation is what an open order holds of the credit.
type Reservation struct {
	OrderID string `avro:"order_id"`
	Amount  int64  `avro:"amount"`
}

// Decide returns the facts c makes true, or refuses.
func (s Customer) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Register:
		return s.register(c)
	case ChangeCreditLimit:
		return s.changeCreditLimit(c)
	case Block:
		return s.block(c)
	case Unblock:
		return s.unblock()
	case ReserveCredit:
		return s.reserve(c)
	case ReleaseCredit:
		return s.release(c)
	}
	panic(es.Unhandled(c))
}

// requireRegistered refuses what is asked of somebody unknown.
func (s Customer) requireRegistered() error { return es.Require(s.Status != "", NotRegistered) }

// requireAddress refuses an address that no parcel could reach.
func requireAddress(a address.Address) error {
	return es.First(
		es.Require(a.Complete(), AddressIncomplete),
		es.Require(a.HasCountryCode(), CountryInvalid))
}

// isEmail is no parser: whether an address exists, only a message to it can tell.
func isEmail(text string) bool {
	local, host, found := strings.Cut(text, "@")
	return found && local != "" && host != "" && !strings.ContainsAny(host, "@ ")
}

// find returns what order holds of the credit.
func (s Customer) find(order string) (Reservation, bool) {
	i := slices.IndexFunc(s.Reservations, func(r Reservation) bool { return r.OrderID == order })
	if i < 0 {
		return Reservation{}, false
	}
	return s.Reservations[i], true
}

// Evolve returns the customer after e. It never refuses and never panics: e already happened.
func (s Customer) Evolve(e Event) Customer {
	switch e := e.(type) {
	case CustomerRegistered:
		s.Status, s.Currency, s.CreditLimit = StatusActive, e.Currency, e.CreditLimit
	case CreditLimitChanged:
		s.CreditLimit = e.CreditLimit
	case CustomerBlocked:
		s.Status = StatusBlocked
	case CustomerUnblocked:
		s.Status = StatusActive
	case CreditReserved:
		s.Reserved += e.Amount
		s.Reservations = append(slices.Clip(s.Reservations), Reservation{OrderID: e.OrderID, Amount: e.Amount})
	case CreditReleased:
		s.Reserved -= e.Amount
		s.Reservations = slices.DeleteFunc(slices.Clone(s.Reservations), func(r Reservation) bool { return r.OrderID == e.OrderID })
	default:
		panic(es.Unhandled(e))
	}
	return s
}
