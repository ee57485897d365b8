package customer

import (
	"recount/domain/money"
	"recount/internal/es"
)

func (s Customer) register(c Register) ([]Event, error) {
	return es.Emit[Event](
		CustomerRegistered(c),
		es.Require(s.Status == "", AlreadyRegistered),
		es.Require(c.Name != "", NameMissing),
		es.Require(isEmail(c.Email), EmailInvalid),
		requireAddress(c.Address),
		es.Require(money.IsCurrency(c.Currency), CurrencyInvalid),
		es.Require(c.CreditLimit >= 0, CreditLimitNegative))
}

func (s Customer) changeCreditLimit(c ChangeCreditLimit) ([]Event, error) {
	if err := es.First(
		s.requireRegistered(),
		es.Require(c.Currency == s.Currency, CurrencyMismatch),
		es.Require(c.CreditLimit >= 0, CreditLimitNegative),
	); err != nil || c.CreditLimit == s.CreditLimit {
		return nil, err
	}
	return []Event{CreditLimitChanged(c)}, nil
}

func (s Customer) block(c Block) ([]Event, error) {
	if s.Status == StatusBlocked {
		return nil, nil
	}
	return es.Emit[Event](CustomerBlocked(c), s.requireRegistered())
}

func (s Customer) unblock() ([]Event, error) {
	if s.Status == StatusActive {
		return nil, nil
	}
	return es.Emit[Event](CustomerUnblocked{}, s.requireRegistered())
}

func (s Customer) reserve(c ReserveCredit) ([]Event, error) {
	if r, ok := s.find(c.OrderID); ok {
		return nil, es.Require(r.Amount == c.Amount && c.Currency == s.Currency, ReservedOtherwise)
	}
	return es.Emit[Event](
		CreditReserved{OrderID: c.OrderID, Amount: c.Amount, Currency: c.Currency, ReservedAfter: s.Reserved + c.Amount},
		s.requireRegistered(),
		es.Require(s.Status != StatusBlocked, Blocked),
		es.Require(c.OrderID != "", OrderMissing),
		es.Require(c.Currency == s.Currency, CurrencyMismatch),
		es.Require(c.Amount > 0, AmountNotPositive),
		// Neither limit nor what is reserved is negative, so that the difference can't overflow; their sum could.
		es.Require(c.Amount <= s.CreditLimit-s.Reserved, CreditExceeded),
		es.Require(len(s.Reservations) < ReservationsMax, TooManyReservations))
}

// release is open to the blocked as well: what is paid or cancelled is no longer on order.
func (s Customer) release(c ReleaseCredit) ([]Event, error) {
	r, ok := s.find(c.OrderID)
	if !ok {
		return nil, s.requireRegistered()
	}
	return []Event{CreditReleased{OrderID: r.OrderID, Amount: r.Amount, Currency: s.Currency, ReservedAfter: s.Reserved - r.Amount}}, nil
}
