package payment

import (
	"recount/domain/money"
	"recount/internal/es"
)

func (p Payment) request(c Request) ([]Event, error) {
	if p.Status != "" {
		same := c == Request{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Tax: p.Tax, Currency: p.Currency}
		return nil, es.First(p.requireOpen(), es.Require(same, AlreadyRequested))
	}
	return es.Emit[Event](
		PaymentRequested(c),
		es.Require(c.OrderID != "", OrderMissing),
		es.Require(c.CustomerID != "", CustomerMissing),
		es.Require(money.IsCurrency(c.Currency), CurrencyInvalid),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Tax >= 0 && c.Tax <= c.Amount, TaxInvalid))
}

func (p Payment) authorise(c Authorise) ([]Event, error) {
	if p.isReceived() || p.Status == StatusAuthorised {
		return nil, es.Require(c.Reference == p.Reference, AlreadyAuthorised)
	}
	return es.Emit[Event](
		PaymentAuthorised{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Currency: p.Currency, Reference: c.Reference},
		p.requireOpen(),
		es.Require(c.Reference != "", ReferenceMissing))
}

func (p Payment) capture() ([]Event, error) {
	if p.isReceived() {
		return nil, nil
	}
	return es.Emit[Event](
		PaymentReceived{
			OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Tax: p.Tax, Currency: p.Currency, Reference: p.Reference,
		},
		p.requireOpen(),
		es.Require(p.Status == StatusAuthorised, NotAuthorised))
}

func (p Payment) decline(c Decline) ([]Event, error) {
	if p.Status == StatusDeclined {
		return nil, nil
	}
	return es.Emit[Event](
		PaymentDeclined{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Currency: p.Currency, Reason: c.Reason},
		p.requireOpen(),
		es.Require(!p.isReceived(), AlreadyReceived))
}

// cancel ends a payment before the money comes in. One that has come to nothing by itself, or was given back as a whole,
// needs no end.
func (p Payment) cancel(c Cancel) ([]Event, error) {
	if p.Status == StatusCancelled || p.Status == StatusDeclined || p.Status == StatusRefunded {
		return nil, nil
	}
	return es.Emit[Event](
		PaymentCancelled{OrderID: p.OrderID, CustomerID: p.CustomerID, Amount: p.Amount, Currency: p.Currency, Reason: c.Reason},
		p.requireOpen(),
		es.Require(!p.isReceived(), AlreadyReceived))
}

func (p Payment) refund(c Refund) ([]Event, error) {
	left, leftTax := p.Amount, p.Tax
	for _, r := range p.Refunds {
		if r.RefundID == c.RefundID {
			return nil, es.Require(r.Amount == c.Amount && r.Tax == c.Tax && c.Currency == p.Currency, RefundedOtherwise)
		}
		left, leftTax = left-r.Amount, leftTax-r.Tax
	}
	refunded := PaymentRefunded{
		OrderID: p.OrderID, CustomerID: p.CustomerID, RefundID: c.RefundID, Amount: c.Amount, Tax: c.Tax, Currency: p.Currency,
		Reason: c.Reason, StatusAfter: StatusReceived,
	}
	if c.Amount == left {
		refunded.StatusAfter = StatusRefunded
	}
	return es.Emit[Event](
		refunded,
		p.requireOpen(),
		es.Require(p.isReceived(), NotReceived),
		es.Require(c.RefundID != "", RefundIDMissing),
		es.Require(c.Currency == p.Currency, CurrencyMismatch),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Amount <= left, RefundedTooMuch),
		// What is left of the tax lies within what is left of the amount, before this refund and after it.
		es.Require(c.Tax >= 0 && c.Tax <= c.Amount && c.Tax <= leftTax && leftTax-c.Tax <= left-c.Amount, TaxInvalid),
		es.Require(len(p.Refunds) < RefundsMax, TooManyRefunds))
}
