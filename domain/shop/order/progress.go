package order

import "recount/internal/es"

func (o Order) allocate() ([]Event, error) {
	if o.reached(StatusAllocated) {
		return nil, nil
	}
	return es.Emit[Event](
		OrderAllocated{CustomerID: o.CustomerID, Currency: o.Currency, Total: o.Total},
		o.requireAlive())
}

func (o Order) pay(c Pay) ([]Event, error) {
	if err := es.First(
		o.requireAlive(),
		es.Require(c.Currency == o.Currency, CurrencyMismatch),
		es.Require(c.Amount == o.Total, AmountMismatch),
	); err != nil || o.reached(StatusPaid) {
		return nil, err
	}
	return es.Emit[Event](
		OrderPaid{CustomerID: o.CustomerID, Currency: o.Currency, Total: o.Total},
		es.Require(o.reached(StatusAllocated), NotAllocated))
}

func (o Order) arrangeShipping() ([]Event, error) {
	if o.reached(StatusShipping) {
		return nil, nil
	}
	return es.Emit[Event](
		ShippingArranged{CustomerID: o.CustomerID, Currency: o.Currency, Total: o.Total},
		o.requireAlive(),
		es.Require(o.reached(StatusPaid), NotPaid))
}

// cancelShipping gives the order back to who may cancel it; where shipping does not have it, there is nothing to give.
func (o Order) cancelShipping(c CancelShipping) ([]Event, error) {
	if err := es.First(
		es.Require(o.Status != "", NotPlaced),
		es.Require(!o.reached(StatusShipped), AlreadyShipped),
	); err != nil || o.Status != StatusShipping {
		return nil, err
	}
	return []Event{ShippingCancelled{CustomerID: o.CustomerID, Currency: o.Currency, Total: o.Total, Reason: c.Reason}}, nil
}

func (o Order) ship(c Ship) ([]Event, error) {
	if o.reached(StatusShipped) {
		return nil, nil
	}
	return es.Emit[Event](
		OrderShipped{CustomerID: o.CustomerID, Currency: o.Currency, Total: o.Total, TrackingNumber: c.TrackingNumber},
		o.requireAlive(),
		es.Require(o.reached(StatusShipping), ShippingNotArranged))
}

func (o Order) deliver() ([]Event, error) {
	if o.reached(StatusDelivered) {
		return nil, nil
	}
	return es.Emit[Event](
		OrderDelivered{CustomerID: o.CustomerID, Currency: o.Currency, Total: o.Total},
		o.requireAlive(),
		es.Require(o.reached(StatusShipped), NotShipped))
}

func (o Order) cancel(c Cancel) ([]Event, error) {
	if o.Status == StatusCancelled {
		return nil, nil
	}
	return es.Emit[Event](
		OrderCancelled{CustomerID: o.CustomerID, Currency: o.Currency, Total: o.Total, Reason: c.Reason, StatusBefore: o.Status},
		es.Require(o.Status != "", NotPlaced),
		es.Require(!o.reached(StatusShipping), TooLateToCancel),
		es.Require(c.Reason != "", ReasonMissing))
}
