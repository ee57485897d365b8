package workload

import (
	"errors"
	"fmt"
	"math/rand/v2"

	"recount/domain/bank/account"
	"recount/internal/es"
)

// Plan says which stream. Equal plans are equal streams.
type Plan struct {
	Commands   int
	Accounts   int
	Partitions int32
	Seed       uint64
}

// Validate returns every fault.
func (p Plan) Validate() error {
	var faults []error
	check := func(ok bool, format string, args ...any) {
		if !ok {
			faults = append(faults, fmt.Errorf(format, args...))
		}
	}
	check(p.Commands > 0, "%d commands are no stream", p.Commands)
	check(p.Accounts > 0 && p.Accounts <= accountsMax, "%d accounts: there must be 1 to %d", p.Accounts, accountsMax)
	check(p.Partitions > 0, "%d partitions: there must be at least one", p.Partitions)
	return errors.Join(faults...)
}

const (
	// accountsMax is what the six digits of an account's ID can tell apart.
	accountsMax = 1_000_000
	currency    = "EUR"
	// amountMax bounds a payment, in cents.
	amountMax = 100_000
	// withdrawalOneIn: of this many movements one takes money out, if there is enough.
	withdrawalOneIn = 3
	// The stream's own calendar: it begins in autumn 2026, with so many commands a second.
	firstMillis       = 1_790_000_000_000
	commandsPerMillis = 20
)

// Account is what an account must have come to.
type Account struct{ Balance, Version int64 }

// AccountID is the ID of account number n.
func AccountID(n int) string { return fmt.Sprintf("acct-%06d", n) }

// AccountNumber is the number of the account with an ID, which need not be one of AccountID's.
func AccountNumber(id string) (n int, ok bool) {
	const prefix = "acct-"
	if len(id) != len(prefix)+6 || id[:len(prefix)] != prefix {
		return 0, false
	}
	for _, c := range []byte(id[len(prefix):]) {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// step is one command before it is encoded.
type step struct {
	number  int // in the stream
	account int
	command account.Command
	meta    es.CommandMeta
	// after is what the account comes to by it.
	after Account
}

// script writes the stream's steps down, one after another.
type script struct {
	plan   Plan
	random *rand.Rand
	next   int
	state  []Account
}

func newScript(p Plan) *script {
	return &script{plan: p, random: rand.New(rand.NewPCG(p.Seed, 0)), state: make([]Account, p.Accounts)}
}

// Expected returns what every account has come to after the first commands of the stream.
func (p Plan) Expected(commands int) []Account {
	s := newScript(p)
	for s.next < commands {
		s.step()
	}
	return s.state
}

// step returns the next one. An account's first command opens it; money is only taken out where there is enough.
func (s *script) step() step {
	n := s.random.IntN(s.plan.Accounts)
	a := &s.state[n]
	out := step{number: s.next, account: n}
	amount := 1 + s.random.Int64N(amountMax)
	withdraw := s.random.IntN(withdrawalOneIn) == 0 && a.Balance >= amount
	reference, channel := fmt.Sprintf("invoice %d", s.next), channels[s.random.IntN(len(channels))]
	switch {
	case a.Version == 0:
		out.command = account.Open{CustomerID: fmt.Sprintf("cust-%06d", n), Currency: currency}
	case withdraw:
		out.command = account.Withdraw{Amount: amount, Currency: currency, Reference: reference, Channel: channel}
		a.Balance -= amount
	default:
		out.command = account.Deposit{Amount: amount, Currency: currency, Reference: reference, Channel: channel}
		a.Balance += amount
	}
	a.Version++
	out.after = *a
	at := int64(firstMillis + s.next/commandsPerMillis)
	out.meta = es.CommandMeta{
		AggregateID: AccountID(n), CommandID: s.uuid(at), CorrelationID: s.uuid(at), Actor: "counter-7", ValidAt: &at,
	}
	s.next++
	return out
}

var channels = [...]string{"branch", "atm", "online"}

// uuid has the form of a version 7 UUID, as producers commonly send: time first, then chance.
func (s *script) uuid(millis int64) string {
	hi, lo := s.random.Uint64(), s.random.Uint64()
	var id es.ID
	for i := range 6 {
		id[i] = byte(millis >> (8 * (5 - i)))
	}
	for i := range 8 {
		id[8+i] = byte(lo >> (8 * i))
	}
	id[6], id[7] = 0x70|byte(hi)&0x0f, byte(hi>>8)
	id[8] = 0x80 | id[8]&0x3f
	return id.String()
}
