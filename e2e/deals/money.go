package deals

import (
	"errors"
	"slices"
	"strings"

	"recount/domain/bank/account"
	"recount/domain/bank/transfer"
	"recount/domain/shop/accountpayment"
	"recount/domain/shop/accountrefund"
)

// Transfers counts what has become of transfers.
type Transfers struct {
	Completed, Failed int
	// Reversed are those of the failed ones whose money had left.
	Reversed int
}

// Money audits the bank: every transfer has completed, or has failed and left nothing behind; none was carried out
// twice; what the shop received from accounts was taken from them, what it gave back went into them once, and nothing else
// moved; and what is in the accounts is what was paid in, less what the shop has of it. Nothing is set aside in the end.
func (l *Log) Money() (Transfers, error) {
	var n Transfers
	var f faults
	asked := map[string]bool{}
	for key, t := range all[transfer.Transfer](l, "transfer") {
		process := Bank + "/" + transfer.Saga().Name() + "/" + key.ID
		asked[process] = true
		l.checkTransfer(&f, &n, key.ID, t, l.moved[process])
	}
	received := l.debits(&f, asked)
	l.refunds(&f, asked)
	sums := map[string]int64{}
	for process, moves := range l.moved {
		if strings.HasPrefix(process, Shop+"/") && asked[process] {
			continue // it moves money out of the bank
		}
		net := map[string]int64{}
		for _, m := range moves {
			net[m.currency] += m.amount
		}
		for currency, left := range net {
			if left != 0 {
				f.add(ErrMoney, "%s moved %d %s in all", process, left, currency)
			}
		}
		if !asked[process] && slices.ContainsFunc(moves, ofDeals) {
			f.add(ErrMoney, "%s moved money that nobody asked to be moved", process)
		}
	}
	for _, a := range all[account.Account](l, "account") {
		sums[a.Currency] += a.Balance
		if len(a.Holds) > 0 {
			f.add(ErrMoney, "an account of %s holds %v in the end", a.CustomerID, a.Holds)
		}
	}
	for currency, sum := range sums {
		if sum != l.paidIn[currency]-received[currency] {
			f.add(ErrMoney, "%d %s are in the accounts, %d were paid in, and the shop received %d", sum, currency, l.paidIn[currency], received[currency])
		}
	}
	return n, errors.Join(f.found...)
}

// ofDeals says whether a movement is one that only those make who were asked to.
func ofDeals(m movement) bool {
	switch m.channel {
	case transfer.Channel, transfer.ReversalChannel, accountpayment.Channel, accountpayment.ReversalChannel,
		accountrefund.Channel:
		return true
	}
	return false
}

// checkTransfer compares what a transfer says with what was moved for it.
func (l *Log) checkTransfer(f *faults, n *Transfers, id string, t transfer.Transfer, moves []movement) {
	o := t.Order
	out := movement{o.From, o.Currency, -o.Amount, transfer.Channel}
	in := movement{o.To, o.Currency, o.Amount, transfer.Channel}
	back := movement{o.From, o.Currency, o.Amount, transfer.ReversalChannel}
	for i, m := range moves {
		if slices.Contains(moves[:i], m) {
			f.add(ErrTwice, "transfer %s moves %+v again", id, m)
		}
	}
	switch t.Status {
	case transfer.StatusCompleted:
		n.Completed++
		if !slices.Equal(moves, []movement{out, in}) && !slices.Equal(moves, []movement{in, out}) {
			f.add(ErrMoney, "transfer %s is complete, and moved %+v", id, moves)
		}
	case transfer.StatusFailed:
		n.Failed++
		if len(moves) == 0 {
			return
		}
		n.Reversed++
		if !slices.Equal(moves, []movement{out, back}) {
			f.add(ErrMoney, "transfer %s has failed, and moved %+v", id, moves)
		}
	default:
		f.add(ErrOpen, "transfer %s, %s,", id, t.Status)
	}
}

// Total is the money in all accounts, by currency.
func (l *Log) Total() map[string]int64 {
	sums := map[string]int64{}
	for _, a := range all[account.Account](l, "account") {
		if a.Balance != 0 {
			sums[a.Currency] += a.Balance
		}
	}
	return sums
}

// Again returns a completed transfer's deposit as a command under another ID, and the process in whose name it would be
// made again by a saga that makes up its commands' IDs; ok is false where no transfer is complete.
func (l *Log) Again() (process string, line Line, ok bool) {
	for key, t := range all[transfer.Transfer](l, "transfer") {
		if t.Status == transfer.StatusCompleted {
			o := t.Order
			process = Bank + "/" + transfer.Saga().Name() + "/" + key.ID
			return process, Line{Type: "bank.account.deposit", ID: o.To, CommandID: process + "/made up", Data: map[string]any{
				"amount": o.Amount, "currency": o.Currency, "reference": o.Reference, "channel": transfer.Channel,
			}}, true
		}
	}
	return "", Line{}, false
}
