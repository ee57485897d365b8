package deals

import (
	"slices"

	"recount/domain/shop/accountpayment"
	"recount/domain/shop/accountrefund"
	"recount/domain/shop/payment"
	"recount/domain/shop/refund"
)

// debits compares the payments from accounts with what was moved for them, and returns what the shop has of them, by
// currency. asked gets the processes that are to move something.
func (l *Log) debits(f *faults, asked map[string]bool) map[string]int64 {
	received := map[string]int64{}
	for key, p := range all[payment.Payment](l, "payment") {
		if p.Account == "" {
			continue
		}
		process := Shop + "/" + accountpayment.Saga().Name() + "/" + key.ID
		asked[process] = true
		out := movement{p.Account, p.Currency, -p.Amount, accountpayment.Channel}
		back := movement{p.Account, p.Currency, p.Amount, accountpayment.ReversalChannel}
		moves := l.moved[process]
		for i, m := range moves {
			if slices.Contains(moves[:i], m) {
				f.add(ErrTwice, "payment %s moves %+v again", key.ID, m)
			}
		}
		switch {
		case wasKept(p):
			left := leftOf(p)
			received[p.Currency] += left
			if (left == 0) != (p.Status == payment.StatusRefunded) {
				f.add(ErrMoney, "payment %s is %s, and of %d the shop has %d", key.ID, p.Status, p.Amount, left)
			}
			if !slices.Equal(moves, []movement{out}) {
				f.add(ErrMoney, "payment %s came in for good, and moved %+v", key.ID, moves)
			}
		case len(moves) > 0 && !slices.Equal(moves, []movement{out, back}):
			f.add(ErrMoney, "payment %s is %s, and moved %+v", key.ID, p.Status, moves)
		}
	}
	return received
}

// wasKept says whether the shop had the money when what was paid for left. It has it still, or gave it back since, by
// refunds: also all of it, for of two refunds the one of everything may come first. A payment that was given back before
// it was settled came to nothing, and whoever took its money puts it back.
func wasKept(p payment.Payment) bool {
	return p.Status == payment.StatusReceived || p.Status == payment.StatusRefunded && p.Settled
}

// leftOf is what of a payment was not given back.
func leftOf(p payment.Payment) int64 {
	left := p.Amount
	for _, r := range p.Refunds {
		if !r.Reversed {
			left -= r.Amount
		}
	}
	return left
}

// refunds compares the refunds into accounts with what was moved for them, and with what their payments say. What a payment
// lacks beyond that is what debits counts.
func (l *Log) refunds(f *faults, asked map[string]bool) {
	for key, r := range all[refund.Refund](l, "refund") {
		process := Shop + "/" + accountrefund.Saga().Name() + "/" + key.ID
		asked[process] = true
		o, moves := r.Order, l.moved[process]
		complete := r.Status == refund.StatusCompleted
		switch {
		case r.Status == refund.StatusRequested:
			f.add(ErrOpen, "refund %s, %s,", key.ID, r.Status)
		case len(moves) > 1:
			f.add(ErrTwice, "refund %s moves %+v", key.ID, moves)
		case !complete && len(moves) != 0:
			f.add(ErrMoney, "refund %s has failed, and moved %+v", key.ID, moves)
		case complete && !slices.Equal(moves, []movement{{o.Account, o.Currency, o.Amount, accountrefund.Channel}}):
			f.add(ErrMoney, "refund %s is complete, and moved %+v", key.ID, moves)
		case complete != l.givenBack(key.ID, o):
			f.add(ErrMoney, "refund %s is %s, and payment %s says otherwise", key.ID, r.Status, o.PaymentID)
		}
	}
}

// givenBack says whether a refund's payment lacks what the refund is of.
func (l *Log) givenBack(id string, o refund.Order) bool {
	p, _ := l.states[Key{Shop, "payment", o.PaymentID}].(payment.Payment)
	part := payment.Refunded{RefundID: id, Amount: o.Amount, Tax: o.Tax, Account: o.Account}
	return p.Currency == o.Currency && slices.Contains(p.Refunds, part)
}
