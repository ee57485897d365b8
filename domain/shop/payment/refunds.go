package payment

import (
	"slices"

	"recount/internal/es"
)

// refund gives a part back, or all. A refund that was reversed is over: whoever wants it after all asks under another ID.
func (p Payment) refund(c Refund) ([]Event, error) {
	if i := p.refunded(c.RefundID); i >= 0 {
		r := p.Refunds[i]
		same := r.Amount == c.Amount && r.Tax == c.Tax && c.Currency == p.Currency && r.Account == c.Account
		return nil, es.First(es.Require(same, RefundedOtherwise), es.Require(!r.Reversed, RefundIsReversed))
	}
	left, leftTax := p.left()
	refunded := PaymentRefunded{
		OrderID: p.OrderID, CustomerID: p.CustomerID, RefundID: c.RefundID, Amount: c.Amount, Tax: c.Tax, Currency: p.Currency,
		Reason: c.Reason, StatusAfter: StatusReceived, Account: c.Account,
	}
	if c.Amount == left {
		refunded.StatusAfter = StatusRefunded
	}
	return p.revoking(CodeRefunded)(es.Emit[Event](
		refunded,
		p.requireOpen(),
		es.Require(p.isReceived(), NotReceived),
		es.Require(c.RefundID != "", RefundIDMissing),
		es.Require(c.Currency == p.Currency, CurrencyMismatch),
		es.Require(c.Amount > 0, AmountNotPositive),
		es.Require(c.Amount <= left, RefundedTooMuch),
		// Until it is settled, whoever collected the money puts it back: nobody else does, or it would come back twice.
		es.Require(p.Account == "" || p.Settled || c.Amount == left && c.Account == "", NotSettled),
		es.Require(c.Account == p.returnsTo(), AccountMismatch),
		// What is left of the tax lies within what is left of the amount, before this refund and after it.
		es.Require(c.Tax >= 0 && c.Tax <= c.Amount && c.Tax <= leftTax && leftTax-c.Tax <= left-c.Amount, TaxInvalid),
		es.Require(len(p.Refunds) < RefundsMax, TooManyRefunds)))
}

// returnsTo is the account of the bank that refunds go into; empty: into none, or by whoever collected the money.
func (p Payment) returnsTo() string {
	if !p.Settled {
		return ""
	}
	return p.Account
}

// reverseRefund has the shop keep what an account did not take. What went elsewhere is with whoever gave it back.
func (p Payment) reverseRefund(c ReverseRefund) ([]Event, error) {
	i := p.refunded(c.RefundID)
	if err := es.First(p.requireOpen(), es.Require(i >= 0, RefundUnknown)); err != nil || p.Refunds[i].Reversed {
		return nil, err
	}
	r := p.Refunds[i]
	return es.Emit[Event](
		RefundReversed{
			OrderID: p.OrderID, CustomerID: p.CustomerID, RefundID: r.RefundID, Amount: r.Amount, Tax: r.Tax, Currency: p.Currency,
			Account: r.Account, Reason: c.Reason,
		},
		es.Require(r.Account != "", NotReversible))
}

// left is what of the money, and of the tax in it, was not given back.
func (p Payment) left() (amount, tax int64) {
	amount, tax = p.Amount, p.Tax
	for _, r := range p.Refunds {
		if !r.Reversed {
			amount, tax = amount-r.Amount, tax-r.Tax
		}
	}
	return amount, tax
}

// refunded is the place of a refund among the payment's; -1: there is none of this ID.
func (p Payment) refunded(id string) int {
	return slices.IndexFunc(p.Refunds, func(r Refunded) bool { return r.RefundID == id })
}

// withReversed returns a copy of refunds in which one is reversed. One that it does not know changes nothing.
func withReversed(refunds []Refunded, id string) []Refunded {
	refunds = slices.Clone(refunds)
	for i := range refunds {
		refunds[i].Reversed = refunds[i].Reversed || refunds[i].RefundID == id
	}
	return refunds
}
