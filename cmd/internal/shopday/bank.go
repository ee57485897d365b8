package shopday

import (
	"fmt"
	"math/rand/v2"
	"time"
)

const (
	ordersPerTransfer    = 5
	transfersPerAccount  = 5
	accountsMin          = 20
	accountsEach         = 20 // of which one is closed, and one frozen
	paidIn               = 20_000_00
	transferMax          = 500_00
	moreThanAnybodyHas   = 1_000_000_00
	transfersFromFrozen  = 5 // in hundredths
	transfersToFrozen    = 5
	transfersToClosed    = 8
	transfersToNobody    = 3
	transfersOfTooMuch   = 4
	transfersAskedForTwo = 5
)

func accountID(n int) string { return fmt.Sprintf("giro-%05d", n) }

// Transfers is how many are asked for in the day.
func (d Day) Transfers() int { return d.Orders / ordersPerTransfer }

func (d Day) bankAccounts() int { return max(accountsMin, d.Transfers()/transfersPerAccount) }

// accounts opens what transfers go between.
func (d Day) accounts(at time.Time) []Line {
	var out []Line
	for n := range d.bankAccounts() {
		id := accountID(n)
		out = append(out, d.line("bank.account.open", id, "open", at, map[string]any{"customer_id": customerID(n), "currency": currency}))
		if n%accountsEach == 0 {
			out = append(out, d.line("bank.account.close", id, "close", at, map[string]any{}))
			continue
		}
		out = append(out, d.line("bank.account.deposit", id, "pay in", at, map[string]any{"amount": paidIn, "currency": currency, "reference": "wages"}))
		if n%accountsEach == 1 {
			out = append(out, d.line("bank.account.freeze", id, "freeze", at, map[string]any{"reason": "court order"}))
		}
	}
	return out
}

// transfers are those of an hour. They are valid at the same moment: no entry of an account is late, in whatever order
// they are made.
func (d Day) transfers(hour int) []Line {
	rng := d.chance(chanceOfTransfers)
	var out []Line
	for n := range d.Transfers() {
		line, again := d.transfer(rng, n, hour)
		if n*Hours/d.Transfers() != hour {
			continue
		}
		if out = append(out, line); again {
			out = append(out, line)
		}
	}
	return out
}

// transfer makes one up, and says whether it is asked for twice.
func (d Day) transfer(rng *rand.Rand, n, hour int) (line Line, again bool) {
	group := func() int { return rng.IntN(d.bankAccounts()/accountsEach) * accountsEach }
	alive := func() int { return group() + 2 + rng.IntN(accountsEach-2) }
	from, to, amount := alive(), alive(), 1+rng.Int64N(transferMax)
	for to == from {
		to = alive()
	}
	sender, receiver := accountID(from), accountID(to)
	roll := rng.IntN(100)
	below := func(share int) bool { roll -= share; return roll < 0 }
	switch dead := group(); {
	case below(transfersFromFrozen):
		sender = accountID(dead + 1)
	case below(transfersToFrozen):
		receiver = accountID(dead + 1)
	case below(transfersToClosed):
		receiver = accountID(dead)
	case below(transfersToNobody):
		receiver = "giro-unknown"
	case below(transfersOfTooMuch):
		amount = moreThanAnybodyHas
	}
	line = d.line("bank.transfer.request", fmt.Sprintf("transfer-%05d", n), "request", Begin().Add(time.Duration(hour)*time.Hour), map[string]any{
		"from_account": sender, "to_account": receiver, "amount": amount, "currency": currency, "reference": "pocket money",
	})
	return line, rng.IntN(100) < transfersAskedForTwo
}
