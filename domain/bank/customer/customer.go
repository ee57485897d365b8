// Package customer is the customer aggregate: whom the bank knows, where they live, and whether it deals with them.
//
// It knows no accounts: an account names its customer, never the other way round.
package customer

import (
	"strings"

	"recount/internal/es"
)

// Status is where a customer stands. The strings are wire names.
type Status string

// The statuses of a customer; somebody the bank does not know has none.
const (
	StatusRegistered Status = "registered"
	StatusVerified   Status = "verified"
	StatusSuspended  Status = "suspended" // no command lifts it
)

// Customer is the state of one customer: what later decisions depend on, so neither name nor e-mail address. Its zero
// value is not registered.
type Customer struct {
	Status  Status  `avro:"status"`
	Address Address `avro:"address"`
}

// Decide returns the facts c makes true, or refuses.
func (s Customer) Decide(c Command) ([]Event, error) {
	switch c := c.(type) {
	case Register:
		return s.register(c)
	case ChangeAddress:
		return s.changeAddress(c)
	case Verify:
		return s.verify()
	case Suspend:
		return s.suspend(c)
	}
	panic(es.Unhandled(c))
}

func (s Customer) register(c Register) ([]Event, error) {
	return es.Emit[Event](
		CustomerRegistered{Name: c.Name, Email: c.Email, Address: c.Address},
		es.Require(s.Status == "", AlreadyRegistered),
		es.Require(c.Name != "", NameMissing),
		es.Require(isEmail(c.Email), EmailInvalid),
		requireAddress(c.Address))
}

func (s Customer) changeAddress(c ChangeAddress) ([]Event, error) {
	if err := s.requireActive(); err != nil || c.Address == s.Address {
		return nil, err
	}
	return es.Emit[Event](CustomerAddressChanged{Address: c.Address}, requireAddress(c.Address))
}

func (s Customer) verify() ([]Event, error) {
	if s.Status == StatusVerified {
		return nil, nil
	}
	return es.Emit[Event](CustomerVerified{}, s.requireActive())
}

func (s Customer) suspend(c Suspend) ([]Event, error) {
	if s.Status == StatusSuspended {
		return nil, nil
	}
	return es.Emit[Event](CustomerSuspended{Reason: c.Reason}, s.requireActive())
}

// requireActive refuses what is asked of somebody unknown or suspended.
func (s Customer) requireActive() error {
	return es.First(
		es.Require(s.Status != "", NotRegistered),
		es.Require(s.Status != StatusSuspended, Suspended))
}

// isEmail is no parser: whether an address exists, only a message to it can tell.
func isEmail(address string) bool {
	local, host, found := strings.Cut(address, "@")
	return found && local != "" && host != "" && !strings.ContainsAny(host, "@ ")
}

// Evolve returns the customer after e. It never refuses and never panics: e already happened.
func (s Customer) Evolve(e Event) Customer {
	switch e := e.(type) {
	case CustomerRegistered:
		s.Status, s.Address = StatusRegistered, e.Address
	case CustomerAddressChanged:
		s.Address = e.Address
	case CustomerVerified:
		s.Status = StatusVerified
	case CustomerSuspended:
		s.Status = StatusSuspended
	default:
		panic(es.Unhandled(e))
	}
	return s
}
