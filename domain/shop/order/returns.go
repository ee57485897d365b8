package order

import (
	"slices"

	"recount/domain/money"
	"recount/internal/es"
)

// takeBack decides what comes back, and what it is worth. The same return again changes nothing.
func (o Order) takeBack(c Return) ([]Event, error) {
	if err := es.First(
		o.requireAlive(),
		es.Require(o.reached(StatusShipped), NotShipped),
		es.Require(c.ReturnID != "", ReturnIDMissing),
	); err != nil || slices.Contains(o.Returns, c.ReturnID) {
		return nil, err
	}
	if len(c.Lines) == 0 {
		return nil, LinesMissing
	}
	returned := ItemsReturned{
		ReturnID: c.ReturnID, CustomerID: o.CustomerID, Currency: o.Currency, Total: o.Total, Reason: c.Reason, StatusAfter: StatusReturned,
	}
	left := o.Lines // after the lines of this return so far, for it may name one twice
	for _, back := range c.Lines {
		if back.Line < 1 || int(back.Line) > len(left) {
			return nil, LineUnknown
		}
		sold := left[back.Line-1]
		if err := es.First(
			es.Require(back.Quantity > 0, QuantityNotPositive),
			es.Require(back.Quantity <= sold.Quantity-sold.Returned, ReturnedTooMuch),
		); err != nil {
			return nil, err
		}
		line := sold.worth(back)
		returned.Lines = append(returned.Lines, line)
		returned.RefundTax, returned.Refund = returned.RefundTax+line.Tax, returned.Refund+line.Net+line.Tax
		left = withReturned(left, []ReturnedLine{line})
	}
	if slices.ContainsFunc(left, func(s Sold) bool { return s.Returned < s.Quantity }) {
		returned.StatusAfter = o.Status
	}
	return []Event{returned}, nil
}

// worth is what a customer gets for what comes back now: the difference of what all that came back is worth after it and
// before, so that however a line comes back, its parts are together what was paid.
func (s Sold) worth(back ReturnLine) ReturnedLine {
	tax := func(quantity int64) int64 { return money.Part(s.Tax, quantity, s.Quantity) }
	return ReturnedLine{
		Line: back.Line, SKU: s.SKU, Quantity: back.Quantity,
		Net: back.Quantity * s.UnitPrice, Tax: tax(s.Returned+back.Quantity) - tax(s.Returned),
	}
}

// withReturned returns a copy of lines in which back has come back. What it does not know, it leaves out.
func withReturned(lines []Sold, back []ReturnedLine) []Sold {
	lines = slices.Clone(lines)
	for _, b := range back {
		if b.Line >= 1 && int(b.Line) <= len(lines) {
			lines[b.Line-1].Returned += b.Quantity
		}
	}
	return lines
}
